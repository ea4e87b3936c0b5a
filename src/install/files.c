/* SPDX-License-Identifier: Apache-2.0 */
#include "install/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "install/text.h"
#include "syscall/open.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"

enum { FILE_MAX = 4 << 20 };

/*
 * Opens the file behind an O_PATH descriptor for reading. A device is not opened at all: below --root there
 * may be one of somebody else's making, and to open a watchdog restarts the machine.
 */
static int open_regular(int path_fd, const char *path, struct stat *ret, struct error *err)
{
	int fd;

	if (fstat(path_fd, ret) < 0)
		return error_sys(err, -errno, "look at '%s'", path);
	if (!S_ISREG(ret->st_mode))
		return error_set(err, -EINVAL, "'%s' is not a regular file", path);
	fd = reopen_fd(path_fd, O_RDONLY);
	return fd < 0 ? error_sys(err, fd, "open '%s'", path) : fd;
}

int file_read(int root_fd, const char *path, char **ret, struct error *err)
{
	auto_close int path_fd = open_in_root(root_fd, path, O_PATH), fd = -1;
	size_t size;
	struct stat st;
	int r;

	*ret = NULL;
	if (path_fd == -ENOENT)
		return 0;
	if (path_fd < 0)
		return error_sys(err, path_fd, "read '%s'", path);
	fd = open_regular(path_fd, path, &st, err);
	if (fd < 0)
		return fd;
	r = io_read_all(fd, FILE_MAX, ret, &size);
	if (r < 0)
		return error_sys(err, r, "read '%s'", path);
	if (strlen(*ret) == size)
		return 1;
	r = text_error(err, -EINVAL, path, *ret, strlen(*ret), "a NUL byte");
	cleanup_free(ret);
	return r;
}

/* ---- whose it is ----------------------------------------------------------------------------- */

/* Whoever can write a file of an engine, or put another in its place, chooses what the engine executes. */
static int check_hands(const struct stat *st, const char *what, const char *path, struct error *err)
{
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return error_set(
			err, -EPERM,
			"the %s '%s' belongs to user %u, not to root or to you; krun leaves it alone", what,
			path, st->st_uid);
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return error_set(
			err, -EPERM,
			"others than its owner may write the %s '%s'; krun leaves it alone ('chmod go-w' "
			"makes it the owner's)",
			what, path);
	return 0;
}

/* Returns an O_PATH fd of the directory, -ENOENT without an error, or another negative errno with one. */
static int open_directory(int root_fd, const char *path, const char **ret_name, struct error *err)
{
	auto_close int fd = open_parent_in_root(root_fd, path, false, ret_name);
	char directory[PATH_MAX];
	struct stat st;
	int r;

	if (fd == -ENOENT)
		return fd;
	if (fd < 0)
		return error_sys(err, fd, "look up '%s'", path);
	if (fstat(fd, &st) < 0)
		return error_sys(err, -errno, "look at the directory of '%s'", path);
	/* Without the final slash, unless it is all of it. */
	snprintf(directory, sizeof(directory), "%.*s", (int)(*ret_name - path - (*ret_name - path > 1)),
		 path);
	r = check_hands(&st, "directory", directory, err);
	return r < 0 ? r : take_fd(&fd);
}

/* Opens the file itself. Returns an fd, -ENOENT without an error, or another negative errno with one. */
static int open_file(int directory_fd, const char *path, const char *name, struct error *err)
{
	auto_close int path_fd = openat(directory_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC), fd = -1;
	struct stat st;
	int r;

	if (path_fd < 0 && errno == ENOENT)
		return -ENOENT;
	if (path_fd < 0 || fstat(path_fd, &st) < 0)
		return error_sys(err, -errno, "open '%s'", path);
	if (S_ISLNK(st.st_mode))
		return error_set(
			err, -ELOOP,
			"'%s' is a symbolic link: something else manages it, and krun leaves it alone", path);
	fd = open_regular(path_fd, path, &st, err);
	if (fd < 0)
		return fd;
	r = check_hands(&st, "file", path, err);
	return r < 0 ? r : take_fd(&fd);
}

