/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Letting a parked program run, which `start` and `run` share. */

struct error;
struct launch;
struct state;

struct release {
	int dir_fd;
	const struct state *state;
	struct launch *launch; /* `run`: the sync socket; NULL: the FIFO */
};

/* Releases the program. */
int container_release(const struct release *release, struct error *err);
