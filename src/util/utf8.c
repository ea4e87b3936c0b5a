/* SPDX-License-Identifier: Apache-2.0 */
#include "util/utf8.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

static bool is_between(unsigned char byte, unsigned char first, unsigned char last)
{
	return byte >= first && byte <= last;
}

/* The second byte rules out overlong forms, surrogates and code points above U+10FFFF. */
static bool is_second(unsigned char first, unsigned char second)
{
	switch (first) {
	case 0xe0:
		return is_between(second, 0xa0, 0xbf);
	case 0xed:
		return is_between(second, 0x80, 0x9f);
	case 0xf0:
		return is_between(second, 0x90, 0xbf);
	case 0xf4:
		return is_between(second, 0x80, 0x8f);
	default:
		return is_between(second, 0x80, 0xbf);
	}
}

size_t utf8_length(const char *text)
{
	const unsigned char *bytes = (const unsigned char *)text;
	size_t len;

	if (is_between(bytes[0], 0x01, 0x7f))
		return 1;
	if (!is_between(bytes[0], 0xc2, 0xf4) || !is_second(bytes[0], bytes[1]))
		return 0;
	len = bytes[0] >= 0xf0 ? 4 : bytes[0] >= 0xe0 ? 3 : 2;
	for (size_t i = 2; i < len; i++)
		if (!is_between(bytes[i], 0x80, 0xbf))
			return 0;
	return len;
}

bool utf8_is_valid(const char *text)
{
	for (size_t len; *text; text += len) {
		len = utf8_length(text);
		if (len == 0)
			return false;
	}
	return true;
}

char *utf8_repair(const char *text)
{
	char *copy = malloc(strlen(text) * strlen(REPLACEMENT) + 1), *out = copy;

	while (copy && *text) {
		size_t len = utf8_length(text);

		memcpy(out, len ? text : REPLACEMENT, len ? len : strlen(REPLACEMENT));
		out += len ? len : strlen(REPLACEMENT);
		text += len ? len : 1;
	}
	if (copy)
		*out = '\0';
	return copy;
}
