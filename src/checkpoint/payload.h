/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a snapshot does not keep of a payload, because not the virtual machine has it but km's process: krun brings it back, or
 * says before the snapshot that it cannot.
 */

#include <limits.h>

#include "monitor/monitor.h"

struct error;
struct state;

struct payload {
	struct km_descriptors descriptors;
	char cwd[PATH_MAX]; /* as the container sees it */
	unsigned int umask;
};

/*
 * @process_fd: km's directory of /proc, @init_fd: that of the container's first process, which is as km was at its start; -1 when
 * km itself is the first. Another user or other capabilities than then are an error: nobody would take them away again.
 */
int payload_look(int process_fd, int init_fd, struct payload *ret, struct error *err);
void payload_done(struct payload *payload);
