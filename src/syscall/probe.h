/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Which of the newer system calls that krun needs this kernel has, for `check`. */

#include <stddef.h>

struct sys_needed {
	const char *name;
	const char *since; /* version of Linux */
};

/* Ends with a row without a name. */
extern const struct sys_needed sys_needed[];

/*
 * Makes call @index of sys_needed with arguments that it refuses. Returns 1 if the kernel has it, 0 if it
 * answers ENOSYS, which is also what a seccomp filter around krun may answer.
 */
int sys_has(size_t index);
