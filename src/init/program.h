/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The container's program, found as execvp(3) finds it, with the error texts that engines turn into exit
 * status 127 and 126. Runs in the child, inside the container, as the payload's user.
 */

#include "util/strv.h"

struct error;

struct program {
	char *path;	  /* for execve(2); owned */
	struct strv argv; /* owned */
};

/*
 * Finds args[0]: with a slash it is a path, else it is searched for in PATH of @env, or without PATH in
 * PATH_DEFAULT. -ENOENT: there is no such file, or only a directory in PATH; -EACCES: a path to a directory,
 * or a file that the user may not execute; for a path also other errors of stat(2). On success *ret is
 * released with program_done().
 */
int program_find(char *const *args, char *const *env, struct program *ret, struct error *err);
void program_done(struct program *program);

/* The home of @uid by the container's /etc/passwd, else "/"; the caller frees it. NULL: out of memory. */
char *program_home(unsigned int uid);
