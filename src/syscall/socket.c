/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "syscall/socket.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"

/* How long an engine or an agent may take to accept a connection, and to take what is sent. */
enum { PEER_MS = 10000 };

int socket_connect(const char *path, struct error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	auto_close int path_fd = -1;

	if (fd < 0)
		return error_sys(err, -errno, "make a socket");
	if (strlen(path) < sizeof(address.sun_path)) {
		strcpy(address.sun_path, path);
	} else {
		path_fd = open(path, O_PATH | O_CLOEXEC);
		if (path_fd < 0)
			return error_sys(err, -errno, "open socket '%s'", path);
		snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d", path_fd);
	}
	io_limit_socket(fd, PEER_MS);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return error_sys(err, io_socket_error(errno), "connect to socket '%s'", path);
	return take_fd(&fd);
}

void socket_attach_fd(struct msghdr *message, union socket_control *control, int fd)
{
	struct cmsghdr *header;

	*control = (union socket_control){ 0 };
	message->msg_control = control;
	message->msg_controllen = sizeof(control->space);
	header = CMSG_FIRSTHDR(message);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
}

static void take_fds(const struct cmsghdr *header, int *fd)
{
	const size_t len = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);

	for (size_t i = 0; i < len; i++) {
		int came;

		memcpy(&came, CMSG_DATA(header) + i * sizeof(came), sizeof(came));
		if (*fd < 0)
			*fd = came;
		else
			close(came);
	}
}

int socket_take_fd(struct msghdr *message)
{
	int fd = -1;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			take_fds(c, &fd);
	return fd;
}

int socket_send_fd(int socket_fd, const char *text, size_t len, int fd, struct error *err)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)text, .iov_len = len };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	union socket_control control;
	ssize_t n;

	socket_attach_fd(&message, &control, fd);
	do
		n = sendmsg(socket_fd, &message, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0 || (size_t)n < len)
		return error_sys(err, n < 0 ? io_socket_error(errno) : -EMSGSIZE,
				 "send a descriptor over the socket");
	return 0;
}

int socket_receive_fd(int socket_fd, char *ret_byte, int *ret_fd)
{
	struct iovec iov = { .iov_base = ret_byte, .iov_len = 1 };
	union socket_control control;
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control.space),
	};

	*ret_byte = '\0';
	*ret_fd = -1;
	if (recvmsg(socket_fd, &message, MSG_CMSG_CLOEXEC) < 0)
		return -errno;
	*ret_fd = socket_take_fd(&message);
	return 0;
}
