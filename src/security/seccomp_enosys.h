/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

struct error;
struct seccomp_program;
struct spec_seccomp;

/* libseccomp's token of a checked "SCMP_ARCH_..." word; 0 when this libseccomp does not know it. */
uint32_t seccomp_architecture(const char *word);

/*
 * Puts instructions in front of a program whose default refuses: a system call with a higher number than every one that the
 * profile names, and than the last one of Linux 5.0, gets ENOSYS. The profile's author cannot have known it, and a libc that
 * tries it falls back on ENOSYS, but gives up on EPERM. Pure.
 */
int seccomp_answer_newer_calls(const struct spec_seccomp *seccomp, uint32_t default_action,
			       struct seccomp_program *program, struct error *err);
