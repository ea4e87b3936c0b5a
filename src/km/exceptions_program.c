/* SPDX-License-Identifier: Apache-2.0 */

/* Copies an approved program into a sealed memfd. */

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "km/exceptions.h"
#include "syscall/open.h"
#include "syscall/process.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"
#include "util/sha256.h"

enum { PROGRAM_MAX = 256 * 1024 * 1024 };

/* Hashes what it copies, for the file may change meanwhile. Stops once it has more than @size bytes. */
static int copy_and_hash(int from_fd, int to_fd, off_t size, char hex[KM_HASH_HEX + 1], off_t *ret_copied)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	char data[64 * 1024];
	off_t copied = 0;
	SHA256_CTX hash;

	sha256_begin(&hash);
	while (copied <= size) {
		ssize_t n = read(from_fd, data, sizeof(data));
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		SHA256_Update(&hash, data, (size_t)n);
		r = io_write_all(to_fd, data, (size_t)n);
		if (r < 0)
			return r;
		copied += n;
	}
	SHA256_Final(digest, &hash);
	for (size_t i = 0; i < sizeof(digest); i++)
		sprintf(hex + 2 * i, "%02x", digest[i]);
	*ret_copied = copied;
	return 0;
}

/*
 * A script cannot run from the memfd: the kernel would name it to the interpreter as /dev/fd/N, and the
 * descriptor is close-on-exec (execveat(2), BUGS).
 */
static int check_kind(int fd, const char *path, struct error *err)
{
	char magic[SELFMAG] = "";

	if (pread(fd, magic, sizeof(magic), 0) >= 2 && magic[0] == '#' && magic[1] == '!')
		return error_set(err, -ENOEXEC,
				 "approved program '%s' is a script: approve its interpreter instead", path);
	if (memcmp(magic, ELFMAG, SELFMAG) != 0)
		return error_set(err, -ENOEXEC, "approved program '%s' is not an ELF program", path);
	return 0;
}

static int copy(int fd, const char *path, struct km_exception *ret, struct error *err)
{
	auto_close int copy_fd = sys_memfd_executable("krun-exception");
	struct stat before, after;
	off_t copied;
	int r;

	if (fstat(fd, &before) < 0)
		return error_sys(err, -errno, "approved program '%s'", path);
	/* st_size counts holes, which the copy fills. */
	if (before.st_size > PROGRAM_MAX)
		return error_set(err, -EFBIG, "approved program '%s' has more than %d MiB", path,
				 PROGRAM_MAX >> 20);
	if (copy_fd < 0)
		return error_sys(err, copy_fd, "make a copy of '%s'", path);
	r = copy_and_hash(fd, copy_fd, before.st_size, ret->sha256, &copied);
	if (r == 0 && fstat(fd, &after) < 0)
		r = -errno;
	if (r < 0)
		return error_sys(err, r, "copy approved program '%s'", path);
	if (copied != before.st_size || after.st_size != before.st_size ||
	    after.st_mtim.tv_sec != before.st_mtim.tv_sec || after.st_mtim.tv_nsec != before.st_mtim.tv_nsec)
		return error_set(err, -EBUSY, "approved program '%s' is being written right now", path);
	r = sys_memfd_seal(copy_fd);
	if (r < 0)
		return error_sys(err, r, "seal the copy of '%s'", path);
	ret->fd = take_fd(&copy_fd);
	return 0;
}

int km_exception_seal(int root_fd, const char *path, struct km_exception *ret, struct error *err)
{
	auto_close int path_fd = open_in_root(root_fd, path, O_PATH), fd = -1;
	struct stat st;
	int r;

	*ret = (struct km_exception){ .fd = -1 };
	if (path_fd < 0)
		return error_sys(err, path_fd, "approved program '%s'", path);
	/* Checked before the file is opened for reading, because opening a device can act. */
	if (fstat(path_fd, &st) < 0 || !S_ISREG(st.st_mode))
		return error_set(err, -EINVAL, "approved program '%s' is not a regular file", path);
	fd = reopen_fd(path_fd, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return error_sys(err, fd, "approved program '%s'", path);
	r = copy(fd, path, ret, err);
	if (r == 0)
		r = check_kind(ret->fd, path, err);
	if (r < 0)
		km_exception_done(ret);
	return r;
}
