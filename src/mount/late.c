/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the child does while it has the ids and groups of the caller: it opens the root's directory and
 * copies what the parent may not copy. An ordinary user may not copy a mount, nor may root of a user
 * namespace whose mount namespace belongs to a more privileged one; the child's own mount namespace
 * belongs to its own user namespace. Nothing is attached there yet, so a copy of a directory above the
 * root's does not contain the container's mounts.
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

/*
 * The fd was opened in the parent's mount namespace, from which the child may not copy. Its path leads
 * to the same object in the child's, unless that was moved meanwhile: open_again_here() compares them.
 */
static int clone_inherited(int *fd, bool recursive)
{
	auto_close int again = open_again_here(*fd, O_PATH);
	int tree;

	if (again < 0)
		return again;
	tree = mount_clone_fd(again, recursive);
	if (tree < 0)
		return tree;
	close(*fd);
	*fd = tree;
	return 0;
}

static int copy_source(struct mount_entry *entry, struct error *err)
{
	const bool recursive = entry->kind == MOUNT_CGROUP_BIND || entry->options->recursive_bind;
	int r = clone_inherited(&entry->tree_fd, recursive);

	if (r < 0)
		return error_sys(err, r, "copy mount source '%s' for '%s'",
				 entry->source ? entry->source : entry->type, entry->destination);
	r = mount_idmap_tree(entry->tree_fd, entry, err);
	return r < 0 ? r : mount_configure_tree(entry->tree_fd, entry, err);
}

int mount_copy_sources(struct mount_setup *setup, struct error *err)
{
	for (size_t i = 0; setup->late && i < setup->plan.len; i++) {
		int r = setup->plan.entries[i].tree_fd < 0 ? 0 : copy_source(&setup->plan.entries[i], err);

		if (r < 0)
			return r;
	}
	return 0;
}

static int copy_extra_files(struct mount_setup *setup, struct error *err)
{
	for (size_t i = 0; i < setup->files_len; i++) {
		struct mount_extra_tree *tree = &setup->files[i];
		int r = tree->tree_fd < 0 ? 0 : clone_inherited(&tree->tree_fd, false);

		if (r == 0 && tree->tree_fd >= 0)
			r = mount_restrict_file(tree->tree_fd, tree->file.is_directory);
		if (r < 0)
			return error_sys(err, r, "copy the mount of '%s'", tree->file.destination);
	}
	return 0;
}

/*
 * Opens the root's directory in the child's mount namespace. The parent could not stand there when only
 * the child's ids may search the path.
 */
static int find_place(struct mount_setup *setup)
{
	int fd = setup->in_place ? AT_FDCWD : open_again_here(setup->place_fd, O_PATH | O_DIRECTORY);

	if (setup->in_place)
		setup->place_fd = -1; /* not inherited by the child */
	else
		cleanup_close(&setup->place_fd);
	setup->place_fd = fd;
	return fd < 0 && fd != AT_FDCWD ? fd : 0;
}

int mount_copy_root(struct mount_setup *setup)
{
	cleanup_close(&setup->root_fd);
	setup->root_fd = mount_clone_fd(setup->place_fd, true);
	if (setup->root_fd < 0)
		return setup->root_fd;
	return sys_mount_setattr(setup->root_fd, "", AT_EMPTY_PATH | AT_RECURSIVE, 0, 0, MS_SLAVE, -1);
}

int mount_do_sources(struct mount_setup *setup, struct error *err)
{
	int r = find_place(setup);

	if (r < 0)
		return error_sys(err, r, "open the rootfs '%s'", setup->spec->rootfs);
	if (!setup->late)
		return 0;
	r = mount_copy_root(setup);
	if (r < 0)
		return error_sys(err, r, "copy the mount of rootfs '%s'", setup->spec->rootfs);
	r = mount_copy_sources(setup, err);
	return r < 0 ? r : copy_extra_files(setup, err);
}
