/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The log of the km of a container: opened by the parent, km gets it as /proc/self/fd/N and truncates it at its start. It is
 * bounded by the file itself, because whoever runs under km can make km talk, and may even open the file through /proc:
 *
 *   - a file on a tmpfs of MONITOR_LOG_MAX bytes, mounted on a directory of the state, which goes with it. A
 *     write to the full one fails with ENOSPC, which km ignores. km of an exec gets an unnamed file there: it counts too.
 *   - for a caller who may not mount, a memfd, which is sealed against growth once km waits: readable only while km lives;
 *   - for such a caller and a km that does not wait, nobody could seal it in time: /dev/null.
 *
 * The beginning is kept, what does not fit is lost. Parent side, all of it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct error;

/* The directory that the tmpfs is mounted on, in the container's state directory. */
#define MONITOR_LOG_DIRECTORY "monitor"

enum { MONITOR_LOG_MAX = 1024 * 1024 };

/* For the container's own km. Returns a descriptor above those that km uses itself; owned by the caller. @waits: see above. */
int monitor_log_make(int dir_fd, bool waits, struct error *err);
/* For the km of one exec: it has no name, and ends with its km. */
int monitor_log_make_unnamed(int dir_fd, bool waits, struct error *err);
/* km has opened it, and waits. Does nothing to a log that is bounded already. */
int monitor_log_bound(int log_fd, struct error *err);

/* The file of a container's log, for reading, by its state directory. -ENOENT, without an error text, when there is none (any more). */
int monitor_log_open(int dir_fd);
/*
 * The same by the descriptor of km process @monitor, for callers in another mount namespace and for a log that has no name. Only a file in memory can be one: seals
 * are asked of memfds and of files on a tmpfs, and the latter are sealed against sealing.
 */
int monitor_log_open_of(pid_t monitor);
/* What was written from byte @from on, without NUL bytes; NUL-terminated, freed by the caller. */
int monitor_log_read(int log_fd, off_t from, char **ret_text, size_t *ret_len);
/* Bytes so far; 0 for -1. */
off_t monitor_log_size(int log_fd);

/*
 * Pure. The last lines of @text on one line that fits into @size, "; " between them; without the line that every km writes when it
 * waits. Control characters become '?'.
 */
void monitor_log_tail(const char *text, size_t len, char *tail, size_t size);
/* Adds the tail to an error. @log_fd -1: nothing to add. Returns err->code. */
int monitor_log_explain(int log_fd, struct error *err);
/* At debug level: each line from byte @from on as a record of krun's log, step "km". */
void monitor_log_to_debug(int log_fd, off_t from);
