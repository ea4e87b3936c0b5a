/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Inside mount/: what has to be mounted, in order. mount_plan_make() computes the plan; the parent then
 * opens the sources (setup.c), and the child carries it out (apply.c).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "spec/spec.h"

struct error;

enum mount_kind {
	MOUNT_BIND,	   /* a tree of the host */
	MOUNT_NEW,	   /* a new file system */
	MOUNT_CGROUP,	   /* cgroup2, in the container's own cgroup namespace */
	MOUNT_CGROUP_BIND, /* without one: a bind mount of the hierarchy or a part of it */
	MOUNT_REMOUNT,	   /* new attributes of what is mounted there already */
};

struct mount_entry {
	enum mount_kind kind;
	const char *destination;
	const char *source; /* as written; NULL if absent */
	const char *type;
	const struct spec_mount_options *options;
	char *const *words;	   /* the options as in config.json, for the debug log; NULL: none */
	unsigned long propagation; /* MS_* for mount_setattr(2); 0: unchanged */
	bool propagation_recursive;
	/* made read-only only after its mount points and files were made (read_only.c) */
	bool read_only_later;
	/* Filled in by the parent: */
	int idmap_fd; /* user namespace of the id map; borrowed; -1: none */
	/* For bind mounts: */
	/*
	 * The detached tree, or an O_PATH fd of the source until the child copies it. Later also the
	 * mount of a new tmpfs, proc or sysfs, and of a remount. Owned; -1: none.
	 */
	int tree_fd;
	uint64_t mount_id; /* of that, once it is mounted and somebody has asked; else 0 */
	bool is_directory;
	/* path below the root of a source that the child opens; owned; NULL: a source of the host */
	char *in_root;
	char *link; /* option copy-symlink: target of the link to make instead; owned; NULL: none */
};

struct mount_plan {
	struct mount_entry *entries;
	size_t len;
	struct path_table places; /* for mount_plan_cover() */
	/*
	 * A mount may be shared, and what is attached below it becomes that, too. Without this none is: the
	 * root and all that was there are slaves (mount_do_propagation()), and binds before they are
	 * attached.
	 */
	bool shares;
};

/*
 * Pure: makes the plan, which borrows from @spec. -EINVAL: a mount on the root itself, or an unknown
 * SELinux context option; -ENOMEM. Released with mount_plan_done().
 */
int mount_plan_make(const struct spec *spec, bool has_cgroupns, struct mount_plan *ret, struct error *err);
/*
 * Pure: returns the last mount whose destination is above @path, and the rest of the path in @rest.
 * NULL: only the root is above it. For a mount on exactly @path see spec_mount_at().
 */
const struct mount_entry *mount_plan_cover(const struct mount_plan *plan, const char *path, char *rest,
					   size_t size);
/* For a running container: no mount becomes read-only later, all do at once, and any may be shared. */
void mount_plan_at_once(struct mount_plan *plan);
void mount_plan_done(struct mount_plan *plan);

/*
 * Pure: returns whether @type is a file system that begins empty and belongs to the container: tmpfs,
 * ramfs.
 */
bool mount_is_in_memory(const char *type);
/* Pure: MS_* for mount(2), from the mount attributes and the file system's flags. */
unsigned long mount_flags(const struct spec_mount_options *options);
/* Pure: returns whether @data has an option "KEY=...". */
bool mount_data_has(const char *data, const char *key);
/* Pure: copies @data without its "gid=..." options to @buffer; returns false when there was none. */
bool mount_data_without_gid(const char *data, char *buffer, size_t size);
