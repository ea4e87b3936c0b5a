/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A place in a text, for people: its line and column, and the line itself with a mark below. Pure. The text
 * may be anybody's: control characters are escaped (util/printable.h), and of a long line only the part
 * around the place is shown.
 */

#include <stddef.h>

/* Both from 1. The column counts characters of UTF-8; a tab and a byte that is none are one. */
struct excerpt_place {
	size_t line, column;
};

struct excerpt_place excerpt_place_of(const char *text, size_t size, size_t offset);
/*
 * Returns two lines, "   12 | LINE\n      |  ^~\n", with a mark below the @len bytes (at least one) at
 * @offset, as far as they are in this line; the caller frees them. NULL: out of memory.
 */
char *excerpt_make(const char *text, size_t size, size_t offset, size_t len);
