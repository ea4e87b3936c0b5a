/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Records of programs that ran outside of the virtual machine: one JSON object on each line, with time,
 * container, name, path, sha256 and the caller's uid. A record is written before the program runs; without a
 * record it does not run. A successful command logs nothing at the normal level, so the records have a place
 * of their own:
 *
 *   - always the file STATE_EXCEPTIONS_LOG in the state directory, appended to. Above AUDIT_FILE_MAX bytes it
 *     is renamed to STATE_EXCEPTIONS_LOG ".old" and a new one begins. It is removed with the container.
 *   - with "exceptionsAudit": "syslog" in the host's settings also syslog, facility authpriv (RFC 5424).
 */

#include <stdbool.h>
#include <sys/types.h>

struct error;

#define STATE_EXCEPTIONS_LOG "exceptions.log"

enum { AUDIT_FILE_MAX = 1024 * 1024 };

struct audit_record {
	const char *container, *name, *path, *sha256;
	uid_t uid;
};

/* Writes a record. @dir_fd: state directory. A failure means that the program must not run. */
int audit_write(int dir_fd, const struct audit_record *record, bool to_syslog, struct error *err);
/* Copies both files to @out_fd, oldest record first. A missing file is not an error. */
int audit_copy(int dir_fd, int out_fd, struct error *err);
