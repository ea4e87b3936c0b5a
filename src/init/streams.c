/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Descriptors 0 to 2. They come from the caller, and may be anything of the host: what the container's user owns, he may change
 * the mode of, so nothing but a pipe, a socket or a file that the caller made for this container is given to him.
 */

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "init/ctx.h"
#include "spec/spec.h"
#include "syscall/open.h"
#include "terminal/terminal.h"
#include "util/cleanup.h"
#include "util/error.h"

/* Number: the kernel's devices.txt. */
static bool is_null(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3);
}

/* The container's /dev/null, opened as @fd is. An image may have anything there: it is looked at before it is opened for real. */
static int open_null_like(int fd)
{
	auto_close int root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_close int path_fd = root_fd < 0 ? -1 : open_in_root_nofollow(root_fd, "/dev/null", O_PATH);
	const int flags = fcntl(fd, F_GETFL);
	struct stat st;

	if (path_fd < 0 || flags < 0 || fstat(path_fd, &st) < 0 || !is_null(&st))
		return -ENODEV;
	return reopen_fd(path_fd, (flags & O_ACCMODE) | O_NOCTTY);
}

/*
 * Through the host's null device the container would hold a file of the host's /dev. Where it has none of its own the inherited
 * one stays: it discards what is written as well.
 */
static void replace_null(int fd)
{
	auto_close int null_fd = open_null_like(fd);

	if (null_fd >= 0)
		dup2(null_fd, fd);
}

/*
 * A pipe or file that the engine made belongs to its user; the payload's user must be able to open it again. Whose file was opened for
 * reading only is not to be able to write it either.
 */
static bool may_be_given(int fd, const struct stat *st)
{
	if (S_ISREG(st->st_mode))
		return (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY;
	return S_ISFIFO(st->st_mode) || S_ISSOCK(st->st_mode);
}

void init_give_streams(uid_t uid)
{
	for (int fd = 0; fd <= 2; fd++) {
		struct stat st;

		if (uid != 0 && fstat(fd, &st) == 0 && may_be_given(fd, &st))
			/* Whoever may not, rootless say, leaves it as it is. */
			(void)!fchown(fd, uid, (gid_t)-1);
	}
}

int init_step_streams(struct init_ctx *ctx, struct error *err)
{
	const uid_t uid = ctx->plan->process->user.uid;

	if (ctx->slave_fd >= 0) {
		int r = terminal_attach(ctx->slave_fd, err);

		cleanup_close(&ctx->slave_fd);
		return r;
	}
	for (int fd = 0; fd <= 2; fd++) {
		struct stat st;

		if (fstat(fd, &st) < 0)
			continue;
		if (is_null(&st))
			replace_null(fd);
	}
	init_give_streams(uid);
	return 0;
}
