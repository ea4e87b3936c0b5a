/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The container's program, found as execvp(3) finds it, with the error texts that engines turn into exit
 * status 127 and 126. Runs inside the container, as the user of the payload.
 */

#include "util/strv.h"

struct error;

struct program {
	char *path; /* what execve gets; owned */
	struct strv argv;
};

/*
 * Looks @args[0] up in @env's PATH (or takes it as a path), checks that it is an executable file. Missing:
 * -ENOENT; a directory or not executable: -EACCES.
 */
int program_find(char *const *args, char *const *env, struct program *ret, struct error *err);
void program_done(struct program *program);

/* HOME of @uid in the container's /etc/passwd, "/" when it has none; caller frees. NULL: out of memory. */
char *program_home(unsigned int uid);
