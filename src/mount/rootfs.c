/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The child's part for the root. The detached tree is attached on its own directory, so that hooks which
 * run before the pivot find it by its path; krun itself uses fds. pivot_root(2) makes it "/" at the end.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/mount.h>
#include <unistd.h>

#include "mount/internal.h"
#include "syscall/mount.h"
#include "syscall/open.h"
#include "syscall/statx.h"
#include "util/cleanup.h"
#include "util/error.h"

int mount_do_propagation(struct mount_setup *setup, struct error *err)
{
	(void)setup;
	/*
	 * No mount of the container may propagate to the host; mounts of the host may still propagate to
	 * it.
	 */
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return error_sys(err, -errno, "make the mounts of the host slaves");
	return 0;
}

/* Gets whether the root's directory is "/": the same inode on the same mount. */
static int is_place_root(const struct mount_setup *setup, bool *ret)
{
	struct sys_statx here, root;
	int r = sys_statx(setup->place_fd, "", AT_EMPTY_PATH, SYS_STATX_INO | SYS_STATX_MNT_ID, &here);

	if (r == 0)
		r = sys_statx(AT_FDCWD, "/", 0, SYS_STATX_INO | SYS_STATX_MNT_ID, &root);
	if (r < 0)
		return r;
	*ret = here.mount_id == root.mount_id && here.inode == root.inode;
	return 0;
}

int mount_do_rootfs(struct mount_setup *setup, struct error *err)
{
	int r = setup->no_pivot ? is_place_root(setup, &setup->place_is_root) : 0;

	if (r == 0)
		r = mount_attach(setup->root_fd, setup->place_fd);
	/*
	 * A mount namespace is mounted in the tree (apart.c). The child's copy of the namespace is
	 * without it.
	 */
	if (r == -ELOOP) {
		r = mount_copy_root(setup);
		if (r == 0)
			r = mount_attach(setup->root_fd, setup->place_fd);
	}
	if (r == 0)
		r = mount_own_add(setup, setup->root_fd);
	cleanup_close(&setup->place_fd);
	return r < 0 ? error_sys(err, r, "attach rootfs '%s'", setup->spec->rootfs) : 0;
}

int mount_root_fd(const struct mount_setup *setup)
{
	return setup->root_fd;
}

int mount_attach(int tree_fd, int target_fd)
{
	return sys_move_mount(tree_fd, "", target_fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

static int attach_extra_files(struct mount_setup *setup, struct error *err)
{
	for (size_t i = 0; i < setup->files_len; i++) {
		struct mount_extra_tree *tree = &setup->files[i];
		auto_close int target_fd = -1;
		int r = mount_guard_path(setup, tree->file.destination, err);

		if (r < 0)
			return r;
		target_fd = open_in_root_make(setup->root_fd, tree->file.destination,
					      tree->file.is_directory ? OPEN_MAKE_DIRECTORY : OPEN_MAKE_FILE,
					      0755, NULL);
		if (tree->tree_fd < 0)
			tree->tree_fd = mount_own_directory(&tree->file);
		r = target_fd < 0 ? target_fd : tree->tree_fd < 0 ? tree->tree_fd : 0;
		if (r == 0)
			r = mount_attach(tree->tree_fd, target_fd);
		if (r < 0)
			return error_sys(err, r, "mount '%s' into the container", tree->file.destination);
	}
	return 0;
}

int mount_do_mounts(struct mount_setup *setup, const struct mount_parent *parent, struct error *err)
{
	int r;

	setup->parent = parent;
	r = mount_apply(setup, err);
	return r < 0 ? r : attach_extra_files(setup, err);
}

/* The root is moved on top of "/", so that a process that escapes the chroot is still in it. */
static int change_root(struct mount_setup *setup, int proc_fd, struct error *err)
{
	int r = mount_hide_kernel_files(setup, proc_fd, err);

	if (r < 0)
		return r;
	if (!setup->place_is_root)
		r = sys_move_mount(setup->root_fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH);
	if (r < 0)
		return error_sys(err, r, "move the rootfs to '/'");
	/* mount_hide_kernel_files() has changed the working directory. */
	if (fchdir(setup->root_fd) < 0 || chroot(".") < 0)
		return error_sys(err, -errno, "change root");
	return 0;
}

/* The old root ends up on top of the new one (pivot_root(2), 'pivot_root(".", ".")'). */
static int pivot_root(const struct mount_setup *setup, struct error *err)
{
	int r = fchdir(setup->root_fd) < 0 ? -errno : sys_pivot_root(".", ".");

	if (r < 0)
		return error_sys(err, r, "pivot root");
	return umount2(".", MNT_DETACH) < 0 ? error_sys(err, -errno, "detach the host's root") : 0;
}

int mount_do_pivot(struct mount_setup *setup, int proc_fd, struct error *err)
{
	int r = setup->no_pivot ? change_root(setup, proc_fd, err) : pivot_root(setup, err);

	if (r < 0)
		return r;
	if (chdir("/") < 0)
		return error_sys(err, -errno, "enter the container's root");
	return 0;
}
