/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* `checkpoint` of a plain container, by CRIU. On the host, in the process of the command, which holds the container's lock. */

#include "checkpoint/checkpoint.h"
#include "state/status.h"

struct runtime_options;
struct error;
struct state;

struct dump_request {
	const struct runtime_options *runtime;
	const struct checkpoint_options *options;
	const struct state *state;
	enum status status; /* running or paused */
	int dir_fd;	    /* state directory */
};

/*
 * On success the processes are dead, but with --leave-running and --pre-dump. On failure they are as before, and no image is left;
 * CRIU's log is.
 */
int checkpoint_dump(const struct dump_request *request, struct error *err);

/* Both directions: root, and a CRIU that is new enough. *ret_program is owned by the caller. */
int checkpoint_criu(const struct runtime_options *runtime, char **ret_program, struct error *err);

#define CRIU_DEFAULT_CONFIG "/etc/criu/krun.conf"
/* It, when it is there; else NULL. */
const char *checkpoint_criu_config(void);
