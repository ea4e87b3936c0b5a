/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The parts of a payload that a snapshot does not keep, because km's process has them and not the virtual
 * machine. krun restores them, or refuses the checkpoint if it cannot.
 */

#include <limits.h>

#include "monitor/monitor.h"

struct error;
struct state;

struct payload {
	struct km_descriptors descriptors;
	char cwd[PATH_MAX]; /* in the container */
	unsigned int umask;
};

/*
 * Reads the payload's parts. @process_fd: /proc/PID of km; @init_fd: of pid1, which has the ids and
 * capabilities that km began with; -1: km has no pid1, and they are not compared. -EBUSY: a thread of km has
 * other ids or capabilities by now, which a restore could not give back. -ESRCH: km has ended. The caller
 * ends @ret with payload_done().
 */
int payload_look(int process_fd, int init_fd, struct payload *ret, struct error *err);
void payload_done(struct payload *payload);
