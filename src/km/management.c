/* SPDX-License-Identifier: Apache-2.0 */

/*
 * km's management socket: a stream socket whose name the environment variable KM_MGTPIPE has, one request a connection, in km's own struct (libkontain_mgmt.h): all of it in one send, or km fills the rest with what
 * is on its stack.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "km/km.h"
#include "syscall/open.h"
#include "syscall/process.h"
#include "util/cleanup.h"
#include "util/error.h"

/* <linux/un.h> has it, and a struct that libc has as well. */
#define SIOCUNIXFILE (SIOCPROTOPRIVATE + 0)

enum { REQUEST_SNAPSHOT = 0, LABEL_SIZE = 256, PATH_SIZE = 1024, RETRIES = 20, RETRY_MS = 250 };

struct request {
	int32_t opcode;
	int32_t length; /* of what follows */
	char label[LABEL_SIZE];
	char description[LABEL_SIZE];
	int32_t live; /* the payload goes on */
	char path[PATH_SIZE];
};

_Static_assert(sizeof(struct request) == 1548 && offsetof(struct request, path) == 524,
	       "the request is as km has it");

int km_management_open(int proc_fd, pid_t monitor, struct error *err)
{
	auto_close int root_fd = -1;
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "%d/root", monitor);
	root_fd = openat(proc_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0)
		return error_sys(err, -errno, "open the container's root");
	fd = open_in_root(root_fd, KM_MANAGEMENT_DIR, O_PATH | O_DIRECTORY);
	return fd < 0 ? error_sys(err, fd, "open '%s' of the container", KM_MANAGEMENT_DIR) : fd;
}

/*
 * The kernel knows the file that a socket was bound to, name or not (unix(7), SIOCUNIXFILE): a child of the payload inherits km's
 * exit handler, which removes the name of its parent's socket.
 */
static int open_socket_file(int pidfd)
{
	auto_close int socket_fd = sys_pidfd_getfd(pidfd, KM_MANAGEMENT_FD);
	int fd = socket_fd < 0 ? socket_fd : ioctl(socket_fd, SIOCUNIXFILE);

	return fd == -1 && socket_fd >= 0 ? -errno : fd;
}

int km_management_call(int fd, int dir_fd, pid_t monitor, int pidfd)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	auto_close int file_fd = open_socket_file(pidfd);

	if (file_fd >= 0)
		snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d", file_fd);
	else
		snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/" KM_MANAGEMENT_NAME,
			 dir_fd);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	/* The name is in a directory of the container's, and others may have made a socket there. */
	return km_is_peer(fd, monitor) ? 0 : -ESRCH;
}

int km_management_connect(int dir_fd, pid_t monitor, int pidfd, struct error *err)
{
	auto_close int held = km_held_connection(monitor, pidfd);
	auto_close int fd = held >= 0 ? -1 : socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r;

	if (!km_management_is_served(monitor))
		return error_set(err, -ENOTCONN,
				 "km does not answer on its management socket any more: the payload has "
				 "executed another program in its place");
	if (held >= 0)
		return take_fd(&held);
	r = fd < 0 ? -errno : km_management_call(fd, dir_fd, monitor, pidfd);
	return r == 0 ? take_fd(&fd) :
			error_set(err, -ENOTCONN,
				  "km does not listen on its management socket '%s' in the container: %s",
				  KM_MANAGEMENT_SOCKET, error_reason(r));
}

static const char *reason(int status)
{
	switch (status < 0 ? -status : status) {
	case EAGAIN:
		return "the payload has timers, unfinished input or output, or pipes with data of forked "
		       "processes";
	case EBUSY:
		return "a debugger is attached";
	case EACCES:
	case EPERM:
		return "km may not write the file";
	default:
		return error_reason(status < 0 ? status : -status);
	}
}

static int wait_for_reply(int socket_fd, int pidfd, unsigned int timeout_ms, struct error *err)
{
	struct pollfd items[] = { { .fd = socket_fd, .events = POLLIN }, { .fd = pidfd, .events = POLLIN } };
	int32_t status;
	ssize_t n;
	int r;

	do
		r = poll(items, 2, (int)timeout_ms);
	while (r < 0 && errno == EINTR);
	if (r == 0)
		return error_set(err, -ETIMEDOUT, "km has not written the snapshot after %u ms", timeout_ms);
	n = recv(socket_fd, &status, sizeof(status), MSG_DONTWAIT);
	if (n != sizeof(status))
		return error_set(err, -ECONNRESET, "km %s before the snapshot was complete",
				 items[1].revents ? "ended" : "closed its management socket");
	if (status == EAGAIN)
		return -EAGAIN;
	if (status != 0)
		return error_set(err, -EIO, "km refuses the snapshot: %s", reason(status));
	return 0;
}

static int ask_once(int dir_fd, pid_t monitor, int pidfd, const struct request *request,
		    unsigned int timeout_ms, struct error *err)
{
	auto_close int socket_fd = km_management_connect(dir_fd, monitor, pidfd, err);
	int r;

	if (socket_fd < 0)
		return socket_fd;
	if (send(socket_fd, request, sizeof(*request), MSG_NOSIGNAL) != sizeof(*request))
		return error_sys(err, -errno, "ask km for a snapshot");
	r = wait_for_reply(socket_fd, pidfd, timeout_ms, err);
	/* One request a connection, also for copies of the socket. */
	shutdown(socket_fd, SHUT_RDWR);
	return r;
}

int km_snapshot(int dir_fd, pid_t monitor, int pidfd, const char *path, bool live, unsigned int timeout_ms,
		struct error *err)
{
	struct request request = {
		.opcode = REQUEST_SNAPSHOT,
		.length = sizeof(request) - offsetof(struct request, label),
		.live = live,
	};
	int r = -EAGAIN;

	snprintf(request.label, sizeof(request.label), "krun");
	snprintf(request.path, sizeof(request.path), "%s", path);
	/* "Again" is meant so: a timer may be armed just now. */
	for (int i = 0; r == -EAGAIN && i < RETRIES; i++) {
		struct pollfd item = { .fd = pidfd, .events = POLLIN };

		if (i > 0 && poll(&item, 1, RETRY_MS) > 0)
			return error_set(err, -ESRCH, "km has ended");
		r = ask_once(dir_fd, monitor, pidfd, &request, timeout_ms, err);
	}
	return r == -EAGAIN ? error_set(err, -EBUSY, "km cannot take a snapshot now: %s", reason(EAGAIN)) : r;
}
