/* SPDX-License-Identifier: Apache-2.0 */
#include "json/pointer.h"

#include <stdio.h>
#include <string.h>

#include "util/parse.h"

/* The longest index has 20 digits. */
enum { INDEX_MAX = 24 };

/* '~' is "~0" and '/' is "~1". */
static size_t add_key(char *out, size_t size, const char *key)
{
	size_t len = 0;

	out[len++] = '/';
	for (; *key && len + 3 < size; key++) {
		if (*key == '~' || *key == '/')
			out[len++] = '~';
		out[len++] = *key == '~' ? '0' : *key == '/' ? '1' : *key;
	}
	out[len] = '\0';
	return len;
}

size_t json_pointer_add(char *out, size_t size, const char *key, size_t index)
{
	if (size > 0)
		out[0] = '\0';
	if (size <= INDEX_MAX)
		return 0;
	return key ? add_key(out, size, key) : (size_t)snprintf(out, size, "/%zu", index);
}

size_t json_pointer_take(const char **pointer, char *part)
{
	const char *at = *pointer + 1;
	size_t len = 0;

	for (; *at && *at != '/'; at++) {
		char c = *at;

		if (c == '~' && (at[1] == '0' || at[1] == '1'))
			c = *++at == '0' ? '~' : '/';
		if (len + 1 < JSON_POINTER_MAX)
			part[len++] = c;
	}
	part[len] = '\0';
	*pointer = at;
	return len;
}

bool json_pointer_index(const char *part, size_t *ret)
{
	uint64_t number;

	if ((part[0] == '0' && part[1]) || parse_u64(part, SIZE_MAX, &number) < 0)
		return false;
	*ret = (size_t)number;
	return true;
}
