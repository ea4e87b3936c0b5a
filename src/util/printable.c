/* SPDX-License-Identifier: Apache-2.0 */
#include "util/printable.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/utf8.h"

enum { ESCAPE_MAX = 4, JSON_ESCAPE_MAX = 6 };

static bool is_c1(const unsigned char *bytes)
{
	return bytes[0] == 0xc2 && bytes[1] >= 0x80 && bytes[1] < 0xa0;
}

/* Line separators and bidirectional controls: U+2028 to U+202E and U+2066 to U+2069. */
static bool is_direction(const unsigned char *bytes)
{
	if (bytes[0] != 0xe2)
		return false;
	return (bytes[1] == 0x80 && bytes[2] >= 0xa8 && bytes[2] <= 0xae) ||
	       (bytes[1] == 0x81 && bytes[2] >= 0xa6 && bytes[2] <= 0xa9);
}

size_t printable_length(const char *text, size_t len)
{
	unsigned char bytes[5] = { 0 };

	memcpy(bytes, text, len < 4 ? len : 4);
	if (bytes[0] < 0x20 || bytes[0] == 0x7f || is_c1(bytes) || is_direction(bytes))
		return 0;
	return utf8_length((const char *)bytes);
}

static size_t escape(char out[ESCAPE_MAX + 1], char byte)
{
	switch (byte) {
	case '\n':
		return (size_t)sprintf(out, "\\n");
	case '\r':
		return (size_t)sprintf(out, "\\r");
	case '\t':
		return (size_t)sprintf(out, "\\t");
	default:
		return (size_t)sprintf(out, "\\x%02x", (unsigned char)byte);
	}
}

size_t printable_copy(char *out, size_t size, const char *text, size_t len, const char *keep)
{
	size_t used = 0;

	for (size_t at = 0; at < len;) {
		size_t bytes = printable_length(text + at, len - at), more = bytes;
		char part[ESCAPE_MAX + 1];

		if (bytes == 0 && text[at] && strchr(keep, text[at]))
			bytes = more = 1;
		if (bytes > 0) {
			memcpy(part, text + at, bytes);
		} else {
			more = escape(part, text[at]);
			bytes = 1;
		}
		if (used + more >= size)
			break;
		memcpy(out + used, part, more);
		used += more;
		at += bytes;
	}
	out[used] = '\0';
	return used;
}

char *printable_text(const char *text, const char *keep)
{
	const size_t len = strlen(text);
	char *copy = malloc(ESCAPE_MAX * len + 1);

	if (copy)
		printable_copy(copy, ESCAPE_MAX * len + 1, text, len, keep);
	return copy;
}

char *printable_json(const char *text)
{
	char *copy = malloc(JSON_ESCAPE_MAX * strlen(text) + 1), *out = copy;

	for (; copy && *text; text++) {
		const unsigned char *bytes = (const unsigned char *)text;

		if (*bytes != 0x7f && !is_c1(bytes)) {
			*out++ = *text;
			continue;
		}
		out += sprintf(out, "\\u%04x", *bytes == 0x7f ? 0x7f : bytes[1]);
		text += *bytes != 0x7f;
	}
	if (copy)
		*out = '\0';
	return copy;
}

char *printable_json_inside(char *out, const char *end, const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p && end - out > 8; p++) {
		if (*p == '"' || *p == '\\') {
			*out++ = '\\';
			*out++ = (char)*p;
		} else if (*p < 0x20 || *p == 0x7f) {
			/* One record is one line, and its reader may print the text to a terminal. */
			if (*p == '\n')
				*out++ = ' ';
			else
				out += sprintf(out, "\\u%04x", *p);
		} else if (is_c1(p)) {
			out += sprintf(out, "\\u%04x", *++p);
		} else if (*p < 0x80) {
			*out++ = (char)*p;
		} else {
			size_t len = utf8_length((const char *)p);

			if (len == 0) {
				out += sprintf(out, "\\ufffd");
				continue;
			}
			memcpy(out, p, len);
			out += len;
			p += len - 1;
		}
	}
	*out = '\0';
	return out;
}
