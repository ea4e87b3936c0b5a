/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Names of capabilities, from libcap-ng. The first call of either function must be made on the host, not
 * inside a container, because it may read /proc/sys/kernel/cap_last_cap. Later calls read nothing.
 */

/* Returns the number of "CAP_CHOWN" or "chown", in any case; -EINVAL for an unknown name. */
int capability_number(const char *name);
/* Returns "CAP_CHOWN" for 0; NULL for a number without a name. */
const char *capability_name(int number);
