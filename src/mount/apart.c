/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Copies of trees that contain a pinned mount namespace, that is, a bind mount of its nsfs file, as
 * snapd and `unshare --mount=FILE` make them. The kernel refuses to attach such a tree in a namespace
 * that is not older than the pinned one (ELOOP, check_for_nsfs_mounts() in fs/namespace.c), and a
 * container's namespace is always newer. A copy of a whole mount namespace, however, leaves these bind
 * mounts out. So the tree is copied in a mount namespace that is made for this copy.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mount/internal.h"
#include "syscall/open.h"
#include "syscall/process.h"
#include "util/cleanup.h"
#include "util/error.h"

/*
 * unshare(2) translates the working directory to the new namespace. The process shares its fd table with
 * the parent (CLONE_FILES), so it closes what it opens.
 */
static int copy_in_own_namespace(int fd, int slot_fd)
{
	auto_close int tree_fd = -1;

	if (fchdir(fd) < 0 || unshare(CLONE_NEWNS) < 0)
		return -errno;
	tree_fd = mount_clone_fd(AT_FDCWD, true);
	if (tree_fd < 0)
		return tree_fd;
	return dup3(tree_fd, slot_fd, O_CLOEXEC) < 0 ? -errno : 0;
}

int mount_clone_apart(int fd)
{
	auto_close int slot_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	int status, r;
	pid_t pid;

	if (slot_fd < 0)
		return -errno;
	pid = sys_clone3(CLONE_FILES, SIGCHLD, -1);
	if (pid == 0)
		_exit(-copy_in_own_namespace(fd, slot_fd));
	if (pid < 0)
		return pid;
	r = sys_wait(pid, &status, 0);
	if (r < 0)
		return r;
	if (!WIFEXITED(status))
		return -EINTR;
	return WEXITSTATUS(status) ? -WEXITSTATUS(status) : take_fd(&slot_fd);
}

int mount_setup_copy_again(const struct mount_setup *setup, size_t index, struct error *err)
{
	const struct mount_entry *entry = index < setup->plan.len ? &setup->plan.entries[index] : NULL;
	auto_close int fd = -1, tree_fd = -1;
	struct stat copied, found;
	int r;

	if (!entry || entry->kind != MOUNT_BIND || !entry->is_directory)
		return error_set(
			err, -EPROTO,
			"the child asked for a copy of mount %zu, which is not a bind mount of a directory",
			index);
	fd = mount_open_source(setup->bundle_fd, entry);
	if (fd < 0)
		r = fd;
	else if (fstat(fd, &found) < 0 || fstat(entry->tree_fd, &copied) < 0)
		r = -errno;
	else
		r = is_same_file(&found, &copied) ? 0 : -ESTALE;
	if (r == 0)
		r = tree_fd = mount_clone_apart(fd);
	if (r < 0)
		return error_sys(err, r,
				 "copy mount source '%s' for '%s', which contains a mounted mount namespace",
				 entry->source, entry->destination);
	r = mount_idmap_tree(tree_fd, entry, err);
	if (r == 0)
		r = mount_configure_tree(tree_fd, entry, err);
	return r < 0 ? r : take_fd(&tree_fd);
}
