/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Tells whether a container's process was killed because memory ran out. */

#include <stdbool.h>

struct cgroup;
struct state;

/*
 * Returns whether the kernel's OOM killer has killed a process of the container, see
 * cgroup_ran_out_of_memory(). @group_fd: what cgroup_open_directory() returned for its cgroup.
 */
bool oom_killed(const struct state *state, int group_fd);

/*
 * `run` watches while the container runs, because systemd removes a scope's cgroup as soon as it is empty,
 * and some versions of systemd do not remember the reason (253 does).
 */
struct oom_watch {
	const struct cgroup *cgroup; /* borrowed */
	int fd;			     /* memory.events; POLLPRI: it changed; -1: none (any more) */
	bool killed;
	char limit[32]; /* memory.max; "": unknown */
};

/* Opens .fd, which oom_watch_end() closes. */
void oom_watch_begin(struct oom_watch *watch, const struct cgroup *cgroup);
/* Reads the events; called when .fd has POLLPRI. */
void oom_watch_look(struct oom_watch *watch);
/* Returns whether the last look showed that nobody was killed. False: somebody was, or it is not known. */
bool oom_watch_is_clear(const struct oom_watch *watch);
/*
 * Logs a warning if memory is the reason of @exit_status, and ends the watch. The last look was that of
 * foreground_wait(), right before the process was collected.
 */
void oom_watch_end(struct oom_watch *watch, int exit_status);
