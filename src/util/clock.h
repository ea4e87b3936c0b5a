/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Time for deadlines, clock_gettime(2) CLOCK_MONOTONIC. */

#include <stdint.h>

int64_t clock_ms(void);
