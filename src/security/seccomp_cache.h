/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Compiled filters as files: engines send the same profile of hundreds of rules with every container, and
 * compiling it costs more than all the rest of `create`. The name of a file is the SHA-256 of the typed
 * profile, krun's format number, and the versions of libseccomp and of the kernel, so that a change of any of
 * them uses another file.
 *
 * Format: struct seccomp_file, the instructions, and hash_of() all that. The cache is bounded: a new file
 * takes the place of the one that was made first, however often that is used.
 */

#include <stdint.h>

struct spec_seccomp;

enum {
	SECCOMP_CACHE_NAME = 65,
	/* Files: a host has a few profiles, and the file of docker's has 2.5 KiB. */
	SECCOMP_CACHE_MAX = 64,
};

/* Computes the name, hex digits and NUL. Reads the kernel's version with uname(2). */
void seccomp_cache_name(const struct spec_seccomp *seccomp, char ret[SECCOMP_CACHE_NAME]);

/*
 * Removes the oldest files until there are SECCOMP_CACHE_MAX, but not @name, which has just been made. What
 * cannot be removed stays. In any process, also in several at once.
 */
void seccomp_cache_trim(int dir_fd, const char *name);
