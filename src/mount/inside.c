/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Sources of binds that lie below the root by their texts: an earlier mount may bring them, and what is in the root is the image's. So
 * the part below the root is looked up in the root, as every path there, when the earlier mounts are made.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "mount/internal.h"
#include "spec/spec.h"
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
	return join(ret->configured, bundle, spec->rootfs) &&
	       fd_path(place_fd, ret->found, sizeof(ret->found)) == 0;
}

bool mount_source_inside(const struct mount_roots *roots, const char *source, char *rest, size_t size)
{
	char path[PATH_MAX];

	return join(path, roots->bundle, source) && (path_below(path, roots->configured, rest, size) ||
						     path_below(path, roots->found, rest, size));
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

int mount_copy_inside(const struct mount_setup *setup, struct mount_entry *entry, struct error *err)
{
	const struct spec_mount_options *options = entry->options;
	const bool nofollow = options->source_nofollow || options->copy_symlink;
	auto_close int fd = nofollow ? open_in_root_nofollow(setup->root_fd, entry->in_root, O_PATH) :
				       open_in_root(setup->root_fd, entry->in_root, O_PATH);
	struct stat st;
	int r = fd < 0 ? fd : fstat(fd, &st) < 0 ? -errno : 0;

	if (r == 0 && S_ISLNK(st.st_mode) && options->copy_symlink)
		return mount_read_link(fd, entry, err);
	if (r == 0) {
		entry->is_directory = S_ISDIR(st.st_mode);
		r = copy(setup, entry, fd);
	}
	if (r < 0)
		return error_sys(err, r, "mount source '%s' for '%s': '/%s' in the root", entry->source,
				 entry->destination, entry->in_root);
	r = mount_idmap_tree(entry->tree_fd, entry, err);
	return r < 0 ? r : mount_configure_tree(entry->tree_fd, entry, err);
}
