/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Paths as texts: what can be said without looking at a file system. */

#include <stdbool.h>
#include <stddef.h>

/* Of a process for which nobody has chosen one: where programs of the distributions are. */
#define PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/*
 * Leaves out, in place, what leads nowhere: "//", "/.", a slash at the end, "./" at the beginning of a relative path, and ".." at the
 * beginning of an absolute one. Any other ".." stays: in "/a/../b" the kernel goes to the parent of what /a leads to, which
 * is not "/" when /a is a symbolic link, and only it can tell. Never empty: what is nothing becomes "/" or ".".
 */
void path_normalize(char *path);

/*
 * Whether two absolute paths name one place when no directory on the way is a symbolic link, for questions about what was asked
 * for; what is opened is for the kernel to find.
 */
bool path_is_same_place(const char *a, const char *b);

/*
 * By their texts, both absolute: whether @path lies below @directory, which is not "/", and in the caller's buffer what is left of it
 * then, "a/b". With a ".." in either only the kernel can tell, and it is false.
 */
bool path_below(const char *path, const char *directory, char *rest, size_t size);
