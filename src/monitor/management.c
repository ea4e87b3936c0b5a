/* SPDX-License-Identifier: Apache-2.0 */

/*
 * km's management socket: a stream socket with the name in KM_MGTPIPE, and one request per connection, in
 * km's own struct (libkontain_mgmt.h). The request has to be sent in one piece, because km reads once: the
 * rest of its struct is what was on its stack.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "monitor/monitor.h"
#include "syscall/open.h"
#include "syscall/process.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/interrupt.h"
#include "util/proc.h"

/* From <linux/un.h>, which cannot be included beside libc's <sys/un.h>. */
#define SIOCUNIXFILE (SIOCPROTOPRIVATE + 0)

enum { REQUEST_SNAPSHOT = 0, LABEL_SIZE = 256, PATH_SIZE = 1024, RETRIES = 20, RETRY_MS = 250 };
enum { CONNECT_LOOKS = 60, CONNECT_NAP_MS = 50, LOOK_MS = 500, DEATH_MS = 200, GRACE_MS = 2000 };
enum { ERRNO_MAX = 4095 };

struct request {
	int32_t opcode;
	int32_t length; /* bytes that follow */
	char label[LABEL_SIZE];
	char description[LABEL_SIZE];
	int32_t live; /* 1: the payload goes on */
	char path[PATH_SIZE];
};

_Static_assert(sizeof(struct request) == 1548 && offsetof(struct request, path) == 524,
	       "the request has km's layout");

int km_management_open(int proc_fd, pid_t monitor, struct error *err)
{
	auto_close int root_fd = -1;
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "%d/root", monitor);
	root_fd = openat(proc_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0 && proc_is_gone(-errno))
		return error_set(err, -ESRCH, "km has ended");
	if (root_fd < 0)
		return error_sys(err, -errno, "open the container's root");
	fd = open_in_root(root_fd, KM_MANAGEMENT_DIR, O_PATH | O_DIRECTORY);
	return fd < 0 ? error_sys(err, fd, "open '%s' of the container", KM_MANAGEMENT_DIR) : fd;
}

/*
 * The file to which km's socket was bound (ioctl SIOCUNIXFILE), which still connects after its name is
 * gone: a child of the payload inherits km's exit handler, which removes the name of its parent's socket.
 */
static int open_socket_file(int pidfd)
{
	auto_close int socket_fd = sys_pidfd_getfd(pidfd, KM_MANAGEMENT_FD);
	int fd = socket_fd < 0 ? socket_fd : ioctl(socket_fd, SIOCUNIXFILE);

	return fd == -1 && socket_fd >= 0 ? -errno : fd;
}

/* Sleeps; an error if km has ended, or this command is asked to end. */
static int nap(int pidfd, int ms, struct error *err)
{
	struct pollfd items[] = { { .fd = pidfd, .events = POLLIN },
				  { .fd = interrupt_fd(), .events = POLLIN } };

	poll(items, 2, ms);
	return items[0].revents ? error_set(err, -ESRCH, "km has ended") : interrupt_check(err);
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
	/* The directory is the container's: another process may have made a socket of that name. */
	return km_is_peer(fd, monitor) ? 0 : -ESRCH;
}

/* A dying process closes its sockets a moment before its pidfd tells that it is dead. */
static bool is_dying(int pidfd)
{
	struct pollfd item = { .fd = pidfd, .events = POLLIN };

	return poll(&item, 1, DEATH_MS) > 0;
}

static int not_served(int pidfd, struct error *err)
{
	if (is_dying(pidfd))
		return error_set(err, -ESRCH, "km has ended");
	return error_set(err, -ENOTCONN,
			 "km does not answer on its management socket any more: the payload has executed "
			 "another program in its place");
}

int km_management_connect(int dir_fd, pid_t monitor, int pidfd, struct error *err)
{
	auto_close int held = km_held_connection(monitor, pidfd);
	auto_close int fd = held >= 0 ? -1 : socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int r;

	if (!km_management_is_served(monitor))
		return not_served(pidfd, err);
	if (held >= 0)
		return take_fd(&held);
	r = fd < 0 ? -errno : km_management_call(fd, dir_fd, monitor, pidfd);
	for (int i = 0; r == -EAGAIN && i < CONNECT_LOOKS; i++) {
		if (nap(pidfd, CONNECT_NAP_MS, err) < 0)
			return err->code;
		r = km_management_call(fd, dir_fd, monitor, pidfd);
	}
	if (r == -EAGAIN)
		return error_set(err, -EBUSY,
				 "km does not answer on its management socket '%s' in the container, where "
				 "others wait for it",
				 KM_MANAGEMENT_SOCKET);
	return r == 0 ? take_fd(&fd) :
			error_set(err, -ENOTCONN,
				  "km does not listen on its management socket '%s' in the container: %s",
				  KM_MANAGEMENT_SOCKET, error_reason(r));
}

