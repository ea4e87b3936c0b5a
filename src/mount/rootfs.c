/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The child's half for the root: the detached tree is attached on top of "/", where path look-ups of this process
 * do not see it, and becomes "/" by pivot_root(2) at the end.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/mount.h>
#include <unistd.h>

#include "mount/internal.h"
#include "syscall/mount.h"
#include "syscall/open.h"
#include "util/cleanup.h"
#include "util/error.h"

int mount_do_propagation(struct mount_setup *setup, struct error *err)
{
	(void)setup;
	/* Nothing that happens below may reach the host; what the host mounts may still reach us. */
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return error_sys(err, -errno, "make the mounts of the host slaves");
	return 0;
}

int mount_do_rootfs(struct mount_setup *setup, struct error *err)
{
	int r = 0;

	if (!setup->root_cloned)
		r = mount_clone_inherited(&setup->root_fd, true);
	if (r == 0)
		r = sys_move_mount(setup->root_fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH);
	if (r == 0)
		r = mount_own_add(setup, setup->root_fd);
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
		r = target_fd < 0 ? target_fd : tree->late ? mount_make_late(tree) : 0;
		if (r == 0)
			r = mount_attach(tree->tree_fd, target_fd);
		if (r < 0)
			return error_sys(err, r, "mount '%s' into the container", tree->file.destination);
	}
	return 0;
}

int mount_do_mounts(struct mount_setup *setup, struct error *err)
{
	int r = mount_apply(setup, err);

	return r < 0 ? r : attach_extra_files(setup, err);
}

int mount_do_pivot(struct mount_setup *setup, int proc_fd, struct error *err)
{
	int r = setup->no_pivot ? mount_hide_kernel_files(setup, proc_fd, err) : 0;

	if (r < 0)
		return r;

	if (fchdir(setup->root_fd) < 0)
		return error_sys(err, -errno, "enter the rootfs");
	if (setup->no_pivot) {
		/* The tree already covers "/": what MS_MOVE would do has been done by attaching it there. */
		if (chroot(".") < 0)
			return error_sys(err, -errno, "change root");
	} else {
		/* pivot_root(2), "pivot_root(".", ".")": the old root ends up on top of the new one. */
		r = sys_pivot_root(".", ".");
		if (r < 0)
			return error_sys(err, r, "pivot root");
		if (umount2(".", MNT_DETACH) < 0)
			return error_sys(err, -errno, "detach the host's root");
	}
	if (chdir("/") < 0)
		return error_sys(err, -errno, "enter the container's root");
	return 0;
}
