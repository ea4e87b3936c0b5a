/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

struct error;

/*
 * Tells the caller of create, run and exec about the new process @pid: a pidfd to the socket, then the pid file, which comes
 * last because its absence is what tells an engine that nothing runs. Either path may be NULL.
 */
int report_process(pid_t pid, const char *pidfd_socket, const char *pid_file, struct error *err);
