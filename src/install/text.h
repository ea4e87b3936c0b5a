/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Small edits of a configuration as text, so that what is not edited stays byte for byte. Pure. */

#include <stddef.h>

struct error;

/* Returns the end of lines that @text uses: "\r\n" when its first line ends so, or "\n". */
const char *text_line_end(const char *text);

/* Returns where the line with @at begins. */
size_t text_line_start(const char *text, size_t at);

/* Returns the number of bytes of white space at the beginning of the line with @at. */
size_t text_indent(const char *text, size_t at);

/*
 * Puts the first @len bytes of @with in place of [@begin, @end) of *@text, which is replaced by fresh memory.
 * -ENOMEM: *@text is unchanged.
 */
int text_splice(char **text, size_t begin, size_t end, const char *with, size_t len);

/* As error_set(), with "FILE:LINE:COLUMN: " in front, for the byte @at of @text. Columns count characters. */
int text_error(struct error *err, int code, const char *file, const char *text, size_t at, const char *format,
	       ...) __attribute__((format(printf, 6, 7)));
