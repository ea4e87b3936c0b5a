/* SPDX-License-Identifier: Apache-2.0 */
#include "util/io.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/error.h"

/* How long a record waits for the reader of a log that is a FIFO, and a read for the writer of one. */
enum { READER_MS = 1000, WRITER_MS = 60000 };

int io_write_all(int fd, const void *data, size_t size)
{
	const char *next = data;

	while (size > 0) {
		ssize_t n = write(fd, next, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		next += n;
		size -= (size_t)n;
	}
	return 0;
}

int io_exists(const char *path)
{
	if (access(path, F_OK) == 0)
		return 1;
	return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
}

int io_dup_above(int fd, int wanted, int low)
{
	int r = fcntl(fd, F_DUPFD_CLOEXEC, wanted);

	if (r < 0 && (errno == EINVAL || errno == EMFILE))
		r = fcntl(fd, F_DUPFD_CLOEXEC, low);
	return r < 0 ? -errno : r;
}

int io_open_append(const char *path, mode_t mode)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, mode);

	return fd < 0 ? -errno : fd;
}

static bool is_trusted(uid_t uid)
{
	return uid == 0 || uid == geteuid();
}

int io_check_owner(int fd, const char *path)
{
	struct stat file, name;

	if (fstat(fd, &file) < 0 || lstat(path, &name) < 0)
		return -errno;
	return (S_ISREG(file.st_mode) && !is_trusted(file.st_uid)) ||
			       (S_ISLNK(name.st_mode) && !is_trusted(name.st_uid)) ?
		       -EPERM :
		       0;
}

int io_open_failed(int code, const char *what, const char *path, struct error *err)
{
	struct stat st;

	/* The file itself would have been created. */
	if (code == -ENOENT)
		return error_set(err, code, "open %s '%s': its directory is missing", what, path);
	if (code != -ENXIO)
		return error_sys(err, code, "open %s '%s'", what, path);
	return error_set(err, code, "open %s '%s': %s", what, path,
			 stat(path, &st) == 0 && S_ISSOCK(st.st_mode) ? "it is a socket" : "nobody reads it");
}

int io_append(int fd, const void *data, size_t size)
{
	/* 0 after a reader has taken nothing for READER_MS: no record waits until it reads again. */
	static int patience_ms = READER_MS;
	void (*old)(int) = signal(SIGPIPE, SIG_IGN);
	struct pollfd ready = { .fd = fd, .events = POLLOUT };
	const char *next = data;
	int r = 0;

	while (r == 0 && size > 0) {
		ssize_t n = write(fd, next, size);

		if (n < 0 && errno == EAGAIN)
			r = poll(&ready, 1, patience_ms) == 0 ? -EAGAIN : 0;
		else if (n < 0 && errno != EINTR)
			r = -errno;
		if (n > 0)
			patience_ms = READER_MS;
		else if (r == -EAGAIN)
			patience_ms = 0;
		next += n > 0 ? n : 0;
		size -= n > 0 ? (size_t)n : 0;
	}
	signal(SIGPIPE, old);
	return r;
}

