/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "criu/log.h"

static void check(const char *text, size_t room)
{
	fuzz_require(strlen(text) < room);
	for (; *text; text++)
		fuzz_require((unsigned char)*text >= ' ' && *text != 0x7f);
}

/* The log of CRIU, and its output, with names and texts of the container. */
void fuzz_one(const uint8_t *data, size_t size)
{
	char excerpt[256];

	fuzz_file("dump.log", data, size);
	for (size_t room = 1; room <= sizeof(excerpt); room += room < 8 ? 1 : 62) {
		char *copy = fuzz_text(data, size);

		criu_log_excerpt_text(copy, excerpt, room);
		check(excerpt, room);
		criu_log_excerpt(fuzz_directory(), "dump.log", excerpt, room);
		check(excerpt, room);
		free(copy);
	}
}
