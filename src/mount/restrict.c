/* SPDX-License-Identifier: Apache-2.0 */

/* Paths that the container may not change or not see. Runs after the pivot: "/" is the container's root. */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "mount/internal.h"
#include "syscall/mount.h"
#include "syscall/open.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/log.h"

/*
 * Kernels differ in which files they have, so a missing path is not an error. One that krun may not look at
 * is: another user of the container perhaps may.
 */
static bool is_absent(int fd)
{
	return fd == -ENOENT || fd == -ENOTDIR;
}

/* A path in a proc or sysfs of config.json is looked up from the mount that was made (apply.c). */
static int open_path(const struct mount_setup *setup, const char *path)
{
	char rest[PATH_MAX];
	const struct mount_entry *entry = mount_plan_cover(&setup->plan, path, rest, sizeof(rest));

	if (entry && entry->kind == MOUNT_NEW && !mount_is_in_memory(entry->type) && entry->tree_fd >= 0)
		return open_in_root(entry->tree_fd, rest, O_PATH);
	return open_in_root(setup->root_fd, path, O_PATH);
}

static int make_read_only(const struct mount_setup *setup, const char *path, struct error *err)
{
	auto_close int fd = open_path(setup, path);
	auto_close int tree_fd = -1;
	int r;

	if (is_absent(fd))
		return 0;
	if (fd < 0)
		return error_sys(err, fd, "read-only path '%s'", path);
	tree_fd = mount_clone_fd(fd, true);
	r = tree_fd < 0 ? tree_fd :
			  sys_mount_setattr(tree_fd, "", AT_EMPTY_PATH, MOUNT_ATTR_RDONLY, 0, 0, -1);
	if (r == 0)
		r = mount_attach(tree_fd, fd);
	return r < 0 ? error_sys(err, r, "make '%s' read-only", path) : 0;
}

/*
 * Covers a directory by an empty read-only tmpfs, which is made once; later covers are copies of its
 * mount.
 */
static int cover_directory(int fd, int *cover_fd)
{
	auto_close int tree_fd = -1;
	int r;

	if (*cover_fd >= 0) {
		tree_fd = mount_clone_fd(*cover_fd, false);
		return tree_fd < 0 ? tree_fd : mount_attach(tree_fd, fd);
	}
	auto_close int fs_fd = sys_fsopen("tmpfs", 0);

	if (fs_fd < 0)
		return fs_fd;
	r = sys_fsconfig(fs_fd, FSCONFIG_SET_STRING, "size", "0", 0);
	if (r == 0)
		r = sys_fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	if (r < 0)
		return r;
	tree_fd = sys_fsmount(fs_fd, 0,
			      MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	if (tree_fd < 0)
		return tree_fd;
	r = mount_attach(tree_fd, fd);
	if (r == 0)
		*cover_fd = take_fd(&tree_fd);
	return r;
}

/* The image may have anything at /dev/null, so the device number is checked. */
static int open_null(int root_fd)
{
	auto_close int fd = open_in_root_nofollow(root_fd, "/dev/null", O_PATH);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	return S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3) ? take_fd(&fd) : -ENODEV;
}

static int cover_file(int root_fd, int fd, int *null_fd)
{
	auto_close int tree_fd = -1;

	if (*null_fd < 0)
		*null_fd = open_null(root_fd);
	if (*null_fd < 0)
		return *null_fd;
	tree_fd = mount_clone_fd(*null_fd, false);
	return tree_fd < 0 ? tree_fd : mount_attach(tree_fd, fd);
}

static int mask(const struct mount_setup *setup, char *const *paths, struct error *err)
{
	auto_close int cover_fd = -1, null_fd = -1;

	for (; paths && *paths; paths++) {
		auto_close int fd = open_path(setup, *paths);
		struct stat st;
		int r;

		log_debug("mask '%s'%s", *paths, is_absent(fd) ? ", which is not there" : "");
		if (is_absent(fd))
			continue;
		if (fd < 0)
			r = fd;
		else if (fstat(fd, &st) < 0)
			r = -errno;
		else if (S_ISDIR(st.st_mode))
			r = cover_directory(fd, &cover_fd);
		else
			r = cover_file(setup->root_fd, fd, &null_fd);
		if (r < 0)
			return error_sys(err, r, "mask '%s'", *paths);
	}
	return 0;
}

/* Runs last, because pivot_root(2) refuses a shared root, and an unbindable one cannot be copied. */
static int set_root_propagation(const struct mount_setup *setup, struct error *err)
{
	const unsigned long asked = setup->spec->rootfs_propagation;

	if (asked && mount(NULL, "/", NULL, asked, NULL) < 0)
		return error_sys(err, -errno, "set rootfsPropagation");
	return 0;
}

int mount_do_restrict(struct mount_setup *setup, struct error *err)
{
	char *const *path = setup->spec->readonly_paths;
	/* Before the copies, which are to be as read-only as the mounts. */
	int r = mount_finish_read_only(setup, err);

	for (; r == 0 && path && *path; path++) {
		log_debug("read-only '%s'", *path);
		r = make_read_only(setup, *path, err);
	}
	if (r == 0)
		r = mask(setup, setup->spec->masked_paths, err);
	if (r == 0)
		r = set_root_propagation(setup, err);
	if (r < 0 || !setup->spec->rootfs_readonly)
		return r;
	r = sys_mount_setattr(setup->root_fd, "", AT_EMPTY_PATH, MOUNT_ATTR_RDONLY, 0, 0, -1);
	return r < 0 ? error_sys(err, r, "make the root read-only") : 0;
}
