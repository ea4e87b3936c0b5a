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
 * or a file that the user may not execute; also other errors of stat(2). On success *ret is
 * released with program_done().
 */
int program_find(char *const *args, char *const *env, struct program *ret, struct error *err);
void program_done(struct program *program);

/*
 * Pure: finds the home of @uid in the text of a passwd file (passwd(5)), which is cut at its separators; "/"
 * if there is none. Borrowed from @passwd.
 */
const char *program_home_of(char *passwd, unsigned int uid);
/*
 * *ret: the home of @uid by the container's /etc/passwd; the caller frees it. It is "/" when the file has
 * none, when the container's user may not read it, and when it is something else than a regular file of at
 * most 1 MiB. Any other error of reading it is passed on.
 */
int program_home(unsigned int uid, char **ret, struct error *err);
