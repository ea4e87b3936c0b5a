/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The external mounts of a running container: those with a source outside of it. A checkpoint names
 * them, because their contents are not the container's; a restore says what to mount there.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "util/strv.h"

struct error;
struct spec;

/* A row of proc_pid_mountinfo(5). */
struct mount_row {
	int id, parent;
	unsigned int major, minor;
	char *point; /* mount point, unescaped; owned */
	char *type;  /* type of the file system; owned */
};

struct mount_table {
	struct mount_row *rows;
	size_t len;
};

/* Pure: parses the text of a mountinfo file. -EBADMSG, -ENOMEM. Released with mount_table_done(). */
int mount_table_parse(const char *text, struct mount_table *ret);
void mount_table_done(struct mount_table *table);
/* Returns the row of mount @id; NULL: there is none. */
const struct mount_row *mount_table_find(const struct mount_table *table, int id);

/* The name of an external mount (a destination of config.json) and a path; both owned. */
struct mount_pair {
	char *name, *path;
};

struct mount_pairs {
	struct mount_pair *items;
	size_t len;
};

/* Appends copies of both. -ENOMEM. */
int mount_pairs_add(struct mount_pairs *pairs, const char *name, const char *path);
void mount_pairs_done(struct mount_pairs *pairs);

struct mount_search {
	const struct spec *spec;
	int root_fd;		       /* fd of the container's root */
	const struct mount_table *all; /* mounts of the container */
	const struct mount_table *own; /* mounts of this process' namespace */
	const char *const *extra;      /* paths of krun's own mounts, NULL-terminated; NULL: none */
	bool has_cgroupns;
};

/*
 * Finds the external mounts: *ret has the destination of each and its mount point in the container,
 * which differs when there was a symbolic link on the way. A mount that is gone is left out. A mount
 * below a recursive bind is named "DESTINATION/REST", and *ret_below has a line "DESTINATION\tREST" for
 * it. -EOPNOTSUPP: a path that CRIU does not accept. The caller releases both lists, also on failure.
 */
int mount_outside_find(const struct mount_search *search, struct mount_pairs *ret, struct strv *ret_below,
		       struct error *err);

/*
 * For a restore: pairs each external destination of @spec with its path on the host, and each device
 * path with itself. @bundle_fd: where relative sources begin. @below: *ret_below of the checkpoint,
 * NULL: none. @cgroup_path: the cgroup hierarchy, for a container without a cgroup namespace; NULL:
 * none. The caller releases *ret, also on failure.
 */
int mount_sources_find(const struct spec *spec, int bundle_fd, char *const *below, const char *cgroup_path,
		       bool has_cgroupns, struct mount_pairs *ret, struct error *err);
