/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Names of the files of --debug-log and --trace: an engine calls krun many times with the same options, and
 * each command may have a file of its own.
 */

#include <stddef.h>
#include <sys/types.h>
#include <time.h>

struct error;

/* What stands for %ID%, %COMMAND%, %PID% and %TIME%. */
struct log_name {
	const char *id; /* as on the command line, checked by nobody; NULL: the command has none */
	const char *command;
	pid_t pid;
	struct timespec time; /* CLOCK_REALTIME */
};

/*
 * Pure. Writes @pattern, with its placeholders replaced, to @out. "%TIME%" is 20261130T143015.123456Z, in
 * UTC. In an id '_' replaces every byte that is none of letters, digits and "+-._", and a dot in front, so
 * that it cannot name another directory. -EINVAL: another word in capitals between two '%'; -ENAMETOOLONG.
 */
int log_name_expand(const char *pattern, const struct log_name *name, char *out, size_t size,
		    struct error *err);

/*
 * The same. When the result is a directory, or ends in '/', it becomes a file in there that is called
 * "krun.TIME.COMMAND.ID.PID" and @ending. @pattern with "syslog:" or "journald:" in front is not a file.
 */
int log_name_file(const char *pattern, const char *ending, const struct log_name *name, char *out,
		  size_t size, struct error *err);
