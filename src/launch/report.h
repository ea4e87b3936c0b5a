/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

struct error;

/*
 * Reports the new process @pid to the caller of the command: sends a pidfd to @pidfd_socket, then writes
 * @pid_file atomically, digits only. The pid file comes last, because its absence tells an engine that the
 * command failed. Either path may be NULL.
 */
int report_process(pid_t pid, const char *pidfd_socket, const char *pid_file, struct error *err);
