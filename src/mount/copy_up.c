/* SPDX-License-Identifier: Apache-2.0 */

/* tmpcopyup: what the image has at the mount point is in the new tmpfs, too. The image is hostile: no link is followed. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mount/internal.h"
#include "util/cleanup.h"
#include "util/error.h"

enum { DEPTH_MAX = 64 };

static int copy_directory(int from_fd, int to_fd, int depth);

static int copy_file(int from_dir, int to_dir, const char *name, const struct stat *st)
{
	auto_close int from = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	auto_close int to = -1;
	ssize_t n;

	if (from < 0)
		return -errno;
	to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (to < 0)
		return -errno;
	do
		n = sendfile(to, from, NULL, 1 << 20);
	while (n > 0 || (n < 0 && errno == EINTR));
	if (n < 0 || fchown(to, st->st_uid, st->st_gid) < 0 || fchmod(to, st->st_mode & 07777) < 0)
		return -errno;
	return 0;
}

static int copy_link(int from_dir, int to_dir, const char *name, const struct stat *st)
{
	char text[PATH_MAX];
	ssize_t n = readlinkat(from_dir, name, text, sizeof(text) - 1);

	if (n < 0)
		return -errno;
	text[n] = '\0';
	if (symlinkat(text, to_dir, name) < 0 ||
	    fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

static int copy_subdirectory(int from_dir, int to_dir, const char *name, const struct stat *st, int depth)
{
	auto_close int from = openat(from_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_close int to = -1;
	int r;

	if (from < 0 || mkdirat(to_dir, name, 0700) < 0)
		return -errno;
	to = openat(to_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (to < 0)
		return -errno;
	r = copy_directory(from, to, depth + 1);
	if (r == 0 && (fchown(to, st->st_uid, st->st_gid) < 0 || fchmod(to, st->st_mode & 07777) < 0))
		r = -errno;
	return r;
}

static int copy_entry(int from_dir, int to_dir, const char *name, int depth)
{
	struct stat st;

	if (fstatat(from_dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (S_ISREG(st.st_mode))
		return copy_file(from_dir, to_dir, name, &st);
	if (S_ISLNK(st.st_mode))
		return copy_link(from_dir, to_dir, name, &st);
	if (S_ISDIR(st.st_mode))
		return copy_subdirectory(from_dir, to_dir, name, &st, depth);
	/* Devices, sockets and FIFOs of an image are not content. */
	return 0;
}

static int copy_directory(int from_fd, int to_fd, int depth)
{
	DIR *dir;
	struct dirent *entry;
	int r = 0;
	int again;

	if (depth > DEPTH_MAX)
		return -ELOOP;
	again = fcntl(from_fd, F_DUPFD_CLOEXEC, 3);
	dir = again < 0 ? NULL : fdopendir(again);
	if (!dir) {
		r = -errno;
		cleanup_close(&again);
		return r;
	}
	while (r == 0 && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			r = copy_entry(from_fd, to_fd, entry->d_name, depth);
	closedir(dir);
	return r;
}

int mount_copy_up(int from_fd, int to_fd, struct error *err)
{
	int r = copy_directory(from_fd, to_fd, 0);

	return r < 0 ? error_sys(err, r, "tmpcopyup: copy the content of the image") : 0;
}
