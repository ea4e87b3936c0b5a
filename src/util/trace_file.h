/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The file of a trace: one JSON array that is complete after each event, whatever becomes of the command,
 * because an event is written in place of the closing bracket, together with a new one. Several commands may
 * add to one file at once: each holds its lock (flock(2)) while it writes an event. An array that is not
 * closed, of an earlier krun or cut by a full disk, is continued behind its last whole line.
 *
 * What is no regular file (a FIFO, a terminal) gets an array of its own from each command, which
 * trace_file_close() closes.
 */

#include <stdbool.h>
#include <stddef.h>

struct error;

struct trace_file {
	int fd;		/* -1: none */
	bool is_stream; /* not a regular file */
	bool begun;	/* a stream has its opening bracket */
	bool shunned;	/* somebody has held the lock for too long, and is not waited for again */
};

/*
 * -EINVAL: the file has something else than an array; -ENXIO: nobody reads the FIFO, or it is a socket; or
 * another errno of open(2).
 */
int trace_file_open(const char *path, struct trace_file *ret, struct error *err);
/*
 * Adds one event, a JSON object without a line break. It is lost when it cannot be written, or when somebody
 * else holds the lock; the array stays complete.
 */
void trace_file_add(struct trace_file *file, const char *event, size_t len);
/* Ends the array of a stream. Does nothing without a file. */
void trace_file_close(struct trace_file *file);
