/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Readiness for a service manager, sd_notify(3): krun's own NOTIFY_SOCKET is a socket of the host, which the container
 * can neither see nor may be trusted with. The container gets one of its own at /run/notify/notify.sock instead; what it
 * says there is filtered and passed on. Nothing of this happens when config.json sets NOTIFY_SOCKET itself.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "state/state_dir.h"

struct error;

#define NOTIFY_ENVIRONMENT "NOTIFY_SOCKET=" STATE_NOTIFY_MOUNT "/notify.sock"

/* Whether the caller waits for a message and the program's environment @env (NULL-terminated) names no socket. */
bool notify_wanted(char *const *env);

/* Makes the directory for the socket in the state directory. O_PATH fd, owned by the caller. */
int notify_directory_make(int state_dir_fd, struct error *err);

/*
 * Before the program is let go: the socket of a container that has such a directory. *ret_fd: owned by the caller; -1 when
 * the container has none or nobody listens on the host.
 */
int notify_listen(int state_dir_fd, int *ret_fd, struct error *err);

/*
 * Passes one waiting message on, if there is one. @main_pid: named as the service's process with READY=1 (a command that
 * goes away, and waits some seconds until the manager has read that); 0: the manager knows it. True when it said READY=1.
 */
bool notify_forward(int fd, pid_t main_pid);

/* Passes messages on until the container is ready or its process @pid has ended. */
void notify_wait_ready(int fd, pid_t pid);

/*
 * Pure: copies the assignments of a message that a container may make and that are printable (util/printable.h), each with a newline, to @out (at least @len + 1
 * bytes), which is NUL-terminated. Returns its length; *ret_ready: READY=1 is one of them.
 */
size_t notify_filter(const char *message, size_t len, char *out, bool *ret_ready);
