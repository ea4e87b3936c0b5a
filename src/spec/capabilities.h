/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Names of capabilities, capabilities(7) of Linux 5.9 (the newest that has been added is CAP_CHECKPOINT_RESTORE). */

/* Number of "CAP_CHOWN" or "chown", any case; -EINVAL for an unknown name. */
int capability_number(const char *name);
/* "CAP_CHOWN"; NULL for a number beyond the last. */
const char *capability_name(int number);
