/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Milliseconds of CLOCK_MONOTONIC (clock_gettime(2)), for deadlines. */

#include <stdint.h>

int64_t clock_ms(void);
