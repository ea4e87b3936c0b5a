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

enum status status_of(int dir_fd, const struct state *state);

/* -EBUSY or the like with the text for people (and for engines, which match a few of them). */
int status_check(enum status status, enum operation operation, const char *id, struct error *err);
