/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/protect.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "syscall/mount.h"
#include "syscall/process.h"
#include "syscall/socket.h"
#include "syscall/statx.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"
#include "util/proc.h"

static const char self[] = "/proc/self/exe";

/*
 * Set in the environment of the copy until it has run is_protected(): if that fails, krun must not execute
 * itself for ever.
 */
#define STARTED_AGAIN "KRUN_STARTED_AGAIN"

/* ---- is protection needed -------------------------------------------------------------------- */

/*
 * Returns whether krun runs from a file that protect_program() made: one that is a read-only mount by itself,
 * a sealed memfd, or an unlinked file on a read-only tmpfs. A file on a read-only file system is not enough,
 * because that can be remounted.
 */
static bool is_protected(void)
{
	auto_close int fd = -1;
	struct sys_statx st;
	int seals;

	if (faccessat(AT_FDCWD, self, W_OK, AT_EACCESS) < 0 && errno == EROFS)
		return sys_statx(AT_FDCWD, self, 0, SYS_STATX_NLINK, &st) == 0 &&
		       (st.mount_root || st.links == 0);
	/* F_GET_SEALS fails with EINVAL for files that are not on tmpfs. */
	fd = open(self, O_RDONLY | O_CLOEXEC);
	seals = fd < 0 ? -1 : fcntl(fd, F_GET_SEALS);
	return seals >= 0 && (seals & F_SEAL_WRITE);
}

/*
 * An ordinary user's containers have only the user's ids and subordinate ids: they cannot write a file of
 * root that is writable for root only. Not in a user namespace, where uid 0 of the file may be another user
 * of the host.
 */
static bool is_out_of_reach(int self_fd)
{
	struct stat st;

	if (geteuid() == 0 || fstat(self_fd, &st) < 0 || st.st_uid != 0 || (st.st_mode & 0022))
		return false;
	/* Where that cannot be told, it has to be protected. */
	return proc_in_user_namespace() == 0;
}

/* ---- three ways ------------------------------------------------------------------------------ */

static int start_from_mount(char **argv)
{
	auto_close int tree_fd = sys_open_tree(AT_FDCWD, self, OPEN_TREE_CLONE);
	int r;

	if (tree_fd < 0)
		return tree_fd;
	r = sys_mount_setattr(tree_fd, "", AT_EMPTY_PATH, MOUNT_ATTR_RDONLY, 0, 0, -1);
	return r < 0 ? r : sys_execveat(tree_fd, "", argv, environ, AT_EMPTY_PATH);
}

static int copy_self(int self_fd, int to_fd)
{
	struct stat st;
	off_t at = 0;

	if (fstat(self_fd, &st) < 0)
		return -errno;
	while (at < st.st_size) {
		ssize_t n = sendfile(to_fd, self_fd, &at, (size_t)(st.st_size - at));

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return -EIO;
	}
	return 0;
}

static int start_from_memfd(int self_fd, char **argv)
{
	auto_close int fd = sys_memfd_executable("krun");
	int r = fd < 0 ? fd : copy_self(self_fd, fd);

	if (r == 0)
		r = sys_memfd_seal(fd);
	return r < 0 ? r : sys_execveat(fd, "", argv, environ, AT_EMPTY_PATH);
}

/*
 * Copies krun to a detached tmpfs, unlinks the copy and makes the tmpfs read-only. Returns an O_PATH fd of
 * the copy.
 */
static int copy_to_tmpfs(int self_fd)
{
	auto_close int context_fd = sys_fsopen("tmpfs", FSOPEN_CLOEXEC);
	auto_close int mount_fd = -1, fd = -1, path_fd = -1;
	int r = context_fd < 0 ? context_fd : sys_fsconfig(context_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0);

	if (r == 0)
		r = mount_fd = sys_fsmount(context_fd, FSMOUNT_CLOEXEC, 0);
	if (r < 0)
		return r;
	fd = openat(mount_fd, "krun", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
	r = fd < 0 ? -errno : copy_self(self_fd, fd);
	cleanup_close(&fd);
	path_fd = openat(mount_fd, "krun", O_PATH | O_CLOEXEC);
	if (r == 0 && (path_fd < 0 || unlinkat(mount_fd, "krun", 0) < 0))
		r = -errno;
	if (r == 0)
		r = sys_mount_setattr(mount_fd, "", AT_EMPTY_PATH, MOUNT_ATTR_RDONLY, 0, 0, -1);
	return r < 0 ? r : take_fd(&path_fd);
}

/*
 * Maps the caller's own ids, which needs no privilege (user_namespaces(7)): without a mapped id it could not
 * make files.
 */
static int map_own_ids(uid_t uid, gid_t gid)
{
	char text[32];
	int r = io_write_existing(AT_FDCWD, "/proc/self/setgroups", "deny");

	snprintf(text, sizeof(text), "0 %u 1\n", uid);
	if (r == 0)
		r = io_write_existing(AT_FDCWD, "/proc/self/uid_map", text);
	snprintf(text, sizeof(text), "0 %u 1\n", gid);
	return r < 0 ? r : io_write_existing(AT_FDCWD, "/proc/self/gid_map", text);
}

static _Noreturn void help(int self_fd, int socket_fd, uid_t uid, gid_t gid)
{
	int r = map_own_ids(uid, gid), fd = r < 0 ? r : copy_to_tmpfs(self_fd);
	struct error ignored;

	if (fd >= 0 && socket_send_fd(socket_fd, "", 1, fd, &ignored) < 0)
		_exit(EIO);
	_exit(fd < 0 ? -fd : 0);
}

static int start_from_tmpfs(int self_fd, char **argv)
{
	auto_close int ours = -1, theirs = -1, fd = -1;
	const uid_t uid = geteuid();
	const gid_t gid = getegid();
	int fds[2], status = 0, r;
	char nothing;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	ours = fds[0];
	theirs = fds[1];
	pid = sys_clone3(CLONE_NEWUSER | CLONE_NEWNS, SIGCHLD, -1);
	if (pid == 0)
		help(self_fd, theirs, uid, gid);
	if (pid < 0)
		return pid;
	cleanup_close(&theirs);
	r = socket_receive_fd(ours, &nothing, &fd);
	sys_wait(pid, &status, 0);
	if (r < 0 || fd < 0)
		return r < 0 ? r : WIFEXITED(status) && WEXITSTATUS(status) ? -WEXITSTATUS(status) : -EIO;
	return sys_execveat(fd, "", argv, environ, AT_EMPTY_PATH);
}

int protect_program(char **argv, struct error *err)
{
	auto_close int self_fd = -1;
	const bool again = getenv(STARTED_AGAIN);
	int mount, memfd, tmpfs;

	unsetenv(STARTED_AGAIN);
	if (is_protected())
		return 0;
	if (again)
		return error_set(err, -ELOOP,
				 "krun was started from its protected copy, but does not recognize it");
	self_fd = open(self, O_RDONLY | O_CLOEXEC);
	if (self_fd < 0)
		return error_sys(err, -errno, "open '%s'", self);
	if (is_out_of_reach(self_fd))
		return 0;
	mount = start_from_mount(argv);
	if (setenv(STARTED_AGAIN, "1", 1) < 0)
		return error_oom(err);
	memfd = start_from_memfd(self_fd, argv);
	tmpfs = start_from_tmpfs(self_fd, argv);
	return error_set(
		err, tmpfs,
		"cannot protect krun's own file from containers: with a read-only mount: %s; with a memfd: "
		"%s; with a tmpfs: %s",
		error_reason(mount), error_reason(memfd), error_reason(tmpfs));
}
