/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "km/exceptions.h"
#include "util/error.h"

/* The name that `exec` asks for, and the container's list. */
void fuzz_one(const uint8_t *data, size_t size)
{
	struct km_exceptions list = { .file = (char[]){ "list" } };
	struct km_exceptions_match match;
	char *text, *name = fuzz_text(data, size), *rest = strchr(name, '\n');
	struct error err;
	int r;

	if (rest)
		*rest++ = '\0';
	text = strdup(rest ? rest : "");
	fuzz_require(km_exceptions_parse(text, &list, &err) == 0);
	for (size_t i = 0; i < list.len; i++)
		fuzz_require(list.entries[i].malformed ||
			     (list.entries[i].path[0] == '/' &&
			      strlen(list.entries[i].sha256) == KM_HASH_HEX &&
			      strlen(list.entries[i].regex) <= KM_EXPRESSION_MAX));
	r = km_exceptions_match(&list, 0, name, &match, &err);
	fuzz_require_error(r, &err);
	if (r == 0 && (match.found || match.malformed))
		fuzz_require(match.index < list.len && !list.entries[match.index].malformed);
	free(list.text);
	free(list.entries);
	free(name);
}
