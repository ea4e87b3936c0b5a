/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Descriptors 0 to 2. They come from the caller, and may be any file of the host. The owner of a file may
 * change its mode, so only a pipe, a socket or a file that the caller made for this container is given to
 * the payload's user.
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

/* The number is that of the kernel's Documentation/admin-guide/devices.txt. */
static bool is_null(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3);
}

/* Opens the container's /dev/null. O_PATH: an image may have any file there. */
static int find_null(void)
{
	auto_close int root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_close int path_fd = root_fd < 0 ? -1 : open_in_root_nofollow(root_fd, "/dev/null", O_PATH);
	struct stat st;

	return path_fd < 0 || fstat(path_fd, &st) < 0 || !is_null(&st) ? -ENODEV : take_fd(&path_fd);
}

/*
 * The host's /dev/null is a file of the host, which the container must not hold. Each of descriptors 0 to 2
 * that is one becomes the container's, in its own mode. If the container has none, the host's stays: it works
 * as well.
 */
static void replace_nulls(void)
{
	int done_fd = -1, done_mode = 0;
	auto_close int null_fd = -1;

	for (int fd = 0; fd <= 2; fd++) {
		auto_close int opened_fd = -1;
		struct stat st;
		int mode;

		if (fstat(fd, &st) < 0 || !is_null(&st))
			continue;
		mode = fcntl(fd, F_GETFL) & O_ACCMODE;
		/* Most often two of them are written to. */
		if (done_fd >= 0 && done_mode == mode) {
			dup2(done_fd, fd);
			continue;
		}
		if (null_fd < 0)
			null_fd = find_null();
		if (null_fd < 0)
			return;
		opened_fd = reopen_fd(null_fd, mode | O_NOCTTY);
		if (opened_fd < 0)
			continue;
		dup2(opened_fd, fd);
		done_fd = fd;
		done_mode = mode;
	}
}

/*
 * The engine's user owns the pipes and files that the engine made, and the payload's user must be able to
 * open them again, as /dev/stdout. A file that was opened for reading only must not become writable by
 * that.
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
			/* A failure, as of an ordinary user, leaves the owner as it is. */
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
	replace_nulls();
	init_give_streams(uid);
	return 0;
}
