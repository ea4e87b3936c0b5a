/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

struct error;
struct seccomp_program;
struct spec_seccomp;

/*
 * Returns libseccomp's token of a checked "SCMP_ARCH_..." word; 0 if this libseccomp does not know it. Pure.
 */
uint32_t seccomp_architecture(const char *word);

/*
 * Pure: puts instructions in front of a program whose default action refuses. A system call with a number
 * higher than all that the profile names, and than the last one of Linux 5.0, gets ENOSYS. The author of the
 * profile did not know that call, and a libc that tries it has a fallback for ENOSYS, but not for EPERM. A
 * program without room for the instructions stays as it is.
 */
int seccomp_answer_newer_calls(const struct spec_seccomp *seccomp, uint32_t default_action,
			       struct seccomp_program *program, struct error *err);
