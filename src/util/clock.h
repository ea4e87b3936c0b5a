/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Times for deadlines, and for people and programs to read. */

#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* Nanoseconds and milliseconds of CLOCK_MONOTONIC (clock_gettime(2)). */
int64_t clock_ns(void);
int64_t clock_ms(void);

/*
 * Pure. A time of CLOCK_REALTIME as in RFC 3339: "2026-11-30T13:50:49.123456789Z". GNU's gmtime_r(3) is not
 * used, because it reads /etc/localtime. @size: as for snprintf(3).
 */
void clock_text(const struct timespec *time, char *out, size_t size);
/* The same for the name of a file: "20261130T135049.123456Z". */
void clock_name(const struct timespec *time, char *out, size_t size);
