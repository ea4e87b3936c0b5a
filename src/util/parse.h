/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Text to numbers, strictly: the whole text, decimal, no sign unless stated, no spaces. */

#include <stdbool.h>
#include <stdint.h>

/* 0, -EINVAL (not a number) or -ERANGE. *ret is untouched on failure. */
int parse_u64(const char *text, uint64_t max, uint64_t *ret);
int parse_i64(const char *text, int64_t min, int64_t max, int64_t *ret);

/* "true"/"false", "1"/"0", "yes"/"no"; -EINVAL otherwise. */
int parse_bool(const char *text, bool *ret);

/*
 * "0-3,7": bits of @mask (@bits of them, zeroed first), as the kernel writes lists of cpus and nodes. -EINVAL when it is no such
 * list or is empty, -ERANGE for a number beyond the mask.
 */
int parse_bit_list(const char *text, unsigned long *mask, unsigned int bits);

/*
 * "5s", "500ms", "1m30s", "1.5s": numbers with a unit (ns, us, ms, s, m, h) as Go programs write them, into nanoseconds.
 * -EINVAL, or -ERANGE above UINT64_MAX.
 */
int parse_duration(const char *text, uint64_t *ret_ns);

/* "15", "TERM", "SIGTERM", "RTMIN+3"; any case. Returns the number or -EINVAL. */
int parse_signal(const char *text);
