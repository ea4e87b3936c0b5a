/* SPDX-License-Identifier: Apache-2.0 */
#include "install/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/error.h"

const char *text_line_end(const char *text)
{
	const char *newline = strchr(text, '\n');

	return newline && newline > text && newline[-1] == '\r' ? "\r\n" : "\n";
}

size_t text_line_start(const char *text, size_t at)
{
	while (at > 0 && text[at - 1] != '\n')
		at--;
	return at;
}

size_t text_indent(const char *text, size_t at)
{
	return strspn(text + text_line_start(text, at), " \t");
}

int text_splice(char **text, size_t begin, size_t end, const char *with, size_t len)
{
	const size_t rest = strlen(*text + end);
	char *fresh = malloc(begin + len + rest + 1);

	if (!fresh)
		return -ENOMEM;
	memcpy(mempcpy(mempcpy(fresh, *text, begin), with, len), *text + end, rest + 1);
	free(*text);
	*text = fresh;
	return 0;
}

int text_error(struct error *err, int code, const char *file, const char *text, size_t at, const char *format,
	       ...)
{
	const size_t start = text_line_start(text, at);
	size_t line = 1, column = 1;
	char why[512];
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	for (size_t i = 0; i < start; i++)
		line += text[i] == '\n';
	/* The second and further bytes of a character in UTF-8 are 10xxxxxx. */
	for (size_t i = start; i < at; i++)
		column += ((unsigned char)text[i] & 0xc0) != 0x80;
	return error_set(err, code, "%s:%zu:%zu: %s", file, line, column, why);
}
