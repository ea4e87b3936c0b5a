/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Releasing a parked program, for `start` and `run`. On the host, in the process of the command. */

struct error;
struct launch;
struct spec;
struct state;

struct release {
	int dir_fd;
	const struct state *state;
	const struct spec *spec; /* has the container's hooks; NULL: it has none */
	struct launch *launch;	 /* `run`: releases by the sync socket; NULL: by the gate */
};

/*
 * Releases the program and waits until it executes. -ESRCH, -ECHILD: it ended before;
 * -ETIMEDOUT: it did not, and was killed, because nobody knows any more whether it will.
 */
int container_release(const struct release *release, struct error *err);
