/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Holds a connection to km's management socket, so that km's thread does not wait in accept(2). accept(2)
 * reserves the lowest free descriptor number while it waits. A dup2(2) of the payload to that number (a
 * shell's "exec 3>&1") fails with EBUSY; and if a signal restarts the call just while km has standard input
 * closed to open it again, the payload loses its standard input.
 *
 * The other end of the connection has to exist as long as the container does, but no process of krun does.
 * So km inherits a few unconnected sockets, and krun connects one of them, which `create` still has and
 * other commands copy by pidfd_getfd(2): km has both ends, and its thread waits in recv(2) for a request.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "monitor/monitor.h"
#include "syscall/process.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"

/*
 * The numbers of those sockets are above km's own. With a hard limit of 1024 they are where km would have the
 * last of its 288 threads.
 */
enum { FIRST = 1025, FIRST_LOW = 1016 };
enum { HELD_LOOKS = 400, SERVED_LOOKS = 2000, NAP_NS = 500000 };

int km_spare_sockets_make(int fds[KM_SPARE_SOCKETS], struct error *err)
{
	for (size_t i = 0; i < KM_SPARE_SOCKETS; i++) {
		auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

		fds[i] = fd < 0 ? -errno : io_dup_above(fd, FIRST, FIRST_LOW);
		if (fds[i] < 0)
			return error_sys(err, fds[i], "make a socket for km");
	}
	return 0;
}

static bool is_connected(int fd)
{
	struct sockaddr_un address;
	socklen_t size = sizeof(address);

	return getpeername(fd, (struct sockaddr *)&address, &size) == 0;
}

bool km_is_peer(int fd, pid_t monitor)
{
	struct ucred peer = { 0 };
	socklen_t size = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.pid == monitor;
}

/* True if the other end is closed. */
static bool is_spent(int fd)
{
	struct pollfd item = { .fd = fd, .events = POLLRDHUP };

	return poll(&item, 1, 0) > 0;
}

/* A copy of one of those sockets, of one that is @connected or of one that is not. -ENOENT: there is none. */
static int find_socket(pid_t monitor, int pidfd, bool connected)
{
	char path[48];
	struct dirent *entry;
	int found = -ENOENT;
	int r = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", monitor);
	dir = opendir(path);
	if (!dir)
		return -errno;
	while (found < 0 && (r = io_next_entry(dir, &entry)) > 0) {
		const long number = strtol(entry->d_name, NULL, 10);
		char link[16] = "";
		int fd;

		if (number < FIRST_LOW || readlinkat(dirfd(dir), entry->d_name, link, sizeof(link) - 1) < 0 ||
		    strncmp(link, "socket:", strlen("socket:")) != 0)
			continue;
		fd = sys_pidfd_getfd(pidfd, (int)number);
		if (fd >= 0 && is_connected(fd) == connected &&
		    (!connected || (km_is_peer(fd, monitor) && !is_spent(fd))))
			found = fd;
		else
			cleanup_close(&fd);
	}
	closedir(dir);
	return r < 0 ? r : found;
}

int km_held_connection(pid_t monitor, int pidfd)
{
	return find_socket(monitor, pidfd, true);
}

int km_management_hold_by(int fd, int dir_fd, pid_t monitor, int pidfd)
{
	const int r = km_management_call(fd, dir_fd, monitor, pidfd);

	/* The socket may be connected to another process: it must not be taken for km's. */
	if (r < 0)
		shutdown(fd, SHUT_RDWR);
	return r;
}

int km_management_hold(int dir_fd, pid_t monitor, int pidfd)
{
	auto_close int held = find_socket(monitor, pidfd, true);
	auto_close int fd = held >= 0 ? -1 : find_socket(monitor, pidfd, false);

	if (held >= 0 || fd < 0)
		return held >= 0 ? 0 : fd;
	return km_management_hold_by(fd, dir_fd, monitor, pidfd);
}

enum call { CALL_OTHER, CALL_ACCEPT, CALL_RECEIVE, CALL_UNKNOWN };

/* The call of a thread on one of km's two sockets, by proc_pid_syscall(5): "NUMBER ARGUMENT...". */
static enum call call_of(int task_fd, const char *thread)
{
	char name[300], text[256];
	unsigned int fd = 0;
	int number = -1;

	snprintf(name, sizeof(name), "%s/syscall", thread);
	if (io_read_small(task_fd, name, text, sizeof(text)) <= 0)
		return CALL_UNKNOWN;
	if (sscanf(text, "%d %x", &number, &fd) != 2)
		return CALL_OTHER;
	if ((number == SYS_accept || number == SYS_accept4) && fd == KM_MANAGEMENT_FD)
		return CALL_ACCEPT;
	return number == SYS_recvfrom && fd == KM_CONNECTION_FD ? CALL_RECEIVE : CALL_OTHER;
}

static enum call look_at_threads(pid_t monitor)
{
	enum call found = CALL_OTHER;
	struct dirent *entry;
	char path[48];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", monitor);
	dir = opendir(path);
	while (dir && found == CALL_OTHER && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			found = call_of(dirfd(dir), entry->d_name);
	if (dir)
		closedir(dir);
	return found;
}

void km_management_wait_held(pid_t monitor)
{
	const struct timespec nap = { .tv_nsec = NAP_NS };

	for (int i = 0; i < HELD_LOOKS && look_at_threads(monitor) == CALL_ACCEPT; i++)
		nanosleep(&nap, NULL);
}

bool km_management_is_served(pid_t monitor)
{
	const struct timespec nap = { .tv_nsec = NAP_NS };

	/* Looks several times, because the thread may be between two calls. */
	for (int i = 0; i < SERVED_LOOKS; i++) {
		if (look_at_threads(monitor) != CALL_OTHER)
			return true;
		nanosleep(&nap, NULL);
	}
	return false;
}
