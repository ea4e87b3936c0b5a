/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Private to install/: reading and replacing files below a directory. Paths are absolute, and are looked up
 * as if @root_fd were "/": directories on the way may be symbolic links, which stay below it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

struct error;

/* Returns 1 and the text, which the caller frees, 0 if there is no file, or a negative errno. */
int file_read(int root_fd, const char *path, char **ret, struct error *err);

/*
 * Fails unless the file, if there is one, and its directory are in the hands of root or the caller only, and
 * the file is a regular one, no symbolic link, and has the text @expected (NULL: is not there).
 */
int file_check(int root_fd, const char *path, const char *expected, struct error *err);

/*
 * Replaces the file by @text atomically and durably, or removes it if that is NULL. Missing directories are
 * made. Mode, owner, label and access list of a file that is there stay; a new one has @mode.
 */
int file_write(int root_fd, const char *path, mode_t mode, const char *text, struct error *err);

/* Returns the mode of the file, or @otherwise. */
mode_t file_mode(int root_fd, const char *path, mode_t otherwise);

/* Removes the directory of @path, and those above it up to @top, while they are empty. */
void file_remove_directories(int root_fd, const char *path, const char *top);
