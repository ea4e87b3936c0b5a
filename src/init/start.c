/* SPDX-License-Identifier: Apache-2.0 */
#include "init/start.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "init/sync.h"
#include "syscall/socket.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/trace.h"

/* The byte by which `start` tells that it writes a trace; that of an older krun is NUL. */
enum { TRACED = 't' };

/* Uses the descriptor, because the state directory's path may be too long for sun_path. */
static struct sockaddr_un gate_address(int state_dir_fd)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/" START_SOCKET, state_dir_fd);
	return address;
}

static int make_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

int start_gate_make(int state_dir_fd, struct error *err)
{
	const struct sockaddr_un address = gate_address(state_dir_fd);
	auto_close int fd = make_socket();

	if (fd < 0)
		return error_sys(err, fd, "make the socket for start");
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    fchmodat(state_dir_fd, START_SOCKET, 0600, 0) < 0)
		return error_sys(err, -errno, "make '%s'", START_SOCKET);
	return take_fd(&fd);
}

int start_gate_wait(int gate_fd, bool *ret_traced, struct error *err)
{
	int fd = -1, r;
	char byte;

	do
		r = socket_receive_fd(gate_fd, &byte, &fd);
	while (r == -EINTR);
	*ret_traced = r == 0 && byte == TRACED;
	if (r < 0)
		return error_sys(err, r, "wait for start");
	return fd < 0 ? error_set(err, -EPROTO, "start sent no socket") : fd;
}

static int connect_gate(int state_dir_fd)
{
	const struct sockaddr_un address = gate_address(state_dir_fd);
	auto_close int fd = make_socket();

	if (fd < 0)
		return fd;
	return connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : take_fd(&fd);
}

/* 1: an older krun created this container, and its process still waits for its start. */
static int fifo_is_held(int state_dir_fd)
{
	auto_close int fd = openat(state_dir_fd, START_FIFO, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);

	if (fd >= 0)
		return 1;
	return errno == ENOENT || errno == ENXIO ? 0 : -errno;
}

int start_gate_is_closed(int state_dir_fd)
{
	auto_close int fd = -1;
	struct stat st;
	int r;

	/* Of most containers nothing is left to connect to. faccessat(2) would ask for the real user. */
	if (fstatat(state_dir_fd, START_SOCKET, &st, AT_SYMLINK_NOFOLLOW) < 0)
		fd = -errno;
	else
		fd = connect_gate(state_dir_fd);
	if (fd >= 0)
		return 1;
	if (fd != -ENOENT)
		return fd == -ECONNREFUSED ? 0 : fd;
	r = fifo_is_held(state_dir_fd);
	return r == 0 ? -ENOENT : r;
}

int start_gate_open(int state_dir_fd, struct error *err)
{
	static const char traced = TRACED;
	auto_close int gate_fd = connect_gate(state_dir_fd);
	auto_close int ours = -1, theirs = -1;
	int fds[2], r;

	if (gate_fd == -ENOENT && fifo_is_held(state_dir_fd) > 0)
		return error_set(
			err, -EOPNOTSUPP,
			"the container was created by an older krun, which alone can start it: delete it "
			"and create it anew");
	if (gate_fd == -ECONNREFUSED)
		return error_set(err, -ESRCH, "the container's process is gone");
	if (gate_fd < 0)
		return error_sys(err, gate_fd, "open '%s'", START_SOCKET);
	r = sync_pair(fds, err);
	if (r < 0)
		return r;
	ours = fds[0];
	theirs = fds[1];
	r = socket_send_fd(gate_fd, trace_is_on() ? &traced : "", 1, theirs, err);
	if (r < 0)
		return error_prefix(err, "open the container's gate");
	return take_fd(&ours);
}

void start_gate_remove(int state_dir_fd)
{
	unlinkat(state_dir_fd, START_SOCKET, 0);
}
