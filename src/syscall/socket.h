/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* AF_UNIX sockets of engines and agents, and passing an fd with a message (unix(7), SCM_RIGHTS). */

#include <stddef.h>
#include <sys/socket.h>

struct error;

/*
 * Connects to the stream socket at @path, which may be longer than sun_path. Returns the fd (close-on-exec)
 * or a negative errno; -ETIMEDOUT: the other side has not accepted within 10 s. What is sent on it later has
 * the same limit.
 */
int socket_connect(const char *path, struct error *err);
/* Sends @len bytes of @text and the fd @fd with one sendmsg(2). 0 or a negative errno. */
int socket_send_fd(int socket_fd, const char *text, size_t len, int fd, struct error *err);
/* Control data of a message, with room for one fd. */
union socket_control {
	struct cmsghdr header;
	char space[CMSG_SPACE(sizeof(int))];
};

/* Adds @fd to @message, which points to @control afterwards. */
void socket_attach_fd(struct msghdr *message, union socket_control *control, int fd);
/* Returns the fd that was received with @message, owned by the caller; -1: none. Further fds are closed. */
int socket_take_fd(struct msghdr *message);

/*
 * Receives one message, blocking. *ret_byte is the first byte of its data, or NUL; the others are dropped.
 * *ret_fd is the fd that came with it (close-on-exec, owned by the caller), or -1. 0, also at end of file, or
 * a negative errno.
 */
int socket_receive_fd(int socket_fd, char *ret_byte, int *ret_fd);
