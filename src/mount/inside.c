/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Sources of binds that lie below the root by their texts: an earlier mount may bring them, and what is in the root is the image's. So
 * the part below the root is looked up in the root, as every path there, when the earlier mounts are made.
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

bool mount_roots_find(const struct spec *spec, const char *bundle, int place_fd, struct mount_roots *ret)
{
	ret->bundle = bundle;
	return join(ret->configured, bundle, spec->rootfs) && fstat(place_fd, &ret->place) == 0 &&
	       fd_path(place_fd, ret->found, sizeof(ret->found)) == 0;
}

static bool stays_below(const char *path)
{
	for (const char *at = path; *(at += strspn(at, "/")); at += strcspn(at, "/"))
		if (strcspn(at, "/") == 2 && at[0] == '.' && at[1] == '.')
			return false;
	return true;
}

/* Under whatever name, of which the texts know two: what part of the path leads to the root's directory. */
static bool leads_through(const struct mount_roots *roots, char *path, char *rest, size_t size)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		struct stat st;
		int r;

		*slash = '\0';
		r = stat(path, &st);
		*slash = '/';
		if (r == 0 && is_same_file(&st, &roots->place) && stays_below(slash) &&
		    snprintf(rest, size, "%s", slash + 1) < (int)size)
			return true;
	}
	return false;
}

bool mount_source_inside(const struct mount_roots *roots, const char *source, char *rest, size_t size)
{
	char path[PATH_MAX];

	return join(path, roots->bundle, source) &&
	       (path_below(path, roots->configured, rest, size) ||
		path_below(path, roots->found, rest, size) || leads_through(roots, path, rest, size));
}

int mount_find_inside(struct mount_setup *setup, const char *bundle, struct error *err)
{
	struct mount_roots roots;
	char rest[PATH_MAX];

	if (!mount_roots_find(setup->spec, bundle, setup->place_fd, &roots))
		return 0;
	for (size_t i = 0; i < setup->plan.len; i++) {
		struct mount_entry *entry = &setup->plan.entries[i];

		if (entry->kind != MOUNT_BIND || !entry->source ||
		    !mount_source_inside(&roots, entry->source, rest, sizeof(rest)))
			continue;
		entry->in_root = strdup(rest);
		if (!entry->in_root)
			return error_oom(err);
	}
	return 0;
}

/* What becomes read-only later is so for as long as it may be copied: the copy has to be, too. */
static int copy(const struct mount_setup *setup, struct mount_entry *entry, int fd)
{
	int r = mount_read_only_meanwhile(setup, true), again;

	if (r < 0)
		return r;
	entry->tree_fd = mount_clone_fd(fd, entry->options->recursive_bind);
	again = mount_read_only_meanwhile(setup, false);
	return entry->tree_fd < 0 ? entry->tree_fd : again;
}

/*
 * By a link the image would choose what is shown once more: a proc without its masks, the whole root, which is to be read-only. What it leads
 * to is the root's own, and as read-only as that.
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
