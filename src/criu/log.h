/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What CRIU says in its log about a failure, for people. */

#include <stddef.h>

/*
 * Pure: the message of a log line that is an error and says something: "(00.04) Error (FILE:LINE): TEXT". NULL for all
 * others, among them those that only say that it failed, and one about a limit that CRIU can do without.
 */
const char *criu_log_message(const char *line);

/*
 * The first messages of the log @name below @dir_fd, joined by "; ", without characters that a terminal would obey. An empty
 * text when there is no such log or nothing in it.
 */
void criu_log_excerpt(int dir_fd, const char *name, char *text, size_t size);
/* The same for messages that are in @log already, from CRIU before it has a log. */
void criu_log_excerpt_text(char *log, char *text, size_t size);
