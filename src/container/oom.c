/* SPDX-License-Identifier: Apache-2.0 */
#include "container/oom.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "cgroup/cgroup.h"
#include "cgroup/events.h"
#include "krun/exit_codes.h"
#include "state/state.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"
#include "util/log.h"

bool oom_killed(const struct state *state, int group_fd)
{
	/* With -ENOENT the cgroup is gone, but systemd may remember its scope. */
	if (!state->cgroup.path || (group_fd < 0 && group_fd != -ENOENT))
		return false;
	return cgroup_ran_out_of_memory(&(struct cgroup){ .place = state->cgroup, .dir_fd = group_fd });
}

void oom_watch_begin(struct oom_watch *watch, const struct cgroup *cgroup)
{
	*watch = (struct oom_watch){ .cgroup = cgroup, .fd = -1 };
	if (cgroup->dir_fd < 0)
		return;
	watch->fd = cgroup_memory_events_open(cgroup->dir_fd);
	oom_watch_look(watch);
}

void oom_watch_look(struct oom_watch *watch)
{
	struct cgroup_memory_events events;
	char limit[sizeof(watch->limit)];

	if (watch->fd < 0)
		return;
	/* With the file of a removed cgroup poll(2) would return at once for ever. */
	if (cgroup_memory_events_read(watch->fd, &events) < 0) {
		cleanup_close(&watch->fd);
		return;
	}
	watch->killed = events.oom_kill > 0;
	if (io_read_small(watch->cgroup->dir_fd, "memory.max", limit, sizeof(limit)) > 0)
		strcpy(watch->limit, limit);
}

bool oom_watch_is_clear(const struct oom_watch *watch)
{
	return watch->fd >= 0 && !watch->killed;
}

void oom_watch_end(struct oom_watch *watch, int exit_status)
{
	cleanup_close(&watch->fd);
	if (exit_status != KRUN_EXIT_SIGNAL + SIGKILL ||
	    !(watch->killed || cgroup_ran_out_of_memory(watch->cgroup)))
		return;
	if (watch->limit[0] == '\0')
		log_warning("killed by the kernel: out of memory");
	else if (strcmp(watch->limit, "max") == 0)
		log_warning(
			"killed by the kernel: out of memory (the container has no memory limit of its own)");
	else
		log_warning("killed by the kernel: out of memory (memory limit %s bytes)", watch->limit);
}
