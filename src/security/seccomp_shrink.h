/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * libseccomp's programs ask for each system call by its own number; of docker's profile it makes some 1,200
 * instructions. The kernel translates each of them whenever a process loads the filter, which takes as long
 * as a fifth of `start`. Neighbouring numbers mostly have the same answer, so ranges of numbers need a
 * quarter of that.
 *
 * Theory. A filter looks at the architecture and the number, and then returns, or goes on with the
 * arguments. Where it goes after the number is found for every pair of an architecture and a range of numbers
 * between constants of the program, by following the program itself. The new program looks the pair up in a
 * binary tree, and has what looks at arguments as it was. The answer to each call stays the same, and only
 * instructions are used that the kernel can evaluate in advance, for its table of calls that are always
 * allowed (kernel/seccomp.c, seccomp_is_const_allow(), since Linux 5.11).
 */

struct seccomp_program;

/*
 * Replaces the instructions by fewer ones with the same answers. A program that has instructions which
 * libseccomp does not make, or would not become shorter, stays as it is; so does every one when memory runs
 * out. Pure.
 */
void seccomp_shrink(struct seccomp_program *program);
