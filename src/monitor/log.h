/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The log of a km. The parent opens it; km gets it as /proc/self/fd/N, opens it again and truncates it. The
 * file itself limits its size, because the payload can make km write to it, and may even open it through
 * /proc:
 *
 *   - It is a file on a tmpfs of MONITOR_LOG_MAX bytes, mounted in the state directory and removed with that.
 *     A write to the full tmpfs fails with ENOSPC, which km ignores. The km of an exec gets an unnamed file
 *     there, which counts, too.
 *   - For a caller who may not mount it is a memfd, which is sealed against growth once km waits. It can be
 *     read only while km lives.
 *   - For such a caller and a km that does not wait it is /dev/null: a memfd could not be sealed in time.
 *
 * The beginning of the log is kept; what does not fit is lost. All functions run in the command's process
 * on the host, and return 0 or a negative errno.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct error;

/* The directory with the tmpfs, in the container's state directory. */
#define MONITOR_LOG_DIRECTORY "monitor"

enum { MONITOR_LOG_MAX = 1024 * 1024 };

/*
 * Makes the log of the container's first km. @dir_fd: the state directory; @waits: km will wait for its
 * release. Returns a close-on-exec descriptor, owned by the caller, with a number that km does not use:
 * 1024 or above, or 726 if the hard RLIMIT_NOFILE allows no more.
 */
int monitor_log_make(int dir_fd, bool waits, struct error *err);
/* The same for the km of an exec: the log has no name and ends with its km. */
int monitor_log_make_unnamed(int dir_fd, bool waits, struct error *err);
/* Seals a log in a memfd, once km has opened it and waits. Does nothing to other logs. */
int monitor_log_bound(int log_fd, struct error *err);

/*
 * Opens the log of the container's first km for reading; the caller owns the descriptor. -ENOENT: there is
 * none, or not any more, or it cannot be opened. Fills no error.
 */
int monitor_log_open(int dir_fd);
/*
 * The same through the descriptor of km process @monitor, for callers in another mount namespace and for a
 * log without a name. -ENOENT for every file that has no seals: only a memfd and a file on a tmpfs have
 * some (the latter F_SEAL_SEAL), so that nothing else that the payload puts there is read.
 */
int monitor_log_open_of(pid_t monitor);
/* The content from byte @from on, without NUL bytes, NUL-terminated; the caller frees it. Fills no error. */
int monitor_log_read(int log_fd, off_t from, char **ret_text, size_t *ret_len);
/* Bytes written so far, without NUL bytes; 0 also if @log_fd is -1 or cannot be read. */
off_t monitor_log_size(int log_fd);

/*
 * Pure. Writes the last lines of @text to @tail, of @size bytes, with "; " between them, and without the line
 * that every km writes when it waits. Control characters and invalid UTF-8 become '?'.
 */
void monitor_log_tail(const char *text, size_t len, char *tail, size_t size);
/* Appends the tail to the error text. @log_fd -1: does nothing. Returns err->code. */
int monitor_log_explain(int log_fd, struct error *err);
/* At debug level: logs each line from byte @from on as a record of step "km". @log_fd -1: does nothing. */
void monitor_log_to_debug(int log_fd, off_t from);
