/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Text that comes from elsewhere and goes into JSON, which has to be UTF-8 (RFC 3629, section 4). */

#include <stddef.h>

/* Bytes of the character at @text (1 to 4), or 0 when no valid one is there. @text ends with NUL, which is none. */
size_t utf8_length(const char *text);

/* A copy with U+FFFD for every byte that is not part of a valid character; caller frees. NULL: out of memory. */
char *utf8_repair(const char *text);
