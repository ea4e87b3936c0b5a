/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* AF_UNIX sockets of engines and agents: the caller names a path, and gets a descriptor with one message. */

#include <stddef.h>
#include <sys/socket.h>

struct error;

/* Connects to a stream socket. Paths longer than sun_path go through /proc/self/fd. Returns the fd. */
int socket_connect(const char *path, struct error *err);
/* One sendmsg(2): all of @text and exactly one descriptor. */
int socket_send_fd(int socket_fd, const char *text, size_t len, int fd, struct error *err);
/* Room beside a message for one descriptor. */
union socket_control {
	struct cmsghdr header;
	char space[CMSG_SPACE(sizeof(int))];
};

/* Has @fd go along with @message, which points to @control from then on. */
void socket_attach_fd(struct msghdr *message, union socket_control *control, int fd);
/* The descriptor that came along with @message, owned by the caller; -1: none. Any more of them are closed. */
int socket_take_fd(struct msghdr *message);

/*
 * One recvmsg(2): what was sent is dropped, a descriptor that came along is *ret_fd (close-on-exec, owned by the caller), -1 when none
 * did. Blocks. 0 or a negative errno.
 */
int socket_receive_fd(int socket_fd, int *ret_fd);
