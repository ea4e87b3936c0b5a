/* SPDX-License-Identifier: Apache-2.0 */
#include "syscall/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "syscall/open.h"
#include "util/cleanup.h"
#include "util/io.h"

/* Linux 3.15. musl has no function for it. */
static int exchange(int dir_fd, const char *one, const char *other)
{
	return syscall(SYS_renameat2, dir_fd, one, dir_fd, other, RENAME_EXCHANGE) < 0 ? -errno : 0;
}

static int move_by_rename(int dir_fd, const char *from, const char *name)
{
	return renameat(dir_fd, from, dir_fd, name) < 0 ? -errno : 0;
}

int file_move_over(int dir_fd, const char *from, const char *name)
{
	int r;

	/* Not every file system exchanges, and there may be nothing to exchange with. */
	if (exchange(dir_fd, from, name) < 0)
		return move_by_rename(dir_fd, from, name);
	/* A file system that does not know of exchanges has renamed it. */
	if (unlinkat(dir_fd, from, 0) == 0 || errno == ENOENT)
		return 0;
	/* What was there may be a directory. */
	r = -errno;
	exchange(dir_fd, from, name);
	return r;
}

/* What is written, and how it gets the place of a file that is there. */
struct draft {
	mode_t mode;
	const void *data;
	size_t size;
	int (*move)(int dir_fd, const char *from, const char *name);
};

/* Names the complete file. linkat(2) does not replace a file, so that needs @temporary, too. */
static int link_unnamed(int fd, int dir_fd, const char *name, const char *temporary,
			const struct draft *draft)
{
	int r = link_fd(fd, dir_fd, name);

	if (r != -EEXIST)
		return r;
	r = link_fd(fd, dir_fd, temporary);
	return r < 0 ? r : draft->move(dir_fd, temporary, name);
}

/* Opens a file without a name in the directory that @name is in. */
static int open_unnamed(int dir_fd, const char *name, mode_t mode)
{
	const char *slash = strrchr(name, '/');
	auto_free char *parent =
		slash ? strndup(name, slash == name ? 1 : (size_t)(slash - name)) : strdup(".");
	int fd = parent ? openat(dir_fd, parent, O_TMPFILE | O_WRONLY | O_CLOEXEC, mode) : -1;

	return fd < 0 ? -errno : fd;
}

static int replace_unnamed(int dir_fd, const char *name, const char *temporary, const struct draft *draft)
{
	auto_close int fd = open_unnamed(dir_fd, name, draft->mode);
	int r = fd < 0 ? fd : io_write_all(fd, draft->data, draft->size);

	return r < 0 ? r : link_unnamed(fd, dir_fd, name, temporary, draft);
}

static int replace_named(int dir_fd, const char *name, const char *temporary, const struct draft *draft)
{
	auto_close int fd =
		openat(dir_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, draft->mode);
	int r = fd < 0 ? -errno : io_write_all(fd, draft->data, draft->size);

	return r < 0 ? r : draft->move(dir_fd, temporary, name);
}

static int replace(int dir_fd, const char *name, const struct draft *draft)
{
	auto_free char *temporary = NULL;
	int r;

	/* The pid makes the name unique among the commands that may write the same file. */
	if (asprintf(&temporary, "%s.%d~", name, getpid()) < 0) {
		temporary = NULL;
		return -ENOMEM;
	}
	r = replace_unnamed(dir_fd, name, temporary, draft);
	if (r == 0)
		return 0;
	/* Not every file system has O_TMPFILE, and linkat(2) needs /proc. */
	unlinkat(dir_fd, temporary, 0);
	r = replace_named(dir_fd, name, temporary, draft);
	if (r < 0)
		unlinkat(dir_fd, temporary, 0);
	return r;
}

int file_replace(int dir_fd, const char *name, mode_t mode, const void *data, size_t size)
{
	return replace(dir_fd, name, &(struct draft){ mode, data, size, move_by_rename });
}

int file_replace_own(int dir_fd, const char *name, mode_t mode, const void *data, size_t size)
{
	return replace(dir_fd, name, &(struct draft){ mode, data, size, file_move_over });
}
