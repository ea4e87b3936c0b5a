/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What krun mounts for itself (km, its library) is found by its path later: by km, which executes itself again, and by exec. A mount
 * cannot be renamed or removed, but the directories above it could be, and others put in their place. So each of them becomes a
 * mount, too: of itself. Who has CAP_SYS_ADMIN in the container can still mount something over them; exec looks (init/execute.c).
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "mount/internal.h"
#include "syscall/mount.h"
#include "syscall/open.h"
#include "util/cleanup.h"
#include "util/error.h"

/* A link could be replaced, and there is no mounting on one. */
static int open_directory(const struct mount_setup *setup, const char *path)
{
	const uint64_t how = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS;
	int fd = sys_openat2(setup->root_fd, path, O_PATH | O_DIRECTORY, 0, how);

	if (fd != -ENOENT)
		return fd;
	/* What stands above is a real directory, so this makes just this one. */
	fd = open_in_root_make(setup->root_fd, path, OPEN_MAKE_DIRECTORY, 0755, NULL);
	if (fd < 0)
		return fd;
	cleanup_close(&fd);
	return sys_openat2(setup->root_fd, path, O_PATH | O_DIRECTORY, 0, how);
}

/* With everything that is mounted below, and hidden by the copy: what is to be read-only there has to be so before. */
static int copy_directory(const struct mount_setup *setup, int fd, bool writable)
{
	auto_close int tree_fd = -1;
	int r = mount_read_only_meanwhile(setup, true);

	if (r == 0)
		r = tree_fd = mount_clone_fd(fd, true);
	if (r >= 0)
		r = mount_read_only_meanwhile(setup, false);
	if (r == 0 && writable)
		r = sys_mount_setattr(tree_fd, "", AT_EMPTY_PATH, 0, MOUNT_ATTR_RDONLY, 0, -1);
	return r < 0 ? r : take_fd(&tree_fd);
}

static int guard(struct mount_setup *setup, const char *path)
{
	auto_close int fd = open_directory(setup, path);
	auto_close int tree_fd = -1;
	struct statx st;
	bool own, later;
	int r;

	if (fd < 0)
		return fd;
	if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &st) < 0)
		return -errno;
	if (st.stx_attributes & STATX_ATTR_MOUNT_ROOT)
		return 0;
	if (setup->guards_len == MOUNT_GUARDS_MAX)
		return -E2BIG;
	own = mount_is_own(setup, fd);
	later = mount_is_read_only_later(setup, fd) ||
		(setup->spec->rootfs_readonly && setup->own_len > 0 && setup->own[0] == st.stx_mnt_id);
	tree_fd = copy_directory(setup, fd, later);
	r = tree_fd < 0 ? tree_fd : sys_mount_setattr(tree_fd, "", AT_EMPTY_PATH, 0, 0, MS_PRIVATE, -1);
	if (r == 0)
		r = mount_attach(tree_fd, fd);
	if (r == 0 && own)
		r = mount_own_add(setup, tree_fd);
	if (r == 0)
		setup->guards[setup->guards_len++] = (struct mount_guard){ take_fd(&tree_fd), later };
	return r;
}

int mount_guard_path(struct mount_setup *setup, const char *path, struct error *err)
{
	char part[PATH_MAX];

	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		const size_t len = (size_t)(slash - path);
		int r;

		if (len >= sizeof(part))
			return error_set(err, -ENAMETOOLONG, "mount '%s' into the container", path);
		memcpy(part, path, len);
		part[len] = '\0';
		r = guard(setup, part + 1);
		if (r == -ELOOP || r == -ENOTDIR)
			return error_set(
				err, r,
				"'%s' goes into the container, and '%s' of its image is no directory but a "
				"link or a file, which the container could replace",
				path, part);
		if (r < 0)
			return error_sys(err, r, "protect '%s' on the way to '%s'", part, path);
	}
	return 0;
}
