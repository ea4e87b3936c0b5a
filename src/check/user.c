/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check/internal.h"
#include "state/runtime_options.h"
#include "syscall/process.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/find.h"
#include "util/io.h"
#include "util/passwd.h"

enum { FILE_MAX = 1024 * 1024 };

/* Exit statuses of the child: which call failed. */
enum { DONE, NO_NAMESPACE, NO_CAPABILITIES };

/* Makes a user namespace, and a mount namespace with its rights, in a child. */
static int try_namespaces(void)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0)
		_exit(unshare(CLONE_NEWUSER) < 0 ? NO_NAMESPACE :
		      unshare(CLONE_NEWNS) < 0	 ? NO_CAPABILITIES :
						   DONE);
	if (pid < 0 || sys_wait(pid, &status, 0) < 0 || !WIFEXITED(status))
		return NO_NAMESPACE;
	return WEXITSTATUS(status);
}

static bool file_is(const char *path, const char *wanted)
{
	char text[32];

	return io_read_small(AT_FDCWD, path, text, sizeof(text)) >= 0 && strcmp(text, wanted) == 0;
}

static void check_namespaces(struct checking *checking)
{
	static const char apparmor[] = "/proc/sys/kernel/apparmor_restrict_unprivileged_userns";
	const enum check_status bad = checking->is_root ? CHECK_WARNING : CHECK_MISSING;
	const int result = try_namespaces();

	if (result == DONE)
		check_add(checking, CHECK_OK, "user namespaces", NULL, "this user may make them");
	else if (file_is(apparmor, "1"))
		check_add(checking, bad, "user namespaces",
			  "install krun's AppArmor profile (contrib/packaging/apparmor), or set the sysctl "
			  "kernel.apparmor_restrict_unprivileged_userns to 0",
			  "AppArmor allows them to programs with a profile only");
	else if (file_is("/proc/sys/user/max_user_namespaces", "0"))
		check_add(checking, bad, "user namespaces", "set the sysctl user.max_user_namespaces",
			  "user.max_user_namespaces is 0");
	else if (file_is("/proc/sys/kernel/unprivileged_userns_clone", "0"))
		check_add(checking, bad, "user namespaces",
			  "set the sysctl kernel.unprivileged_userns_clone to 1",
			  "kernel.unprivileged_userns_clone is 0");
	else
		check_add(checking, bad, "user namespaces",
			  "around krun, a container or a seccomp filter may forbid it",
			  "this user may not make %s",
			  result == NO_CAPABILITIES ? "a mount namespace in one" : "one");
}

/* A program that gives ids has to be more privileged than its caller. */
static bool has_helper(const char *name)
{
	char path[PATH_MAX];

	return find_program(name, path, sizeof(path)) > 0;
}

static void check_ranges(struct checking *checking)
{
	auto_free char *passwd = NULL, *subuid = NULL, *subgid = NULL, *name = NULL;
	const uid_t uid = getuid();
	uint64_t uids, gids;

	if (io_read_file(AT_FDCWD, "/etc/passwd", PASSWD_SIZE_MAX, &passwd, NULL) == 0)
		name = passwd_user_name(passwd, uid);
	uids = io_read_file(AT_FDCWD, "/etc/subuid", FILE_MAX, &subuid, NULL) == 0 ?
		       check_sub_ids(subuid, uid, name) :
		       0;
	gids = io_read_file(AT_FDCWD, "/etc/subgid", FILE_MAX, &subgid, NULL) == 0 ?
		       check_sub_ids(subgid, uid, name) :
		       0;
	if (!has_helper("newuidmap") || !has_helper("newgidmap"))
		check_add(checking, CHECK_WARNING, "ranges of ids",
			  "install them: Debian's package uidmap, Fedora's shadow-utils; a container has one "
			  "user without them",
			  "newuidmap and newgidmap are not in PATH");
	else if (uids == 0 || gids == 0)
		check_add(checking, CHECK_WARNING, "ranges of ids",
			  "as root: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER; a "
			  "container has one user without them",
			  "/etc/subuid and /etc/subgid give %s no ids", name ? name : "this user");
	else
		check_add(checking, CHECK_OK, "ranges of ids", NULL, "%llu users and %llu groups",
			  (unsigned long long)uids, (unsigned long long)gids);
}

static void check_directory(struct checking *checking)
{
	const char *path = getenv("XDG_RUNTIME_DIR");
	struct stat st;

	if (checking->runtime->root && *checking->runtime->root)
		return;
	if (!path || path[0] != '/')
		check_add(checking, CHECK_MISSING, "runtime directory",
			  "log in by a session of systemd (loginctl enable-linger USER), set XDG_RUNTIME_DIR "
			  "to "
			  "a directory of yours, or use --root DIR",
			  "XDG_RUNTIME_DIR is not set");
	else if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode) || access(path, W_OK) < 0)
		check_add(checking, CHECK_MISSING, "runtime directory",
			  "set XDG_RUNTIME_DIR to a directory of yours, or use --root DIR",
			  "XDG_RUNTIME_DIR is '%s', where this user may not write", path);
	else
		check_add(checking, CHECK_OK, "runtime directory", NULL, "%s", path);
}

void check_user(struct checking *checking)
{
	check_namespaces(checking);
	if (checking->is_root)
		return;
	check_ranges(checking);
	check_directory(checking);
}
