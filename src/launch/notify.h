/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Readiness for a service manager, sd_notify(3). krun's own NOTIFY_SOCKET is a socket of the host, which the
 * container cannot reach and must not be trusted with. The container gets a socket of its own,
 * /run/notify/notify.sock; krun filters what comes there and passes it on. If config.json sets NOTIFY_SOCKET,
 * krun does nothing of this. On the host, in the process of the command.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "state/state_dir.h"

struct error;

#define NOTIFY_ENVIRONMENT "NOTIFY_SOCKET=" STATE_NOTIFY_MOUNT "/notify.sock"

/* Returns whether krun has a NOTIFY_SOCKET and the program's environment @env (NULL-terminated) has none. */
bool notify_wanted(char *const *env);

/* Makes the directory of the socket in the state directory. Returns an O_PATH fd, which the caller closes. */
int notify_directory_make(int state_dir_fd, struct error *err);

/*
 * Makes the socket of a container that has such a directory, before the program is released. The caller
 * closes *ret_fd; it is -1 if the container has no such directory or krun has no NOTIFY_SOCKET.
 */
int notify_listen(int state_dir_fd, int *ret_fd, struct error *err);

/*
 * Passes on one waiting message, if any, and returns whether it said READY=1. @main_pid: added to READY=1 as
 * MAINPID, by a command that ends before the container; it then waits up to 5 s until the manager has read
 * the message. 0: krun's process is the service's.
 */
bool notify_forward(int fd, pid_t main_pid);

/* Passes on messages until the container is ready or its process @pid has ended. */
void notify_wait_ready(int fd, pid_t pid);

/*
 * Pure. Copies the assignments of a message that a container may make and that are printable
 * (util/printable.h), each with a newline, to @out, which has room for @len + 2 bytes and gets a NUL. Returns
 * the length. *ret_ready: READY=1 is one of them.
 */
size_t notify_filter(const char *message, size_t len, char *out, bool *ret_ready);
