/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The status of a container, which is never stored but derived from its processes each time, and the
 * operations that it allows.
 */

#include <stdbool.h>

struct error;
struct state;

enum status { STATUS_CREATING, STATUS_CREATED, STATUS_RUNNING, STATUS_PAUSED, STATUS_STOPPED, STATUS_COUNT };

const char *status_word(enum status status);

enum operation {
	OP_START,
	OP_EXEC,
	OP_KILL,
	OP_DELETE,
	OP_PAUSE,
	OP_RESUME,
	OP_UPDATE,
	OP_MOUNT,
	OP_CHECKPOINT,
	OP_WATCH,
	OP_COUNT
};

/* Pure. Returns whether @operation is legal in @status. */
bool status_allows(enum status status, enum operation operation);

/* Returns 0 and the status. A negative errno means that the status is unknown, which is not "stopped". */
int status_of(int dir_fd, const struct state *state, enum status *ret, struct error *err);
/* The same by a cgroup that the caller has opened: @group_fd is what cgroup_open_directory() returned. */
int status_of_group(int dir_fd, const struct state *state, int group_fd, enum status *ret, struct error *err);
/* The same of a container for which status_open_process() has just succeeded. */
int status_of_living(int dir_fd, const struct state *state, int group_fd, enum status *ret,
		     struct error *err);

/*
 * Opens a pidfd of the container's first process, checked by its start time; the caller closes it. -ESRCH
 * "container not running": the process has ended. Any other error: unknown.
 */
int status_open_process(const struct state *state, struct error *err);
/*
 * Opens a pidfd of km's process, state_monitor(), in the km mode; errors as above. The first process is
 * checked last: while it lives, km's pid is not another process's.
 */
int status_open_monitor(const struct state *state, struct error *err);
/*
 * Makes the error for @code of a failed call on /proc/PID or a pidfd of the container's process: -ESRCH
 * "container not running" when @code says that the process is gone (proc_is_gone()), otherwise @code with
 * "@what: reason".
 */
int status_lost_process(int code, const char *what, struct error *err);

/*
 * Returns 0 if @operation is legal in @status. Otherwise -ESRCH "container not running" for OP_KILL, -ESRCH
 * for OP_WATCH of a stopped container, -EBUSY else. Engines match these texts.
 */
int status_check(enum status status, enum operation operation, const char *id, struct error *err);
