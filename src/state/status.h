/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What a container is doing, derived from its process at the moment of the question; and what is allowed then. */

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

/* Pure: the table. */
bool status_allows(enum status status, enum operation operation);

/* 0 and the status; a negative errno when nobody can tell, which is not "stopped". */
int status_of(int dir_fd, const struct state *state, enum status *ret, struct error *err);

/*
 * A pidfd of the container's first process, of that very one; the caller closes it. -ESRCH "container not running", and that alone, says
 * that it has ended; anything else that nobody can tell.
 */
int status_open_process(const struct state *state, struct error *err);
/*
 * The same of km's process, state_monitor(), in the km mode: while the first process lives, which is looked at last, its number is
 * nobody else's.
 */
int status_open_monitor(const struct state *state, struct error *err);
/* The error of a call on /proc/PID of one of its processes, or on a descriptor of it: -ESRCH as above, or what failed in doing @what. */
int status_lost_process(int code, const char *what, struct error *err);

/* -EBUSY or the like with the text for people (and for engines, which match a few of them). */
int status_check(enum status status, enum operation operation, const char *id, struct error *err);
