/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which mounts of a container that runs come from outside of it, and from where. A checkpoint has to name them, because what
 * is behind them is not the container's, and a restore has to know what to mount there.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "util/strv.h"

struct error;
struct spec;

/* Rows of proc_pid_mountinfo(5). */
struct mount_row {
	int id, parent;
	unsigned int major, minor;
	char *point; /* unescaped; owned */
	char *type;  /* of the file system; owned */
};

struct mount_table {
	struct mount_row *rows;
	size_t len;
};

/* Pure. -EBADMSG, -ENOMEM. */
int mount_table_parse(const char *text, struct mount_table *ret);
void mount_table_done(struct mount_table *table);
/* The row of mount @id; NULL: there is none. */
const struct mount_row *mount_table_find(const struct mount_table *table, int id);

/* A name that config.json gives, and a path. */
struct mount_pair {
	char *name, *path;
};

struct mount_pairs {
	struct mount_pair *items;
	size_t len;
};

int mount_pairs_add(struct mount_pairs *pairs, const char *name, const char *path);
void mount_pairs_done(struct mount_pairs *pairs);

struct mount_search {
	const struct spec *spec;
	int root_fd;		       /* the container's root */
	const struct mount_table *all; /* of the container */
	const struct mount_table *own; /* of this process */
	const char *const *extra;      /* what krun brought itself, NULL-terminated */
	bool has_cgroupns;
};

/*
 * Each mount from outside: its destination, and where it is in the container (which differs when there was a symlink on the
 * way). What is not there any more is left out. Mounts below a recursive bind are named "DESTINATION/REST", and
 * *ret_below lists "DESTINATION\tREST" for them.
 */
int mount_outside_find(const struct mount_search *search, struct mount_pairs *ret, struct strv *ret_below,
		       struct error *err);

/*
 * For a restore: each destination of @spec with the path on the host that belongs there. @bundle_fd: where relative sources
 * begin. @below: as above, from the checkpoint. @cgroup_path: the hierarchy of cgroups, for a container without a cgroup
 * namespace; NULL: none.
 */
int mount_sources_find(const struct spec *spec, int bundle_fd, char *const *below, const char *cgroup_path,
		       bool has_cgroupns, struct mount_pairs *ret, struct error *err);
