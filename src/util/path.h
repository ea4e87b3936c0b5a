/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Paths as texts, without access to a file system. */

#include <stdbool.h>
#include <stddef.h>

/* The PATH of a process that has none: the directories in which distributions install programs. */
#define PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/*
 * Removes, in place, redundant parts of a path: "//", "/.", a final slash, a leading "./" of a relative path,
 * and a leading ".." of an absolute one. Any other ".." stays: in "/a/../b" it is the parent of what /a leads
 * to, which is not "/" when /a is a symbolic link. A path of which nothing is left becomes "/" or "."; only
 * an empty path stays empty.
 */
void path_normalize(char *path);

/* The same, and ".." removes what is in front of it, as if no directory were a symbolic link. */
void path_normalize_parents(char *path);
/* Returns whether a path has a "..". */
bool path_has_parent(const char *path);

/*
 * Writes the path that @name has in the next directory of *list, which is as PATH: directories with ':'
 * between them, of which an empty one is the working directory. *list becomes what is left, NULL at its end;
 * a path that does not fit is left out. False: there are no more.
 */
bool path_list_next(const char **list, const char *name, char *path, size_t size);

/*
 * Returns whether two absolute paths name the same place if no directory on the way is a symbolic link. For
 * comparing the paths of a configuration, not for deciding what to open.
 */
bool path_is_same_place(const char *a, const char *b);

/*
 * Returns whether @path lies below @directory, by their texts; both are absolute. If so, @rest (@size bytes)
 * is the remaining relative path, "a/b". False when @directory is "/", when either path has a ".." (which
 * only the kernel can resolve), or when the rest does not fit.
 */
bool path_below(const char *path, const char *directory, char *rest, size_t size);
