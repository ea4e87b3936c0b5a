/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Releasing a parked program, for `start` and `run`. On the host, in the process of the command. */

struct error;
struct launch;
struct state;

struct release {
	int dir_fd;
	const struct state *state;
	struct launch *launch; /* `run`: releases by the sync socket; NULL: by the FIFO */
};

/* Releases the program and waits until it executes. -ESRCH, -ECHILD: it ended before. */
int container_release(const struct release *release, struct error *err);
