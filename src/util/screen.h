/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What is written for a person who looks at a terminal, and for nobody else: colours here, and the lines of
 * progress that the commands draw. A program that reads krun's output gets plain text.
 */

#include <stdbool.h>

enum colour { COLOUR_RED, COLOUR_YELLOW, COLOUR_GREEN, COLOUR_FAINT };

/* Whether @fd is a terminal that can be drawn on: TERM says what it is, and is not "dumb". */
bool screen_can_draw(int fd);

/*
 * The text that begins a colour on @fd, and the one that ends it. Both are "" unless screen_can_draw(), and
 * where NO_COLOR is set and not empty (https://no-color.org).
 */
const char *screen_colour(int fd, enum colour colour);
const char *screen_plain(int fd);
