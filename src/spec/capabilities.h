/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Names of capabilities, as libcap-ng has them. The first call of either function has to be outside of a container: it may read
 * /proc/sys/kernel/cap_last_cap. Later calls read nothing.
 */

/* Number of "CAP_CHOWN" or "chown", any case; -EINVAL for an unknown name. */
int capability_number(const char *name);
/* "CAP_CHOWN"; NULL for a number beyond the last. */
const char *capability_name(int number);
