/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A line about a command that takes long, for a person at a terminal. It appears on standard error after half
 * a second, is written anew at most ten times a second and is gone when the command goes on. The commands
 * wait in many places, for km, CRIU or a hook, none of which has to know of it: a process of its own draws,
 * on the host, with no other descriptor of the command's.
 *
 * Without a terminal that can be drawn on, with --log, with a log in JSON and at debug level nothing happens.
 */

#include <stddef.h>
#include <sys/types.h>

struct cli;
struct progress_shared;

struct progress {
	const char *what;      /* of the command: "checkpoint of ID" */
	const char *directory; /* that grows; NULL: none. Both are borrowed. */
	size_t total;	       /* of the things to do one after the other; 0: it is one thing */
	pid_t pid;	       /* the process that draws; 0: there is none */
	struct progress_shared *shared;
};

/* The caller has set the first three members. Every progress_begin() needs a progress_end(). */
void progress_begin(struct progress *progress, const struct cli *cli);
/* @done of the things have been done. */
void progress_count(struct progress *progress, size_t done);
void progress_end(struct progress *progress);
