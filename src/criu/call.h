/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One request to CRIU, which runs as a process of its own for it (`criu swrk`). In the process of the command, on the host.
 */

#include <stdbool.h>
#include <sys/types.h>

#include "criu/request.h"

struct error;

enum { CRIU_VERSION_MIN = 31500 };

/*
 * CRIU's program: @path, or "criu" in PATH and where it usually is. *ret is owned by the caller. -ENOPKG with the one text for
 * a host without it.
 */
int criu_find(const char *path, char **ret, struct error *err);

struct criu_call {
	const char *program;
	enum criu_type type;
	const struct criu_options *options; /* NULL for questions */
	int log_dir_fd; /* where its log is to be read, with options: their work directory here */
	/*
	 * Descriptors that the CRIU process gets under numbers of its choice, so that options can name them: passed[i].fd here is
	 * passed[i].number there, above 2. 0, 1 and 2 are not passed on: CRIU must not write where a container writes.
	 */
	const struct criu_passed {
		int fd, number;
	} * passed;
	size_t passed_len;
	/* In the CRIU process before anything is passed on, on the host; NULL: nothing. */
	int (*prepare)(void *data, struct error *err);
	/*
	 * At a stage (criu(8), --action-script). @fd: of a terminal, which it closes, or -1. Its failure is CRIU's, and is the error of
	 * the call.
	 */
	int (*notify)(void *data, const struct criu_answer *stage, int fd, struct error *err);
	void *data;
	int cgroup_fd; /* CRIU begins in this cgroup; -1: in ours */
	/* A session of its own keeps CRIU from signals of a terminal, and its process from leaving with ours. */
	bool own_session;
	bool ends_with_us; /* it is killed when this process dies: never while processes are in its hands */
};

/*
 * Waits for CRIU's end. A failure's text begins with what CRIU says in its log. On failure of CRIU *ret is its
 * answer, if there was one.
 */
int criu_do(const struct criu_call *call, struct criu_answer *ret, struct error *err);

/* The version of a program; an error with its name when it is too old or none. */
int criu_check_version(const char *program, unsigned int *ret_version, struct error *err);