static const char *reason(int status)
{
	/* A payload that has taken km over may send any number. */
	if (status < -ERRNO_MAX || status > ERRNO_MAX)
		return "for no reason that krun knows";
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

/* True if the file has grown since the last call. */
static bool has_grown(int fd, struct stat *last)
{
	struct stat now = *last;
	bool grown;

	fstat(fd, &now);
	grown = now.st_size != last->st_size || now.st_blocks != last->st_blocks;
	*last = now;
	return grown;
}

/* Returns 0 once there is an answer on the socket, or km has ended. */
static int wait_for_answer(const struct km_snapshot_request *ask, int socket_fd, struct error *err)
{
	const int64_t start = clock_ms();
	int64_t grown = start, given_up = 0;
	struct stat file = { 0 };

	for (;;) {
		struct pollfd items[] = { { .fd = socket_fd, .events = POLLIN },
					  { .fd = ask->pidfd, .events = POLLIN },
					  { .fd = -1, .events = POLLIN } };
		int64_t now;

		if (has_grown(ask->file_fd, &file))
			grown = clock_ms();
		if (given_up == 0 && (ask->live || file.st_size == 0))
			items[2].fd = interrupt_fd();
		poll(items, 3, LOOK_MS);
		if (items[0].revents || items[1].revents)
			return 0;
		now = clock_ms();
		/*
		 * Once asked, km writes the snapshot and ends the payload, whoever still wants it. So a
		 * signal ends the wait only if nothing comes for some time.
		 */
		if (items[2].revents)
			given_up = ask->live ? now : now + GRACE_MS;
		if (given_up != 0 && now >= given_up && (ask->live || file.st_size == 0))
			return interrupt_check(err);
		if (now - grown >= ask->stall_ms)
			return error_set(
				err, -ETIMEDOUT,
				"km does not answer, and has written no more of the snapshot than %lld "
				"bytes for %u ms",
				(long long)file.st_size, ask->stall_ms);
		if (now - start >= ask->timeout_ms)
			return error_set(err, -ETIMEDOUT, "km has not written the snapshot after %u ms",
					 ask->timeout_ms);
	}
}

static int read_answer(int socket_fd, int pidfd, struct error *err)
{
	int32_t status;

	if (recv(socket_fd, &status, sizeof(status), MSG_DONTWAIT) != sizeof(status))
		return error_set(err, -ECONNRESET, "km %s before the snapshot was complete",
				 is_dying(pidfd) ? "ended" : "closed its management socket");
	if (status == EAGAIN)
		return -EAGAIN;
	if (status != 0)
		return error_set(err, -EIO, "km refuses the snapshot: %s", reason(status));
	return 0;
}

static int ask_once(const struct km_snapshot_request *ask, const struct request *request, struct error *err)
{
	auto_close int socket_fd = km_management_connect(ask->dir_fd, ask->monitor, ask->pidfd, err);
	int r = socket_fd < 0 ? socket_fd : interrupt_check(err);

	if (r < 0)
		return r;
	if (send(socket_fd, request, sizeof(*request), MSG_NOSIGNAL) != sizeof(*request))
		return error_sys(err, -errno, "ask km for a snapshot");
	r = wait_for_answer(ask, socket_fd, err);
	if (r == 0)
		r = read_answer(socket_fd, ask->pidfd, err);
	/* The connection is used up, also for copies of the socket. */
	shutdown(socket_fd, SHUT_RDWR);
	return r;
}

int km_snapshot(const struct km_snapshot_request *ask, struct error *err)
{
	struct request request = {
		.opcode = REQUEST_SNAPSHOT,
		.length = sizeof(request) - offsetof(struct request, label),
		.live = ask->live,
	};
	int r = -EAGAIN;

	snprintf(request.label, sizeof(request.label), "krun");
	snprintf(request.path, sizeof(request.path), "%s", ask->path);
	/* Asks again, because the reason may pass: a timer that is armed just now, say. */
	for (int i = 0; r == -EAGAIN && i < RETRIES; i++) {
		if (i > 0 && nap(ask->pidfd, RETRY_MS, err) < 0)
			return err->code;
		r = ask_once(ask, &request, err);
	}
	return r == -EAGAIN ? error_set(err, -EBUSY, "km cannot take a snapshot now: %s", reason(EAGAIN)) : r;
}
