/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The state roots of this machine, for --any-root: that of the command, and the well-known ones of engines
 * and users. A user's directories are hostile to root: links are not followed, everything is looked up from
 * descriptors, no file system of the user's is entered, and there are limits for what is looked at.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "util/strv.h"

struct runtime_options;
struct error;

struct root {
	char *path;
	int fd;		 /* for reading */
	bool is_foreign; /* another user, neither root nor the caller, can change it */
	uid_t owner;	 /* of a foreign one */
};

struct roots {
	struct root *items;
	size_t len;
	struct strv unread; /* "'PATH' (reason)": what could not be looked at, of much the first */
};

/* Opens all roots, that of @runtime first. The caller ends @ret with roots_done(), after an error, too. */
int roots_open(const struct runtime_options *runtime, struct roots *ret, struct error *err);
void roots_done(struct roots *roots);

/*
 * Adds the directories below @base_fd that @pattern names, as "docker/runtime-*" does: a '*' stands for any
 * part of a name. @base: the path of @base_fd, for the paths of the roots. A directory that is a root already
 * is left out.
 */
int roots_add(struct roots *roots, int base_fd, const char *base, const char *pattern, struct error *err);

/*
 * Adds the ids of krun's containers in a root to @ret, sorted, and not those of another runtime, whose
 * containers an engine keeps in the same root. Of a foreign root not more than some; a warning says so.
 */
int root_list(const struct root *root, struct strv *ret, struct error *err);
/* Returns 1 if @id is a container of krun's in the root, or 0, or a negative errno without an error text. */
int root_has(const struct root *root, const char *id);

/* Returns @runtime with @root, which has to live as long, as the place of the state. */
struct runtime_options root_options(const struct runtime_options *runtime, const struct root *root);
