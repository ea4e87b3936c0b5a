/* SPDX-License-Identifier: Apache-2.0 */
#include "init/start.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"

static int make_fifo(int dir_fd, const char *name, struct error *err)
{
	int fd;

	if (mkfifoat(dir_fd, name, 0600) < 0)
		return error_sys(err, -errno, "make '%s'", name);
	fd = openat(dir_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? error_sys(err, -errno, "open '%s'", name) : fd;
}

int start_gate_make(int state_dir_fd, struct start_gate *ret, struct error *err)
{
	auto_close int start_fd = make_fifo(state_dir_fd, START_FIFO, err);
	int result_fd;

	if (start_fd < 0)
		return start_fd;
	result_fd = make_fifo(state_dir_fd, RESULT_FIFO, err);
	if (result_fd < 0)
		return result_fd;
	ret->start_fd = take_fd(&start_fd);
	ret->result_fd = result_fd;
	return 0;
}

void start_gate_done(struct start_gate *gate)
{
	cleanup_close(&gate->start_fd);
	cleanup_close(&gate->result_fd);
}

int start_gate_wait(const struct start_gate *gate, struct error *err)
{
	char byte;
	ssize_t n;

	do
		n = read(gate->start_fd, &byte, 1);
	while (n < 0 && errno == EINTR);
	return n < 0 ? error_sys(err, -errno, "wait for start") : 0;
}

void start_gate_fail(const struct start_gate *gate, const struct error *failure)
{
	io_write_all(gate->result_fd, failure->text, strlen(failure->text));
}

bool start_gate_is_closed(int state_dir_fd)
{
	auto_close int fd = openat(state_dir_fd, START_FIFO, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);

	return fd >= 0;
}

/* Everything the parked process says until it executes or ends. */
static int read_result(int fd, struct error *err)
{
	char text[ERROR_TEXT_MAX];
	size_t len = 0;

	for (;;) {
		struct pollfd item = { .fd = fd, .events = POLLIN };
		ssize_t n;

		if (poll(&item, 1, -1) < 0 && errno != EINTR)
			return error_sys(err, -errno, "wait for the container's program");
		n = read(fd, text + len, sizeof(text) - 1 - len);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return error_sys(err, -errno, "read '%s'", RESULT_FIFO);
		if (n == 0)
			break;
		len += (size_t)n;
	}
	if (len == 0)
		return 0;
	text[len] = '\0';
	return error_set(err, -ECANCELED, "%s", text);
}

int start_gate_open(int state_dir_fd, struct error *err)
{
	auto_close int result_fd = -1, start_fd = -1;
	int r;

	result_fd = openat(state_dir_fd, RESULT_FIFO, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	if (result_fd < 0)
		return error_sys(err, -errno, "open '%s'", RESULT_FIFO);
	start_fd = openat(state_dir_fd, START_FIFO, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	if (start_fd < 0 && errno == ENXIO)
		return error_set(err, -ESRCH, "the container's process is gone");
	if (start_fd < 0)
		return error_sys(err, -errno, "open '%s'", START_FIFO);
	if (write(start_fd, "", 1) != 1)
		return error_sys(err, -errno, "write '%s'", START_FIFO);
	r = read_result(result_fd, err);
	unlinkat(state_dir_fd, START_FIFO, 0);
	unlinkat(state_dir_fd, RESULT_FIFO, 0);
	return r;
}
