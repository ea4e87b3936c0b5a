/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* capget(2) and capset(2) of this thread with 64-bit sets (_LINUX_CAPABILITY_VERSION_3) (0 or -errno). */

#include <stdint.h>

struct capability_sets {
	uint64_t effective, permitted, inheritable;
};

int sys_capget(struct capability_sets *ret);
int sys_capset(const struct capability_sets *sets);
