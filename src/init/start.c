/* SPDX-License-Identifier: Apache-2.0 */
#include "init/start.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hooks/hooks.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"

/* A part of what a hook says: the mark, the stream, the length in two bytes, the text. */
enum { HEAD_MARK = 1, HEAD_SIZE = 4, PART_MAX = PIPE_BUF - HEAD_SIZE, PATIENCE_MS = 1000 };

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

void start_gate_say(const struct start_gate *gate, int stream, const char *text, size_t len)
{
	for (size_t part; len > 0; text += part, len -= part) {
		struct pollfd item = { .fd = gate->result_fd, .events = POLLOUT };
		char record[HEAD_SIZE + PART_MAX];

		part = len < PART_MAX ? len : PART_MAX;
		record[0] = HEAD_MARK;
		record[1] = (char)stream;
		record[2] = (char)(part & 0xff);
		record[3] = (char)(part >> 8);
		memcpy(record + HEAD_SIZE, text, part);
		/* A FIFO with room takes as much as this at once. */
		if (poll(&item, 1, PATIENCE_MS) <= 0 ||
		    io_write_all(gate->result_fd, record, HEAD_SIZE + part) < 0)
			return;
	}
}

bool start_gate_is_closed(int state_dir_fd)
{
	auto_close int fd = openat(state_dir_fd, START_FIFO, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);

	return fd >= 0;
}

/* What was read of the parked process so far. */
struct result {
	char head[HEAD_SIZE];
	size_t head_len;
	size_t left; /* of the part that began last */
	char text[ERROR_TEXT_MAX];
	size_t len;
};

static void take_byte(struct result *result, char byte)
{
	/* The text of an error is the last that comes, and may have any bytes in it. */
	if (result->head_len > 0 || (byte == HEAD_MARK && result->len == 0)) {
		result->head[result->head_len++] = byte;
		if (result->head_len < HEAD_SIZE)
			return;
		result->left = (unsigned char)result->head[2] | (size_t)(unsigned char)result->head[3] << 8;
		result->head_len = 0;
	} else if (result->len < sizeof(result->text) - 1) {
		result->text[result->len++] = byte;
	}
}

static void take(struct result *result, const char *data, size_t len)
{
	while (len > 0) {
		const size_t part = result->left < len ? result->left : len;

		if (part > 0) {
			hooks_output_write(result->head[1], data, part);
			result->left -= part;
			data += part;
			len -= part;
		} else {
			take_byte(result, *data);
			data++;
			len--;
		}
	}
}

/* Everything the parked process says until it executes or ends. */
static int read_result(int fd, struct error *err)
{
	struct result result = { .len = 0 };

	for (;;) {
		struct pollfd item = { .fd = fd, .events = POLLIN };
		char data[4096];
		ssize_t n;

		if (poll(&item, 1, -1) < 0 && errno != EINTR)
			return error_sys(err, -errno, "wait for the container's program");
		n = read(fd, data, sizeof(data));
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return error_sys(err, -errno, "read '%s'", RESULT_FIFO);
		if (n == 0)
			break;
		take(&result, data, (size_t)n);
	}
	if (result.len == 0)
		return 0;
	result.text[result.len] = '\0';
	return error_set(err, -ECANCELED, "%s", result.text);
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
