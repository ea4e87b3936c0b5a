/* SPDX-License-Identifier: Apache-2.0 */
#include "util/trace_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"

/* TAIL_MAX is more than the longest event (trace.c), of which the last one may be incomplete. */
enum { TAIL_MAX = 16 * 1024, LOCK_MS = 100, NAP_NS = 200000 };

static const char blank[] = " \t\r\n";

/* Where the next event goes. */
struct place {
	off_t at;
	const char *before; /* what stands in front of it */
};

static bool lock(struct trace_file *file)
{
	const struct timespec nap = { .tv_nsec = NAP_NS };
	const int tries = file->shunned ? 1 : LOCK_MS * 1000000 / NAP_NS;

	for (int i = 0; i < tries; i++) {
		if (flock(file->fd, LOCK_EX | LOCK_NB) == 0)
			return true;
		/* The file system has no locks. */
		if (errno != EWOULDBLOCK && errno != EINTR)
			return true;
		if (i + 1 < tries)
			nanosleep(&nap, NULL);
	}
	file->shunned = true;
	return false;
}

static size_t without_blanks(const char *text, size_t len)
{
	while (len > 0 && memchr(blank, text[len - 1], strlen(blank)))
		len--;
	return len;
}

/*
 * Finds the place at the end of @text, which ends at @end of the file. Each event is a line; the last one may
 * be incomplete if the file is not closed. False: it is not the end of an array of events.
 */
static bool find_place(const char *text, size_t len, off_t end, struct place *ret)
{
	const off_t start = end - (off_t)len;
	size_t used = without_blanks(text, len);
	const char *line;

	if (used > 0 && text[used - 1] == ']') {
		used = without_blanks(text, used - 1);
	} else if (len > 0 && text[len - 1] != '\n') {
		line = memrchr(text, '\n', len);
		used = line ? without_blanks(text, (size_t)(line - text)) : 0;
	}
	if (used > 1 && text[used - 1] == ',')
		used--;
	if (used == 0)
		return false;
	*ret = (struct place){ start + (off_t)used, text[used - 1] == '[' ? "\n" : ",\n" };
	return text[used - 1] == '}' || (text[used - 1] == '[' && ret->at == 1);
}

/* The end that this code writes is known at once; another one takes a look at more. */
static bool look_for_place(int fd, off_t size, struct place *ret)
{
	static const char usual[] = "}\n]\n";
	char text[TAIL_MAX];
	size_t wanted = strlen(usual);
	ssize_t n;

	if (size == 0) {
		*ret = (struct place){ 0, "[\n" };
		return true;
	}
	if (size >= (off_t)wanted && pread(fd, text, wanted, size - (off_t)wanted) == (ssize_t)wanted &&
	    memcmp(text, usual, wanted) == 0) {
		*ret = (struct place){ size - 3, ",\n" };
		return true;
	}
	wanted = size < TAIL_MAX ? (size_t)size : TAIL_MAX;
	n = pread(fd, text, wanted, size - (off_t)wanted);
	return n == (ssize_t)wanted && find_place(text, wanted, size, ret);
}

/* Writes with the lock held. After a failure the array is closed where it ended before. */
static void add_locked(int fd, const char *event, size_t len)
{
	static const char closing[] = "\n]\n";
	const size_t closing_len = strlen(closing);
	struct place place;
	struct stat st;
	ssize_t n;
	off_t end;

	if (fstat(fd, &st) < 0 || !look_for_place(fd, st.st_size, &place))
		return;
	const struct iovec parts[] = {
		{ (char *)(uintptr_t)place.before, strlen(place.before) },
		{ (char *)(uintptr_t)event, len },
		{ (char *)(uintptr_t)closing, closing_len },
	};

	do
		n = pwritev(fd, parts, 3, place.at);
	while (n < 0 && errno == EINTR);
	end = place.at + (off_t)(parts[0].iov_len + len + closing_len);
	if (n != (ssize_t)(end - place.at)) {
		/* These bytes were there before, so that a full disk has room for them. */
		n = place.at > 0 ? pwrite(fd, closing, closing_len, place.at) : 0;
		end = place.at + (n > 0 ? n : 0);
	} else if (end >= st.st_size) {
		return;
	}
	(void)!ftruncate(fd, end);
}

/* Makes an empty file an empty array, and looks whether another one can be continued. */
static int begin(struct trace_file *file, const char *path, struct error *err)
{
	struct place place;
	bool is_array = true;
	char first = '[';
	struct stat st;
	ssize_t n = 1;

	if (!lock(file))
		return 0;
	if (fstat(file->fd, &st) == 0 && st.st_size == 0)
		n = pwrite(file->fd, "[\n]\n", 4, 0);
	else if (pread(file->fd, &first, 1, 0) == 1)
		is_array = first == '[' && look_for_place(file->fd, st.st_size, &place);
	flock(file->fd, LOCK_UN);
	if (n < 0)
		return error_sys(err, -errno, "write trace '%s'", path);
	return is_array ? 0 : error_set(err, -EINVAL, "trace '%s': it has something else than a trace", path);
}

int trace_file_open(const char *path, struct trace_file *ret, struct error *err)
{
	struct stat st;
	int r;

	*ret = (struct trace_file){ .fd = -1 };
	ret->is_stream = stat(path, &st) == 0 && !S_ISREG(st.st_mode);
	/* Whoever may open it can hold its lock, and it names programs and paths of the host. */
	ret->fd = ret->is_stream ? io_open_append(path, 0600) :
				   open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
	if (ret->fd < 0)
		return io_open_failed(ret->is_stream ? ret->fd : -errno, "trace", path, err);
	r = io_check_owner(ret->fd, path);
	if (r < 0)
		error_set(err, r, "trace '%s': the file, or a link at its place, is another user's", path);
	else if (!ret->is_stream)
		r = begin(ret, path, err);
	if (r < 0)
		cleanup_close(&ret->fd);
	return r;
}

void trace_file_add(struct trace_file *file, const char *event, size_t len)
{
	if (file->fd < 0)
		return;
	if (file->is_stream) {
		io_append(file->fd, file->begun ? ",\n" : "[\n", 2);
		io_append(file->fd, event, len);
		file->begun = true;
	} else if (lock(file)) {
		add_locked(file->fd, event, len);
		flock(file->fd, LOCK_UN);
	}
}

void trace_file_close(struct trace_file *file)
{
	if (file->fd < 0)
		return;
	if (file->is_stream)
		io_append(file->fd, file->begun ? "\n]\n" : "[\n]\n", file->begun ? 3 : 4);
	cleanup_close(&file->fd);
}