void io_limit_socket(int socket_fd, int timeout_ms)
{
	const struct timeval limit = { .tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000 };

	setsockopt(socket_fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(socket_fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

int io_socket_error(int code)
{
	return code == EAGAIN ? -ETIMEDOUT : -code;
}

static int wait_for_writer(int fd)
{
	struct pollfd item = { .fd = fd, .events = POLLIN };
	const struct timespec limit = { .tv_sec = WRITER_MS / 1000, .tv_nsec = WRITER_MS % 1000 * 1000000L };
	/* Not poll(2), for which a filter may be in force already (init/filter.c). */
	int r = ppoll(&item, 1, &limit, NULL);

	return r < 0 && errno != EINTR ? -errno : r == 0 ? -ETIMEDOUT : 0;
}

/*
 * Reads to the end. @expected: the size that a regular file said it has, 0: it is not known. What has this
 * size is not asked for more, which would be one more call for each file.
 */
static int read_to_end(int fd, size_t expected, size_t max, char **ret_data, size_t *ret_size)
{
	size_t capacity = (expected > 0 && expected < max ? expected : max < 4096 ? max : 4094) + 2, size = 0;
	auto_free char *data = malloc(capacity);

	while (data) {
		ssize_t n;

		if (capacity - size < 2) {
			char *more = realloc(data, capacity * 2);

			if (!more)
				return -ENOMEM;
			data = more;
			capacity *= 2;
		}
		n = read(fd, data + size, capacity - size - 1);
		if (n < 0 && errno == EAGAIN) {
			const int r = wait_for_writer(fd);

			if (r < 0)
				return r;
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		size += (size_t)n;
		if (size > max)
			return -EFBIG;
		if (n == 0 || size == expected) {
			data[size] = '\0';
			if (ret_size)
				*ret_size = size;
			*ret_data = take_pointer(data);
			return 0;
		}
	}
	return -ENOMEM;
}

static size_t expected_size(const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_size > 0 ? (size_t)st->st_size : 0;
}

int io_read_all(int fd, size_t max, char **ret_data, size_t *ret_size)
{
	struct stat st;

	return read_to_end(fd, fstat(fd, &st) == 0 ? expected_size(&st) : 0, max, ret_data, ret_size);
}

int io_read_file(int dir_fd, const char *name, size_t max, char **ret_data, size_t *ret_size)
{
	auto_close int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	int r = fd < 0 || fstat(fd, &st) < 0 ? -errno : 0;

	/* A FIFO that was opened without O_NONBLOCK waited for its writer in open(2). */
	if (r == 0 && S_ISFIFO(st.st_mode))
		r = wait_for_writer(fd);
	return r < 0 ? r : read_to_end(fd, expected_size(&st), max, ret_data, ret_size);
}

ssize_t io_read_small(int dir_fd, const char *name, char *buffer, size_t size)
{
	auto_close int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t n;

	if (fd < 0)
		return -errno;
	do
		n = read(fd, buffer, size);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if ((size_t)n == size)
		return -EFBIG;
	if (n > 0 && buffer[n - 1] == '\n')
		n--;
	buffer[n] = '\0';
	return n;
}

ssize_t io_read_start(int dir_fd, const char *name, char *buffer, size_t size)
{
	auto_close int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t n;

	if (fd < 0)
		return -errno;
	do
		n = read(fd, buffer, size - 1);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	buffer[n] = '\0';
	return n;
}

ssize_t io_read_again(int fd, char *buffer, size_t size)
{
	ssize_t n;

	do
		n = pread(fd, buffer, size - 1, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	buffer[n] = '\0';
	return n;
}

int io_read_regular(int dir_fd, const char *name, size_t max, char **ret_data, size_t *ret_size)
{
	auto_close int fd = -1;
	struct stat seen, st;

	if (fstatat(dir_fd, name, &seen, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (S_ISLNK(seen.st_mode))
		return -ELOOP;
	if (!S_ISREG(seen.st_mode))
		return -EINVAL;
	/* The name may have been replaced since fstatat(2). */
	fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) ? read_to_end(fd, expected_size(&st), max, ret_data, ret_size) : -EINVAL;
}

int io_open_directory(int dir_fd, const char *name, DIR **ret)
{
	auto_close int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	*ret = fd < 0 ? NULL : fdopendir(fd);
	if (!*ret)
		return -errno;
	/* The stream owns the fd now. */
	take_fd(&fd);
	return 0;
}

int io_next_entry(DIR *dir, struct dirent **ret)
{
	errno = 0;
	*ret = readdir(dir);
	return *ret ? 1 : -errno;
}

int io_close_text(FILE *stream, char **text)
{
	if (stream && fclose(stream) == 0 && *text)
		return 0;
	if (stream)
		free(*text);
	*text = NULL;
	return -ENOMEM;
}

int io_write_existing(int dir_fd, const char *name, const char *text)
{
	auto_close int fd = openat(dir_fd, name, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t n;

	if (fd < 0)
		return -errno;
	do
		n = write(fd, text, strlen(text));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == strlen(text) ? 0 : -EIO;
}
