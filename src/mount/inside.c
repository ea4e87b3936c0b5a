/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Sources of bind mounts that lie below the root. An earlier mount may provide them, and the root's
 * contents are the image's, so the part of the path below the root is looked up in the root, as every
 * path there, after the earlier mounts were made.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "mount/internal.h"
#include "spec/spec.h"
#include "syscall/mount.h"
#include "syscall/open.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/path.h"

static bool join(char path[PATH_MAX], const char *directory, const char *name)
{
	return (name[0] == '/' ? snprintf(path, PATH_MAX, "%s", name) :
				 snprintf(path, PATH_MAX, "%s/%s", directory, name)) < PATH_MAX;
}

int mount_roots_find(const struct spec *spec, const char *bundle, int place_fd, struct mount_roots *ret)
{
	ret->bundle = bundle;
	if (!join(ret->configured, bundle, spec->rootfs))
		return -ENAMETOOLONG;
	if (fstat(place_fd, &ret->place) < 0)
		return -errno;
	return fd_path(place_fd, ret->found, sizeof(ret->found));
}

static bool stays_below(const char *path)
{
	for (const char *at = path; *(at += strspn(at, "/")); at += strcspn(at, "/"))
		if (strcspn(at, "/") == 2 && at[0] == '.' && at[1] == '.')
			return false;
	return true;
}

/*
 * Compares each directory on the way to the root's by inode, because the root may have more names than
 * the two that are compared as texts.
 */
static int leads_through(const struct mount_roots *roots, char *path, char *rest, size_t size)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		struct stat st;
		int r;

		*slash = '\0';
		r = stat(path, &st) < 0 ? -errno : 0;
		*slash = '/';
		/* What is not there, or may not be entered, leads nowhere. */
		if (r < 0 && r != -ENOENT && r != -ENOTDIR && r != -EACCES && r != -ELOOP &&
		    r != -ENAMETOOLONG)
			return r;
		if (r == 0 && is_same_file(&st, &roots->place) && stays_below(slash) &&
		    snprintf(rest, size, "%s", slash + 1) < (int)size)
			return 1;
	}
	return 0;
}

int mount_source_inside(const struct mount_roots *roots, const char *source, char *rest, size_t size)
{
	char path[PATH_MAX];

	/* A path that is too long cannot be opened, either. */
	if (!join(path, roots->bundle, source))
		return 0;
	if (path_below(path, roots->configured, rest, size) || path_below(path, roots->found, rest, size))
		return 1;
	return leads_through(roots, path, rest, size);
}

int mount_find_inside(struct mount_setup *setup, const char *bundle, struct error *err)
{
	struct mount_roots roots;
	char rest[PATH_MAX];

	int r = mount_roots_find(setup->spec, bundle, setup->place_fd, &roots);

	if (r < 0)
		return error_sys(err, r, "look for the root '%s'", setup->spec->rootfs);
	for (size_t i = 0; i < setup->plan.len; i++) {
		struct mount_entry *entry = &setup->plan.entries[i];

		if (entry->kind != MOUNT_BIND || !entry->source)
			continue;
		r = mount_source_inside(&roots, entry->source, rest, sizeof(rest));
		if (r < 0)
			return error_sys(err, r, "look for the mount source '%s'", entry->source);
		if (r == 0)
			continue;
		entry->in_root = strdup(rest);
		if (!entry->in_root)
			return error_oom(err);
	}
	return 0;
}

/*
 * A mount that becomes read-only later must be so while it is copied, so that its copy is read-only, too. A
 * copy that becomes read-only later itself is writable until then, as it would be without that: it may get
 * mount points.
 */
static int copy(const struct mount_setup *setup, struct mount_entry *entry, int fd)
{
	const struct mount_entry *all = setup->plan.entries, *source = NULL, *copied;
	const size_t mounted = (size_t)(entry - all);
	const bool recursive = entry->options->recursive_bind;
	size_t len;
	uint64_t id;
	int r = mount_id(fd, &id), again;

	if (r == 0)
		r = mount_read_only_entry(setup, mounted, id, &source);
	/* A copy of a part of one mount has no other in it. */
	copied = recursive ? all : source;
	len = recursive ? mounted : source != NULL;
	if (r == 0)
		r = mount_read_only_meanwhile(copied, len, true);
	if (r < 0)
		return r;
	entry->tree_fd = mount_clone_fd(fd, recursive);
	again = mount_read_only_meanwhile(copied, len, false);
	if (entry->tree_fd < 0)
		return entry->tree_fd;
	return again == 0 && source ? mount_read_only_meanwhile(entry, 1, false) : again;
}

/*
 * By a symbolic link the image could choose what the bind mount shows: a proc without its masked paths,
 * or a writable copy of a root that is to be read-only. So the target of a link must be on the root's
 * own mount, and its copy is as read-only as the root.
 */
static int copy_linked(const struct mount_setup *setup, struct mount_entry *entry, int fd)
{
	uint64_t id;
	int r = mount_id(fd, &id);

	if (r == 0 && (setup->own_len == 0 || id != setup->own[0]))
		r = -EXDEV;
	if (r == 0)
		r = entry->tree_fd = mount_clone_fd(fd, false);
	if (r >= 0 && setup->spec->rootfs_readonly)
		r = sys_mount_setattr(entry->tree_fd, "", AT_EMPTY_PATH, MOUNT_ATTR_RDONLY, 0, 0, -1);
	return r < 0 ? r : 0;
}

int mount_copy_inside(const struct mount_setup *setup, struct mount_entry *entry, struct error *err)
{
	const struct spec_mount_options *options = entry->options;
	const bool nofollow = options->source_nofollow || options->copy_symlink;
	auto_close int fd =
		sys_openat2(setup->root_fd, entry->in_root, (uint64_t)(O_PATH | (nofollow ? O_NOFOLLOW : 0)),
			    0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS);
	const bool linked = fd == -ELOOP;
	struct stat st;
	int r;

	if (linked)
		fd = nofollow ? open_in_root_nofollow(setup->root_fd, entry->in_root, O_PATH) :
				open_in_root(setup->root_fd, entry->in_root, O_PATH);
	r = fd < 0 ? fd : fstat(fd, &st) < 0 ? -errno : 0;

	if (r == 0 && S_ISLNK(st.st_mode) && options->copy_symlink)
		return mount_read_link(fd, entry, err);
	if (r == 0) {
		entry->is_directory = S_ISDIR(st.st_mode);
		r = linked ? copy_linked(setup, entry, fd) : copy(setup, entry, fd);
	}
	if (r < 0)
		return error_sys(err, r, "mount source '%s' for '%s': '/%s' in the root", entry->source,
				 entry->destination, entry->in_root);
	r = mount_idmap_tree(entry->tree_fd, entry, err);
	return r < 0 ? r : mount_configure_tree(entry->tree_fd, entry, err);
}
