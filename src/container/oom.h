/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Memory that ran out as the reason of an end. */

#include <stdbool.h>

struct cgroup;
struct state;

/* Whether the kernel has killed any process of the container for it, see cgroup_ran_out_of_memory(). */
bool oom_killed(const struct state *state);

/*
 * `run` looks while the container runs, because systemd removes a scope's cgroup as soon as nothing runs in it, and
 * not every systemd remembers the reason (253 does).
 */
struct oom_watch {
	const struct cgroup *cgroup; /* borrowed */
	int fd;			     /* POLLPRI: time to look; -1: nothing (more) to see */
	bool killed;
	char limit[32]; /* memory.max; "": not known */
};

void oom_watch_begin(struct oom_watch *watch, const struct cgroup *cgroup);
void oom_watch_look(struct oom_watch *watch);
/* Says in one warning that memory is the reason of @exit_status, if it is, and ends the watch. */
void oom_watch_end(struct oom_watch *watch, int exit_status);
