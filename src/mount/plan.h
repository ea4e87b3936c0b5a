/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Inside mount/: what has to be mounted, in order. The plan is pure (mount_plan_make); the parent then fills in
 * the fds of sources (setup.c) and the child carries it out (apply.c).
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
	MOUNT_CGROUP,	   /* cgroup2 of the container's own cgroup namespace */
	MOUNT_CGROUP_BIND, /* without one: the hierarchy, or a part of it */
	MOUNT_REMOUNT,	   /* changes what is mounted there already */
};

struct mount_entry {
	enum mount_kind kind;
	const char *destination;
	const char *source; /* as written; NULL if absent */
	const char *type;
	const struct spec_mount_options *options;
	unsigned long propagation; /* MS_* for mount_setattr; binds: slave unless asked otherwise */
	bool propagation_recursive;
	bool read_only_later; /* it stays writable until what comes into it is there, read_only.c */
	/* filled by the parent: */
	int idmap_fd; /* user namespace whose ids the mount shows; borrowed; -1: none */
	/* and for binds: */
	int tree_fd; /* detached tree, or until the child has copied it an O_PATH fd; of a new tmpfs, proc or sysfs, and of a remount, the mount */
	bool is_directory;
	char *in_root; /* the source below the root: not opened by the parent; owned; NULL: it is the host's */
	char *link;    /* copy-symlink: text of the link to be made instead; owned */
};

struct mount_plan {
	struct mount_entry *entries;
	size_t len;
};

/* Borrows from @spec. */
int mount_plan_make(const struct spec *spec, bool has_cgroupns, struct mount_plan *ret, struct error *err);
/*
 * Pure: the mount that covers @path, the last of those above it, and in the caller's buffer where it is in there. NULL: the root does.
 * What is mounted on exactly a path says spec_mount_at().
 */
const struct mount_entry *mount_plan_cover(const struct mount_plan *plan, const char *path, char *rest,
					   size_t size);
/* For a container that runs: nothing waits for what comes later. */
void mount_plan_at_once(struct mount_plan *plan);
void mount_plan_done(struct mount_plan *plan);

/* Pure: file systems that begin empty, and are the container's own. */
bool mount_is_in_memory(const char *type);
/* Pure: MS_* for mount(2) from the attributes and super block flags of the options. */
unsigned long mount_flags(const struct spec_mount_options *options);
/* Pure: data has a word "@key=...". */
bool mount_data_has(const char *data, const char *key);
/* Pure: data without its "gid=..." words, in the caller's buffer; false when there is none. */
bool mount_data_without_gid(const char *data, char *buffer, size_t size);
