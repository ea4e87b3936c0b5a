/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <string.h>

#include "checkpoint/payload.h"
#include "checkpoint/standard_io.h"
#include "util/error.h"

/* A directory /proc/PID of km, whose files the payload has filled as far as it can. */
void fuzz_one(const uint8_t *data, size_t size)
{
	static struct payload payload;
	struct error err;
	int r;

	fuzz_tree_make(data, size);
	memset(&payload, 0, sizeof(payload));
	r = payload_look(fuzz_directory(), fuzz_directory(), &payload, &err);
	fuzz_require_error(r, &err);
	if (r == 0)
		fuzz_require(strlen(payload.cwd) < sizeof(payload.cwd) && payload.descriptors.outside <= 7);
	payload_done(&payload);
	fuzz_tree_remove();
}
