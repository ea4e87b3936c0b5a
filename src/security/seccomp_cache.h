/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Compiled filters as files: engines send the same profile of hundreds of rules with every container, and
 * compiling it costs more than all the rest of `create`. The name of a file is the SHA-256 of the typed
 * profile, krun's format number, and the versions of libseccomp and of the kernel, so that a change of any of
 * them uses another file.
 *
 * Format: struct seccomp_file, then the instructions.
 */

#include <stdint.h>

struct spec_seccomp;

enum { SECCOMP_CACHE_NAME = 65 };

/* Computes the name, hex digits and NUL. Reads the kernel's version with uname(2). */
void seccomp_cache_name(const struct spec_seccomp *seccomp, char ret[SECCOMP_CACHE_NAME]);
