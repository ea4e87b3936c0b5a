/* SPDX-License-Identifier: Apache-2.0 */
#include "state/seal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "util/error.h"
#include "util/hash.h"

#define KEY ",\"check\":\""

enum { DIGITS = 16, SEAL_LENGTH = sizeof(KEY) - 1 + DIGITS + sizeof("\"}") - 1 };

char *seal_make(const char *text)
{
	/* Without the final brace. */
	const size_t size = text ? strlen(text) - 1 : 0;
	char *sealed;

	if (!text)
		return NULL;
	return asprintf(&sealed, "%.*s" KEY "%016" PRIx64 "\"}", (int)size, text, hash_of(text, size)) < 0 ?
		       NULL :
		       sealed;
}

int seal_check(const char *text, size_t size, struct error *err)
{
	const char *seal = size > SEAL_LENGTH ? text + size - SEAL_LENGTH : NULL;
	char right[DIGITS + 1];

	if (!seal || memcmp(seal, KEY, strlen(KEY)) != 0 || memcmp(text + size - 2, "\"}", 2) != 0)
		return 0;
	snprintf(right, sizeof(right), "%016" PRIx64, hash_of(text, (size_t)(seal - text)));
	return memcmp(seal + strlen(KEY), right, DIGITS) == 0 ?
		       0 :
		       error_set(err, -EBADMSG, "damaged: the checksum at its end is another one");
}
