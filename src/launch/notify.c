/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "syscall/process.h"
#include "syscall/socket.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/io.h"
#include "util/log.h"
#include "util/printable.h"
#include "util/strv.h"

#define SOCKET "notify.sock"

enum { MESSAGE_MAX = 4096, BARRIER_TIMEOUT_MS = 5000, TAKEN_NAP_NS = 2000000 };

/* Parses NOTIFY_SOCKET. False: it is not set, or no address for a datagram. */
static bool host_address(struct sockaddr_un *ret, socklen_t *ret_len)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len = path ? strlen(path) : 0;

	if (len == 0)
		return false;
	if ((path[0] != '/' && path[0] != '@') || len < 2 || len >= sizeof(ret->sun_path)) {
		log_warning("NOTIFY_SOCKET '%s' is neither a path nor an abstract name: nobody is notified",
			    path);
		return false;
	}
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(ret->sun_path, path, len);
	if (path[0] == '@')
		ret->sun_path[0] = '\0';
	*ret_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	return true;
}

bool notify_wanted(char *const *env)
{
	struct sockaddr_un address;
	socklen_t len;

	return !strv_env_get(env, "NOTIFY_SOCKET") && host_address(&address, &len);
}

int notify_directory_make(int state_dir_fd, struct error *err)
{
	int fd;

	if (mkdirat(state_dir_fd, STATE_NOTIFY, 0755) < 0)
		return error_sys(err, -errno, "make the directory of the notify socket");
	fd = openat(state_dir_fd, STATE_NOTIFY, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	/* Any user of the container has to reach the socket, whatever the caller's umask is. */
	if (fd < 0 || fchmodat(state_dir_fd, STATE_NOTIFY, 0755, 0) < 0)
		return error_sys(err, -errno, "open the directory of the notify socket");
	return fd;
}

int notify_listen(int state_dir_fd, int *ret_fd, struct error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	auto_close int dir_fd =
		openat(state_dir_fd, STATE_NOTIFY, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_close int fd = -1;
	socklen_t len;

	*ret_fd = -1;
	if (dir_fd < 0)
		return errno == ENOENT ? 0 :
					 error_sys(err, -errno, "open the directory of the notify socket");
	if (!host_address(&address, &len))
		return 0;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	/* The path of the state directory may be longer than sun_path. */
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", dir_fd, SOCKET);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    fchmodat(dir_fd, SOCKET, 0777, 0) < 0)
		return error_sys(err, -errno, "make the notify socket of the container");
	*ret_fd = take_fd(&fd);
	return 0;
}

/*
 * Allows assignments about the service itself. MAINPID, NOTIFYACCESS, FDSTORE and the like would let a
 * container speak for processes and file descriptors of the host.
 */
static bool may_pass(const char *line, size_t len)
{
	static const char *const names[] = {
		"READY=", "STATUS=",	     "STOPPING=",  "RELOADING=",
		"ERRNO=", "MONOTONIC_USEC=", "WATCHDOG=1", "EXTEND_TIMEOUT_USEC="
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (len >= strlen(names[i]) && memcmp(line, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

/*
 * A manager that splits lines at another control character would find assignments that may_pass() has not
 * seen.
 */
static bool is_printable(const char *line, size_t len)
{
	for (size_t at = 0, bytes; at < len; at += bytes) {
		bytes = printable_length(line + at, len - at);
		if (bytes == 0)
			return false;
	}
	return true;
}

size_t notify_filter(const char *message, size_t len, char *out, bool *ret_ready)
{
	size_t used = 0;

	*ret_ready = false;
	for (size_t at = 0; at < len;) {
		const char *line = message + at, *end = memchr(line, '\n', len - at);
		size_t line_len = end ? (size_t)(end - line) : len - at;

		at += line_len + 1;
		if (!is_printable(line, line_len) || !may_pass(line, line_len))
			continue;
		if (line_len == strlen("READY=1") && memcmp(line, "READY=1", line_len) == 0)
			*ret_ready = true;
		memcpy(out + used, line, line_len);
		used += line_len;
		out[used++] = '\n';
	}
	out[used] = '\0';
	return used;
}

/*
 * Polls until the manager has received everything that was sent: SIOCOUTQ, unix(7). A manager that receives
 * nothing would not answer a barrier either.
 */
static bool wait_until_taken(int out_fd, int64_t deadline)
{
	const struct timespec nap = { .tv_nsec = TAKEN_NAP_NS };
	int left = 0;

	while (ioctl(out_fd, SIOCOUTQ, &left) == 0 && left > 0) {
		if (clock_ms() >= deadline)
			return false;
		nanosleep(&nap, NULL);
	}
	return true;
}

/*
 * Waits until the manager has processed the earlier messages: it closes the fd that comes with BARRIER=1,
 * sd_notify_barrier(3). It finds the service of a message by the sending process, which therefore must not
 * end before.
 */
static void wait_for_manager(int out_fd, const struct sockaddr_un *address, socklen_t address_len)
{
	static char text[] = "BARRIER=1";
	struct iovec iov = { .iov_base = text, .iov_len = sizeof(text) - 1 };
	union socket_control control;
	struct msghdr message = {
		.msg_name = (void *)(uintptr_t)address,
		.msg_namelen = address_len,
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};
	auto_close int read_fd = -1, write_fd = -1;
	const int64_t deadline = clock_ms() + BARRIER_TIMEOUT_MS;
	struct pollfd item;
	int fds[2];

	if (!wait_until_taken(out_fd, deadline) || pipe2(fds, O_CLOEXEC) < 0)
		return;
	read_fd = fds[0];
	write_fd = fds[1];
	socket_attach_fd(&message, &control, write_fd);
	if (sendmsg(out_fd, &message, MSG_NOSIGNAL) < 0) {
		log_debug("notify: BARRIER=1: %s", error_reason(-errno));
		return;
	}
	cleanup_close(&write_fd);
	item = (struct pollfd){ .fd = read_fd, .events = POLLIN };
	if (poll(&item, 1, clock_ms() < deadline ? (int)(deadline - clock_ms()) : 0) == 0)
		log_debug("notify: no answer to BARRIER=1 within %d ms", BARRIER_TIMEOUT_MS);
}

bool notify_forward(int fd, pid_t main_pid)
{
	char message[MESSAGE_MAX], text[MESSAGE_MAX + 32];
	struct sockaddr_un address;
	socklen_t address_len;
	ssize_t n = recv(fd, message, sizeof(message), MSG_DONTWAIT);
	auto_close int out_fd = -1;
	bool ready;
	size_t len;

	if (n <= 0)
		return false;
	len = notify_filter(message, (size_t)n, text, &ready);
	if (len == 0 || !host_address(&address, &address_len))
		return false;
	if (ready && main_pid > 0)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "MAINPID=%d\n", main_pid);
	out_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (out_fd >= 0)
		io_limit_socket(out_fd, BARRIER_TIMEOUT_MS);
	if (out_fd < 0 ||
	    sendto(out_fd, text, len, MSG_NOSIGNAL, (const struct sockaddr *)&address, address_len) < 0)
		log_warning("notify '%s': %s", getenv("NOTIFY_SOCKET"), error_reason(io_socket_error(errno)));
	else if (ready && main_pid > 0)
		wait_for_manager(out_fd, &address, address_len);
	return ready;
}

void notify_wait_ready(int fd, pid_t pid)
{
	auto_close int pidfd = sys_pidfd_open(pid);

	while (pidfd >= 0) {
		struct pollfd fds[] = { { .fd = fd, .events = POLLIN }, { .fd = pidfd, .events = POLLIN } };

		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return;
		/* A message that the process sent before its end is still passed on. */
		if ((fds[0].revents && notify_forward(fd, pid)) || (fds[1].revents && !fds[0].revents))
			return;
	}
}
