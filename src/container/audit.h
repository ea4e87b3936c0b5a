/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Who let which program run outside of the virtual machine: one JSON object a line with time, container, name, path, sha256 and uid
 * (the caller's), written before the program runs; no record, no program. At the normal level a command says nothing on success, so
 * the records have a place of their own:
 *
 *   - always the file STATE_EXCEPTIONS_LOG in the state directory, appended to; above AUDIT_FILE_MAX it becomes
 *     STATE_EXCEPTIONS_LOG ".old" and a new one begins. It goes with the container.
 *   - with "exceptionsAudit": "syslog" in the host's settings also syslog (facility authpriv), which stays.
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

int audit_write(int dir_fd, const struct audit_record *record, bool to_syslog, struct error *err);
/* Both files to @out_fd, oldest record first; none is none. */
int audit_copy(int dir_fd, int out_fd, struct error *err);
