/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Extracting error messages from CRIU's log. */

#include <stddef.h>

/*
 * Pure: returns TEXT, a part of @line, of an error such as "(00.04) Error (FILE:LINE): TEXT". NULL for other
 * lines, for errors that only report that something "FAILED", and for one about a resource limit, which CRIU
 * does not need ("rlimit:").
 */
const char *criu_log_message(const char *line);

/*
 * Writes the first four messages of the log @name in @dir_fd to @text (@size bytes), joined by "; ", with '?'
 * for control characters. The text is empty when there is no such log or no message in it.
 */
void criu_log_excerpt(int dir_fd, const char *name, char *text, size_t size);
/* The same for the output of CRIU in @log, which is modified. */
void criu_log_excerpt_text(char *log, char *text, size_t size);
