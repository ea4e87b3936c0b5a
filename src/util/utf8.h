/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* UTF-8 (RFC 3629, section 4), for text of other programs that goes into JSON. */

#include <stdbool.h>
#include <stddef.h>

/* Returns the bytes (1 to 4) of the character at @text, or 0 for an invalid one and for the final NUL. */
size_t utf8_length(const char *text);

/* Whether all of @text is UTF-8. */
bool utf8_is_valid(const char *text);

/* Copies @text, with U+FFFD for every invalid byte; the caller frees the copy. NULL: out of memory. */
char *utf8_repair(const char *text);
