/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * FNV-1a with 64 bits, a checksum against bad disks and memory: every single wrong byte gives another value.
 * It is none against people (util/sha256.h), but needs no set-up, and a few microseconds for a file of krun.
 */

#include <stddef.h>
#include <stdint.h>

/* Pure. */
static inline uint64_t hash_of(const void *data, size_t size)
{
	const unsigned char *bytes = data;
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
	return hash;
}
