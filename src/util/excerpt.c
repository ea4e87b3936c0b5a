/* SPDX-License-Identifier: Apache-2.0 */
#include "util/excerpt.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "util/array.h"
#include "util/io.h"
#include "util/printable.h"

/* Columns of the terminal: as many in front of the place, and altogether. */
enum { FRONT_MAX = 40, COLUMNS_MAX = 100 };

static const char cut_mark[] = "...";

/* Returns the bytes of the character at @text, 1 for what is none. */
static size_t character_length(const char *text, size_t len)
{
	const size_t bytes = printable_length(text, len);

	return bytes > 0 ? bytes : 1;
}

static size_t line_start(const char *text, size_t offset)
{
	while (offset > 0 && text[offset - 1] != '\n')
		offset--;
	return offset;
}

static size_t line_end(const char *text, size_t size, size_t offset)
{
	const char *end = memchr(text + offset, '\n', size - offset);
	size_t at = end ? (size_t)(end - text) : size;

	if (at > offset && text[at - 1] == '\r')
		at--;
	return at;
}

struct excerpt_place excerpt_place_of(const char *text, size_t size, size_t offset)
{
	struct excerpt_place place = { 1, 1 };

	if (offset > size)
		offset = size;
	for (size_t at = 0; at < offset; at++)
		place.line += text[at] == '\n';
	for (size_t at = line_start(text, offset); at < offset;) {
		at += character_length(text + at, size - at);
		place.column += at <= offset;
	}
	return place;
}

/* ---- columns ------------------------------------------------------------------------------------------- */

static uint32_t code_of(const char *text, size_t bytes)
{
	static const unsigned char masks[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	uint32_t code = (unsigned char)text[0] & masks[bytes];

	for (size_t i = 1; i < bytes; i++)
		code = code << 6 | ((unsigned char)text[i] & 0x3f);
	return code;
}

/* How many columns terminals give to a character (Unicode's East Asian Width); combining ones have none. */
static size_t width_of(const char *text, size_t bytes)
{
	static const struct {
		uint32_t first, last;
		size_t width;
	} ranges[] = {
		{ 0x0300, 0x036f, 0 },	 { 0x1100, 0x115f, 2 },	  { 0x200b, 0x200f, 0 },
		{ 0x20d0, 0x20ff, 0 },	 { 0x2e80, 0xa4cf, 2 },	  { 0xac00, 0xd7a3, 2 },
		{ 0xf900, 0xfaff, 2 },	 { 0xfe00, 0xfe0f, 0 },	  { 0xfe30, 0xfe6f, 2 },
		{ 0xff00, 0xff60, 2 },	 { 0xffe0, 0xffe6, 2 },	  { 0x1f300, 0x1f64f, 2 },
		{ 0x1f680, 0x1f6ff, 2 }, { 0x1f900, 0x1f9ff, 2 }, { 0x20000, 0x3fffd, 2 },
	};
	const uint32_t code = code_of(text, bytes);

	for (size_t i = 0; i < ARRAY_LEN(ranges); i++)
		if (code >= ranges[i].first && code <= ranges[i].last)
			return ranges[i].width;
	return 1;
}

/* Writes one character of the line, as it is shown. Returns its columns; *ret_bytes: of the text. */
static size_t show(FILE *stream, const char *text, size_t len, size_t *ret_bytes)
{
	char escape[8];
	size_t bytes = printable_length(text, len);

	*ret_bytes = bytes > 0 ? bytes : 1;
	if (*text == '\t') {
		fputc(' ', stream);
		return 1;
	}
	if (bytes == 0) {
		bytes = printable_copy(escape, sizeof(escape), text, 1, "");
		fputs(escape, stream);
		return bytes;
	}
	fwrite(text, 1, bytes, stream);
	return width_of(text, bytes);
}

/* Goes back from @offset, but not too far. Invalid UTF-8 may be shown from its middle. */
static size_t begin_of(const char *text, size_t start, size_t offset)
{
	size_t at = offset;

	for (size_t columns = 0; at > start && columns < FRONT_MAX; columns++) {
		at--;
		while (at > start && offset - at < 4 * FRONT_MAX && ((unsigned char)text[at] & 0xc0) == 0x80)
			at--;
	}
	return at;
}

static void repeat(FILE *stream, char c, size_t times)
{
	while (times-- > 0)
		fputc(c, stream);
}

char *excerpt_make(const char *text, size_t size, size_t offset, size_t len)
{
	const size_t place = offset < size ? offset : size;
	const size_t start = line_start(text, place), end = line_end(text, size, place);
	const size_t first = begin_of(text, start, place), line = excerpt_place_of(text, size, place).line;
	size_t columns = 0, front = 0, marked = 0, bytes, out_size;
	char *out = NULL;
	FILE *stream = open_memstream(&out, &out_size);

	if (!stream)
		return NULL;
	fprintf(stream, "%5zu | %s", line, first > start ? cut_mark : "");
	if (first > start)
		columns = sizeof(cut_mark) - 1;
	front = columns;
	for (size_t at = first; at < end; at += bytes) {
		size_t width;

		if (columns >= COLUMNS_MAX) {
			fputs(cut_mark, stream);
			break;
		}
		width = show(stream, text + at, end - at, &bytes);
		columns += width;
		if (at < place)
			front += width;
		else if (at < place + len)
			marked += width;
	}
	fputs("\n      | ", stream);
	repeat(stream, ' ', front);
	fputc('^', stream);
	repeat(stream, '~', marked > 0 ? marked - 1 : 0);
	fputc('\n', stream);
	io_close_text(stream, &out);
	return out;
}
