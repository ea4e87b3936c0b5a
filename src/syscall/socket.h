/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* AF_UNIX sockets of engines and agents: the caller names a path, and gets a descriptor with one message. */

#include <stddef.h>

struct error;

/* Connects to a stream socket. Paths longer than sun_path go through /proc/self/fd. Returns the fd. */
int socket_connect(const char *path, struct error *err);
/* One sendmsg(2): all of @text and exactly one descriptor. */
int socket_send_fd(int socket_fd, const char *text, size_t len, int fd, struct error *err);
