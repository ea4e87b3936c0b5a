/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * `checkpoint` in plain mode, by CRIU. On the host, in the process of the command, which holds the
 * container's lock.
 */

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
 * Writes the images. On success the processes have ended, except with --leave-running and --pre-dump. If CRIU
 * fails, they continue as before, and all images in the directory are removed, but not CRIU's log.
 */
int checkpoint_dump(const struct dump_request *request, struct error *err);

/*
 * Checks for dump and restore that the caller is root (-EPERM) and finds CRIU's program in a version that is
 * new enough. The caller frees *ret_program.
 */
int checkpoint_criu(const struct runtime_options *runtime, char **ret_program, struct error *err);

#define CRIU_DEFAULT_CONFIG "/etc/criu/krun.conf"
/* *ret: CRIU_DEFAULT_CONFIG if that file is there, else NULL. */
int checkpoint_criu_config(const char **ret, struct error *err);
