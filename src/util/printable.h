/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Makes texts safe to print. Names, environments, logs and messages come from images and from processes of
 * containers: a terminal acts on control characters in them, and line breaks forge lines in a log. Printable
 * characters are copied unchanged. Every byte of the following is replaced by "\n", "\r", "\t" or "\xHH": C0
 * controls including ESC and line breaks, DEL, C1 controls (U+0080 to U+009F), invalid UTF-8, line separators
 * and bidirectional controls (U+2028, U+2029, U+202A to U+202E, U+2066 to U+2069). A backslash is not
 * doubled: the result is for people and is not parsed again.
 */

#include <stddef.h>

/* Returns the bytes of the character at @text, which has @len bytes (at least 1); 0: not printable. */
size_t printable_length(const char *text, size_t len);

/*
 * Copies @len bytes of @text to @out (@size bytes, NUL-terminated), and ends before a character or escape
 * that does not fit. @keep: unprintable characters that are copied unchanged, "" for none. Returns the
 * length. One byte becomes up to four.
 */
size_t printable_copy(char *out, size_t size, const char *text, size_t len, const char *keep);

/* The same for a whole text, in memory that the caller frees. NULL: out of memory. */
char *printable_text(const char *text, const char *keep);

/* Copies a JSON text, with DEL and C1 controls as "\uHHHH"; the caller frees it. NULL: out of memory. */
char *printable_json(const char *text);

/*
 * Appends @text at @out as the inside of a JSON string on one line: a line break becomes a space, other
 * controls escapes, invalid UTF-8 U+FFFD. Stops 8 bytes before @end. Returns the end, where it puts a NUL.
 */
char *printable_json_inside(char *out, const char *end, const char *text);
