/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The beginning of commands that show, signal or delete a container: these work with a partly readable state,
 * too.
 */

#include <stdbool.h>

#include "state/state.h"
#include "state/status.h"

struct runtime_options;
struct error;

struct handle {
	int dir_fd; /* state directory */
	struct state state;
	enum status status;
};

/*
 * Opens a container with state_load_some(). @lock: waits for the lock of its directory. After success the
 * caller calls handle_done().
 */
int handle_open(const struct runtime_options *runtime, const char *id, bool lock, struct handle *ret,
		struct error *err);
void handle_done(struct handle *handle);
