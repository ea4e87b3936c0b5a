/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <stdlib.h>

#include "ns/idmap.h"
#include "spec/spec.h"

enum { MAPPINGS_MAX = 8 };

/* A map as the kernel writes it; the numbers of the input are also one of config.json. */
void fuzz_one(const uint8_t *data, size_t size)
{
	struct spec_id_mapping mappings[MAPPINGS_MAX];
	char *text = fuzz_text(data, size), *written;
	uint32_t outside, again;
	size_t len = 0;

	for (size_t at = 0; at + sizeof(uint32_t[3]) <= size && len < MAPPINGS_MAX; at += sizeof(uint32_t[3]))
		__builtin_memcpy(&mappings[len++], data + at, sizeof(uint32_t[3]));
	written = idmap_text(mappings, len);
	fuzz_require(written);
	for (uint32_t id = 0; id < 3; id++) {
		idmap_find(text, id, &outside);
		/* The kernel's text says the same as the mappings. */
		if (len > 0)
			fuzz_require(idmap_to_host(mappings, len, id, &outside) ==
				     idmap_find(written, id, &again));
		if (len > 0 && idmap_find(written, id, &again))
			fuzz_require(outside == again);
	}
	idmap_has_root(mappings, len);
	free(written);
	free(text);
}
