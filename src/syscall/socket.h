/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* AF_UNIX sockets of engines and agents: the caller names a path, and gets a descriptor with one message. */

#include <stddef.h>

struct error;

/* Connects to a stream socket. Paths longer than sun_path go through /proc/self/fd. Returns the fd. */
int socket_connect(const char *path, struct error *err);
/* One sendmsg(2): all of @text and exactly one descriptor. */
int socket_send_fd(int socket_fd, const char *text, size_t len, int fd, struct error *err);
/*
 * One recvmsg(2): what was sent is dropped, a descriptor that came along is *ret_fd (close-on-exec, owned by the caller), -1 when none
 * did. Blocks. 0 or a negative errno.
 */
int socket_receive_fd(int socket_fd, int *ret_fd);
