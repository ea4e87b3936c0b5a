/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Strict conversion of whole texts to values: numbers are decimal, without spaces or a plus sign. */

#include <stdbool.h>
#include <stdint.h>

/* Return 0, -EINVAL (not a number; a minus sign in parse_u64()) or -ERANGE. *ret is unchanged on failure. */
int parse_u64(const char *text, uint64_t max, uint64_t *ret);
int parse_i64(const char *text, int64_t min, int64_t max, int64_t *ret);

/* "true"/"false", "1"/"0", "yes"/"no", in any case; -EINVAL otherwise. */
int parse_bool(const char *text, bool *ret);

/*
 * Reads a list of CPUs or nodes as the kernel writes it ("0-3,7") into @mask, which has @bits bits and is
 * cleared first. -EINVAL for any other text and for an empty one, -ERANGE for a number of @bits or more.
 */
int parse_bit_list(const char *text, unsigned long *mask, unsigned int bits);

/*
 * Converts a duration as Go programs write it ("5s", "500ms", "1m30s", "1.5s"; units ns, us, ms, s, m, h) to
 * nanoseconds. -EINVAL, or -ERANGE above UINT64_MAX.
 */
int parse_duration(const char *text, uint64_t *ret_ns);

/* "15", "TERM", "SIGTERM", "RTMIN+3", in any case. Returns the number (0 for "0"), or -EINVAL. */
int parse_signal(const char *text);
