/* SPDX-License-Identifier: Apache-2.0 */

/*
 * krun's own mounts in the container (km, its library) are found by their paths later: by km, which
 * executes itself again, and by exec. A mount point cannot be renamed or removed, but the directories
 * above it could be renamed and replaced. So each of these directories is mounted on itself, too. A
 * process with CAP_SYS_ADMIN in the container can still mount over them; exec checks for that
 * (init/execute.c).
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
#include "syscall/statx.h"
#include "util/cleanup.h"
#include "util/error.h"

/* Symbolic links are refused: they could be replaced, and nothing can be mounted on them. */
static int open_directory(const struct mount_setup *setup, const char *path)
{
	const uint64_t how = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS;
	int fd = sys_openat2(setup->root_fd, path, O_PATH | O_DIRECTORY, 0, how);

	if (fd != -ENOENT)
		return fd;
	/* The parent directory was guarded before, so only the last component is made here. */
	fd = open_in_root_make(setup->root_fd, path, OPEN_MAKE_DIRECTORY, 0755, NULL);
	if (fd < 0)
		return fd;
	cleanup_close(&fd);
	return sys_openat2(setup->root_fd, path, O_PATH | O_DIRECTORY, 0, how);
}

/*
 * Returns a private copy. It is recursive and hides the mounts below, so it contains copies of them, too.
 * Those that become read-only later must be read-only while they are copied.
 */
static int copy_directory(const struct mount_setup *setup, int fd, bool writable)
{
	auto_close int tree_fd = -1;
	int r = mount_read_only_meanwhile(setup->plan.entries, setup->plan.len, true);

	if (r == 0)
		r = tree_fd = mount_clone_fd(fd, true);
	if (r >= 0)
		r = mount_read_only_meanwhile(setup->plan.entries, setup->plan.len, false);
	if (r == 0)
		r = sys_mount_setattr(tree_fd, "", AT_EMPTY_PATH, 0, writable ? MOUNT_ATTR_RDONLY : 0,
				      MS_PRIVATE, -1);
	return r < 0 ? r : take_fd(&tree_fd);
}

static int guard(struct mount_setup *setup, const char *path)
{
	auto_close int fd = open_directory(setup, path);
	auto_close int tree_fd = -1;
	struct sys_statx st;
	bool own, later;
	int r;

	if (fd < 0)
		return fd;
	r = sys_statx(fd, "", AT_EMPTY_PATH, SYS_STATX_MNT_ID, &st);
	if (r < 0)
		return r;
	if (st.mount_root)
		return 0;
	if (setup->guards_len == MOUNT_GUARDS_MAX)
		return -E2BIG;
	own = mount_is_own(setup, fd);
	later = mount_is_read_only_later(setup, fd) ||
		(setup->spec->rootfs_readonly && setup->own_len > 0 && setup->own[0] == st.mount_id);
	tree_fd = copy_directory(setup, fd, later);
	r = tree_fd < 0 ? tree_fd : mount_attach(tree_fd, fd);
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
			return error_set(err, r,
					 "mount '%s' into the container: '%s' in the image is a link or a "
					 "file, not a directory, and the container could replace it",
					 path, part);
		if (r < 0)
			return error_sys(err, r, "protect '%s' on the way to '%s'", part, path);
	}
	return 0;
}