int file_check(int root_fd, const char *path, const char *expected, struct error *err)
{
	const char *name;
	auto_close int directory_fd = open_directory(root_fd, path, &name, err);
	auto_close int fd = -1;
	auto_free char *text = NULL;
	int r;

	if (directory_fd < 0 && directory_fd != -ENOENT)
		return directory_fd;
	fd = directory_fd < 0 ? -ENOENT : open_file(directory_fd, path, name, err);
	if (fd < 0 && fd != -ENOENT)
		return fd;
	r = fd < 0 ? 0 : io_read_all(fd, FILE_MAX, &text, NULL);
	if (r < 0)
		return error_sys(err, r, "read '%s'", path);
	if ((text != NULL) != (expected != NULL) || (text && strcmp(text, expected) != 0))
		return error_set(err, -ESTALE, "'%s' has changed meanwhile; try again", path);
	return 0;
}

mode_t file_mode(int root_fd, const char *path, mode_t otherwise)
{
	auto_close int fd = open_in_root_nofollow(root_fd, path, O_PATH);
	struct stat st;

	return fd < 0 || fstat(fd, &st) < 0 ? otherwise : st.st_mode & 07777;
}

/* ---- writing --------------------------------------------------------------------------------- */

/* Makes the new file as the old one: not all file systems have these attributes. */
static int copy_attributes(int from_fd, int to_fd)
{
	static const char *const names[] = { "security.selinux", "system.posix_acl_access" };
	struct stat st;
	char value[4096];

	if (fstat(from_fd, &st) < 0 || fchown(to_fd, st.st_uid, st.st_gid) < 0 ||
	    fchmod(to_fd, st.st_mode & 07777) < 0)
		return -errno;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		ssize_t len = fgetxattr(from_fd, names[i], value, sizeof(value));

		if (len > 0 && fsetxattr(to_fd, names[i], value, (size_t)len, 0) < 0)
			return -errno;
	}
	return 0;
}

/* Writes @text to the new file @temporary; @old_fd: -1, or the file that it is going to replace. */
static int write_temporary(int directory_fd, const char *temporary, int old_fd, mode_t mode, const char *text)
{
	auto_close int fd =
		openat(directory_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	int r = fd < 0 ? -errno : io_write_all(fd, text, strlen(text));

	if (r == 0 && old_fd < 0 && fchmod(fd, mode) < 0)
		r = -errno;
	if (r == 0 && old_fd >= 0)
		r = copy_attributes(old_fd, fd);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	return r;
}

static int replace(int directory_fd, const char *name, int old_fd, mode_t mode, const char *text)
{
	char temporary[NAME_MAX + 1];
	int r;

	if (snprintf(temporary, sizeof(temporary), ".%s.krun-%d", name, getpid()) >= (int)sizeof(temporary))
		return -ENAMETOOLONG;
	r = write_temporary(directory_fd, temporary, old_fd, mode, text);
	if (r == 0 && renameat(directory_fd, temporary, directory_fd, name) < 0)
		r = -errno;
	if (r < 0 && r != -EEXIST)
		unlinkat(directory_fd, temporary, 0);
	return r;
}

/* So that the new name is there after a loss of power. */
static void sync_directory(int directory_fd)
{
	auto_close int fd = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		fsync(fd);
}

static int make_directories(int root_fd, const char *path, struct error *err)
{
	const char *name;
	auto_close int fd = open_parent_in_root(root_fd, path, true, &name);

	return fd < 0 ? error_sys(err, fd, "make the directory of '%s'", path) : 0;
}

int file_write(int root_fd, const char *path, mode_t mode, const char *text, struct error *err)
{
	const char *name;
	auto_close int directory_fd = -1, old_fd = -1;
	int r = text ? make_directories(root_fd, path, err) : 0;

	if (r < 0)
		return r;
	directory_fd = open_directory(root_fd, path, &name, err);
	if (directory_fd < 0)
		return directory_fd == -ENOENT && !text ? 0 : directory_fd;
	old_fd = open_file(directory_fd, path, name, err);
	if (old_fd < 0 && old_fd != -ENOENT)
		return old_fd;
	if (!text)
		r = unlinkat(directory_fd, name, 0) < 0 && errno != ENOENT ? -errno : 0;
	else
		r = replace(directory_fd, name, old_fd, mode, text);
	if (r < 0)
		return error_sys(err, r, "%s '%s'", text ? "write" : "remove", path);
	sync_directory(directory_fd);
	return 0;
}

void file_remove_directories(int root_fd, const char *path, const char *top)
{
	auto_free char *at = strdup(path);
	char *slash;

	while (at && (slash = strrchr(at, '/'))) {
		const char *name;
		auto_close int fd = -1;

		*slash = '\0';
		if (strlen(at) <= strlen(top))
			return;
		fd = open_parent_in_root(root_fd, at, false, &name);
		if (fd < 0 || unlinkat(fd, name, AT_REMOVEDIR) < 0)
			return;
	}
}
