/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Texts for people. Names, environments, logs and messages come from images and from processes of containers; a terminal acts on
 * control characters in them, and a log has one line more for each line break. What is printable stays byte for byte. The rest becomes
 * "\n", "\r", "\t" or "\xHH", a byte each: C0 with ESC and line breaks, DEL, C1 (U+0080 to U+009F), what is no UTF-8, and what turns
 * the direction of writing or breaks lines elsewhere (U+2028, U+2029, U+202A to U+202E, U+2066 to U+2069). A backslash stays
 * one: this is to be read, not to be read back. JSON has its own escapes, and stays JSON.
 */

#include <stddef.h>

/* Bytes of the character at @text, of which @len are there (at least 1); 0: it is not printable. */
size_t printable_length(const char *text, size_t len);

/*
 * Copies @len bytes; @keep: characters that stay though they are not printable, "" for none. Ends before what does not fit
 * whole, with a NUL; returns the length. An escape takes up to four bytes for one.
 */
size_t printable_copy(char *out, size_t size, const char *text, size_t len, const char *keep);

/* The same of a whole text in fresh memory; the caller frees. NULL: out of memory. */
char *printable_text(const char *text, const char *keep);

/* A JSON text with DEL and C1 as escapes of JSON; the caller frees. NULL: out of memory. */
char *printable_json(const char *text);
