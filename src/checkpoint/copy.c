/* SPDX-License-Identifier: Apache-2.0 */
#include "checkpoint/copy.h"

#include <errno.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/error.h"
#include "util/interrupt.h"

enum { CHUNK = 32 << 20, BUFFER = 64 << 10 };

/* The fallback for file systems without copy_file_range(2). Returns the number of bytes copied. */
static ssize_t copy_by_hand(int from_fd, int to_fd, off_t at, size_t size)
{
	char buffer[BUFFER];
	ssize_t n = pread(from_fd, buffer, size < sizeof(buffer) ? size : sizeof(buffer), at);

	return n <= 0 ? n : pwrite(to_fd, buffer, (size_t)n, at);
}

static ssize_t copy_some(int from_fd, int to_fd, off_t at, size_t size)
{
	off_t in = at, out = at;
	ssize_t n = copy_file_range(from_fd, &in, to_fd, &out, size, 0);

	if (n > 0 || (n < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EIO || errno == EFBIG)))
		return n;
	return copy_by_hand(from_fd, to_fd, at, size);
}

static int copy_range(int from_fd, int to_fd, off_t at, off_t end, struct error *err)
{
	while (at < end) {
		const off_t left = end - at;
		const ssize_t n = copy_some(from_fd, to_fd, at, left < CHUNK ? (size_t)left : CHUNK);

		if (n < 0 && errno != EINTR)
			return error_sys(err, -errno, "copy the snapshot");
		if (n == 0)
			return error_set(err, -EIO, "copy the snapshot: it was truncated meanwhile");
		if (interrupt_check(err) < 0)
			return err->code;
		at += n > 0 ? n : 0;
	}
	return 0;
}

int checkpoint_copy(int from_fd, int to_fd, struct error *err)
{
	struct stat st;
	off_t end;
	int r = 0;

	if (ioctl(to_fd, FICLONE, from_fd) == 0)
		return 0;
	if (fstat(from_fd, &st) < 0 || ftruncate(to_fd, st.st_size) < 0)
		return error_sys(err, -errno, "copy the snapshot");
	for (off_t at = 0; r == 0 && at < st.st_size; at = end) {
		off_t data = lseek(from_fd, at, SEEK_DATA);

		if (data < 0 && errno == ENXIO)
			break;
		/* The file system does not support SEEK_DATA. */
		if (data < 0)
			data = at;
		end = lseek(from_fd, data, SEEK_HOLE);
		if (end < 0 || end > st.st_size)
			end = st.st_size;
		r = copy_range(from_fd, to_fd, data, end, err);
	}
	return r;
}

bool checkpoint_copy_is_free(int from_fd, int to_fd)
{
	return ioctl(to_fd, FICLONE, from_fd) == 0;
}
