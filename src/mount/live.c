/* SPDX-License-Identifier: Apache-2.0 */

/* Mounts of a running container. "/" is the container's root, which its processes may change at any time. */

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

#include "mount/internal.h"
#include "syscall/mount.h"
#include "syscall/open.h"
#include "util/cleanup.h"
#include "util/error.h"

int mount_enter(struct mount_setup *setup, struct error *err)
{
	int r;

	setup->root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (setup->root_fd < 0)
		return error_sys(err, -errno, "open the container's root");
	r = mount_copy_sources(setup, err);
	if (r == 0)
		r = mount_apply(setup, err);
	return r < 0 ? r : mount_finish_read_only(setup, err);
}

static int remove_one(int root_fd, int proc_fd, const char *destination, struct error *err)
{
	/*
	 * A symbolic link of the container could lead to another mount, one that hides or protects
	 * something.
	 */
	auto_close int fd = sys_openat2(root_fd, destination, O_PATH, 0,
					RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS);
	char path[32];

	if (fd == -ELOOP)
		return error_set(err, -ELOOP,
				 "mount '%s': the path contains a symbolic link of the container",
				 destination);
	if (fd < 0)
		return error_sys(err, fd, "mount '%s'", destination);
	/* Unmounts by the fd's link in the host's /proc, because the path may lead elsewhere by now. */
	snprintf(path, sizeof(path), "self/fd/%d", fd);
	if (fchdir(proc_fd) == 0 && umount2(path, MNT_DETACH) == 0)
		return 0;
	if (errno == EINVAL)
		return error_set(err, -EINVAL, "nothing is mounted on '%s'", destination);
	return error_sys(err, -errno, "remove mount '%s'", destination);
}

int mount_file_tree(int fd, struct error *err)
{
	auto_close int tree_fd = mount_clone_fd(fd, false);
	int r = tree_fd < 0 ? tree_fd :
			      sys_mount_setattr(tree_fd, "", AT_EMPTY_PATH,
						MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, 0,
						MS_PRIVATE, -1);

	return r < 0 ? error_sys(err, r, "copy the mount of a file") : take_fd(&tree_fd);
}

int mount_file_tree_mapped(int fd, int userns_fd)
{
	auto_close int tree_fd = mount_clone_fd(fd, false);
	int r = tree_fd < 0 ? tree_fd :
			      sys_mount_setattr(tree_fd, "", AT_EMPTY_PATH, MOUNT_ATTR_IDMAP, 0, MS_PRIVATE,
						userns_fd);

	return r < 0 ? r : take_fd(&tree_fd);
}

int mount_enter_file(int tree_fd, const char *path, struct error *err)
{
	auto_close int root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_close int target_fd =
		root_fd < 0 ? -errno : open_in_root_make(root_fd, path, OPEN_MAKE_FILE, 0600, NULL);
	int r = target_fd < 0 ? target_fd : mount_attach(tree_fd, target_fd);

	return r < 0 ? error_sys(err, r, "mount '%s'", path) : 0;
}

int mount_do_remove_file(const char *path, int proc_fd, struct error *err)
{
	auto_close int root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_close int parent_fd = -1;
	const char *name;
	int r = root_fd < 0 ? error_sys(err, -errno, "open the container's root") :
			      remove_one(root_fd, proc_fd, path, err);

	if (r < 0)
		return r;
	parent_fd = open_parent_in_root(root_fd, path, false, &name);
	if (parent_fd < 0 || unlinkat(parent_fd, name, 0) < 0)
		return error_sys(err, parent_fd < 0 ? parent_fd : -errno, "remove '%s'", path);
	return 0;
}

int mount_do_remove(const struct spec *spec, int proc_fd, struct error *err)
{
	auto_close int root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (root_fd < 0)
		return error_sys(err, -errno, "open the container's root");
	for (size_t i = spec->mounts_len; i-- > 0;) {
		int r = remove_one(root_fd, proc_fd, spec->mounts[i].destination, err);

		if (r < 0)
			return r;
	}
	return 0;
}

int mount_enter_root_readonly(struct error *err)
{
	int r = sys_mount_setattr(AT_FDCWD, "/", 0, MOUNT_ATTR_RDONLY, 0, 0, -1);

	return r < 0 ? error_sys(err, r, "make the root read-only") : 0;
}
