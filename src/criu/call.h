/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A request to CRIU, for which CRIU runs as a process of its own (`criu swrk`). In the process of the
 * command, on the host.
 */

#include <stdbool.h>
#include <sys/types.h>

#include "criu/request.h"

struct error;

enum { CRIU_VERSION_MIN = 31500 }; /* 3.15 */

struct criu_call {
	const char *program;
	enum criu_type type;
	const struct criu_options *options; /* NULL for CRIU_VERSION and CRIU_FEATURE_CHECK */
	int log_dir_fd;			    /* with .options: the work directory, to read the log */
	/*
	 * fds for the CRIU process: .fd here becomes .number there, which is above 2 and is used in .options.
	 * fds 0 to 2 are not passed, because CRIU must not write where a container writes. At most
	 * CRIU_INHERITED_MAX.
	 */
	const struct criu_passed {
		int fd, number;
	} * passed;
	size_t passed_len;
	/* Called in the CRIU process, first of all and on the host; NULL: nothing. */
	int (*prepare)(void *data, struct error *err);
	/*
	 * Called at each stage (criu(8), --action-script); NULL: nothing. @fd: a terminal's master, owned by
	 * the function, or -1. When it fails, CRIU fails, too, and its error is that of the call.
	 */
	int (*notify)(void *data, const struct criu_answer *stage, int fd, struct error *err);
	void *data;
	int cgroup_fd; /* the cgroup in which CRIU starts; -1: this process's */
	/* CRIU runs in a session of its own, and gets no signals of a terminal (SIGINT, SIGHUP). */
	bool own_session;
	/* Kills CRIU when this process dies or is interrupted: only while CRIU has stopped nothing. */
	bool ends_with_us;
};

/*
 * Makes one request and waits for CRIU's end. When CRIU fails: -EIO or its errno, with a text from its log or
 * output ("CRIU: ..."), and *ret is its answer, if there was one. Other errors are those of .prepare, .notify
 * and of starting the process.
 */
int criu_do(const struct criu_call *call, struct criu_answer *ret, struct error *err);

/* ---- find.c -------------------------------------------------------------------------------------------- */

/*
 * Finds CRIU's program: @path (an executable file, with a slash in it; -EINVAL or the errno of access(2)), or
 * without it "criu" in PATH or PATH_DEFAULT (-ENOPKG). *ret is owned by the caller.
 */
int criu_find(const char *path, char **ret, struct error *err);

/*
 * Asks @program for its version (31701 is 3.17.1). -ENOPKG when it is older than CRIU_VERSION_MIN, or an
 * error of criu_do().
 */
int criu_check_version(const char *program, unsigned int *ret_version, struct error *err);
