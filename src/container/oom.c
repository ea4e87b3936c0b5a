/* SPDX-License-Identifier: Apache-2.0 */
#include "container/oom.h"

#include <signal.h>
#include <string.h>

#include "cgroup/cgroup.h"
#include "container/state.h"
#include "krun/exit_codes.h"
#include "util/error.h"
#include "util/io.h"
#include "util/log.h"

bool oom_killed(const struct state *state)
{
	struct cgroup cgroup;
	struct error ignored;
	bool killed;

	if (!state->cgroup.path)
		return false;
	/* Gone: the place is all that can be asked about. */
	if (cgroup_open(&state->cgroup, &cgroup, &ignored) < 0)
		return cgroup_ran_out_of_memory(&(struct cgroup){ .place = state->cgroup, .dir_fd = -1 });
	killed = cgroup_ran_out_of_memory(&cgroup);
	cgroup_done(&cgroup);
	return killed;
}

void oom_tell(const struct cgroup *cgroup, int exit_status)
{
	char limit[32];

	if (exit_status != KRUN_EXIT_SIGNAL + SIGKILL || !cgroup_ran_out_of_memory(cgroup))
		return;
	if (cgroup->dir_fd < 0 || io_read_small(cgroup->dir_fd, "memory.max", limit, sizeof(limit)) <= 0)
		log_warning("killed by the kernel: out of memory");
	else if (strcmp(limit, "max") == 0)
		log_warning(
			"killed by the kernel: out of memory (the container has no memory limit of its own)");
	else
		log_warning("killed by the kernel: out of memory (memory limit %s bytes)", limit);
}
