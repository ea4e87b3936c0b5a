/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <stdlib.h>

#include "init/program.h"

/* The passwd file of an image. */
void fuzz_one(const uint8_t *data, size_t size)
{
	static const unsigned int users[] = { 0, 33, 4294967294 };

	for (size_t i = 0; i < 3; i++) {
		char *text = fuzz_text(data, size);

		/* A home is absolute. */
		fuzz_require(program_home_of(text, users[i])[0] == '/');
		free(text);
	}
}
