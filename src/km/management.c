/* SPDX-License-Identifier: Apache-2.0 */

/*
 * km's management socket: a stream socket kmpipe.NAME.PID in the directory that the environment variable KM_MGTDIR names,
 * one request a connection, in km's own struct (libkontain_mgmt.h): all of it in one send, or km fills the rest with what
 * is on its stack.
 */

#include <dirent.h>
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
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "km/km.h"
#include "syscall/process.h"
#include "util/cleanup.h"
#include "util/error.h"

#define SOCKET_PREFIX "kmpipe."
/* <linux/un.h> has it, and a struct that libc has as well. */
#define SIOCUNIXFILE (SIOCPROTOPRIVATE + 0)

/* Where km has its listening socket; descriptors of a payload are below 727. */
enum { MANAGEMENT_FD = 729 };
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

/* Only what km itself says on it counts: the directory is the container's, and others may have made sockets there. */
static int connect_path(const char *path, pid_t monitor)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (fd < 0)
		return -errno;
	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return -errno;
	return peer.pid == monitor ? take_fd(&fd) : -ESRCH;
}

static int connect_to(int dir_fd, const char *name, pid_t monitor)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dir_fd, name);
	return connect_path(path, monitor);
}

/*
 * The kernel knows the file that a socket was bound to, name or not (unix(7), SIOCUNIXFILE): a child of the payload inherits km's
 * exit handler, which removes the name of its parent's socket.
 */
static int connect_held(pid_t monitor, int pidfd)
{
	auto_close int socket_fd = sys_pidfd_getfd(pidfd, MANAGEMENT_FD), file_fd = -1;
	char path[32];

	if (socket_fd < 0)
		return socket_fd;
	file_fd = ioctl(socket_fd, SIOCUNIXFILE);
	if (file_fd < 0)
		return -errno;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file_fd);
	return connect_path(path, monitor);
}

int km_management_connect(int dir_fd, pid_t monitor, int pidfd, struct error *err)
{
	int again = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = again < 0 ? NULL : fdopendir(again);
	struct dirent *entry;
	int found = -ENOENT;

	if (!dir) {
		cleanup_close(&again);
		return error_sys(err, -errno, "read '%s' of the container", KM_MANAGEMENT_DIR);
	}
	/* One that was replaced by exec leaves its socket behind. */
	while (found < 0 && (entry = readdir(dir))) {
		struct stat st;

		if (strncmp(entry->d_name, SOCKET_PREFIX, strlen(SOCKET_PREFIX)) == 0 &&
		    fstatat(dir_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK(st.st_mode))
			found = connect_to(dir_fd, entry->d_name, monitor);
	}
	closedir(dir);
	if (found < 0)
		found = connect_held(monitor, pidfd);
	return found < 0 ? error_set(err, -ENOTCONN,
				     "km does not listen on a management socket in '%s' of "
				     "the container: %s",
				     KM_MANAGEMENT_DIR, error_reason(found)) :
			   found;
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

	if (socket_fd < 0)
		return socket_fd;
	if (send(socket_fd, request, sizeof(*request), MSG_NOSIGNAL) != sizeof(*request))
		return error_sys(err, -errno, "ask km for a snapshot");
	return wait_for_reply(socket_fd, pidfd, timeout_ms, err);
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
