/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* How the commands begin that look at a container, signal it or take it away: they go by what can be read of its state. */

#include <stdbool.h>

#include "state/state.h"
#include "state/status.h"

struct runtime_options;
struct error;

/* A container that is open for an operation. */
struct handle {
	int dir_fd;
	struct state state;
	enum status status;
};

/* @lock: waits until no other command changes the container. handle_done() after success. */
int handle_open(const struct runtime_options *runtime, const char *id, bool lock, struct handle *ret,
		struct error *err);
void handle_done(struct handle *handle);
