/* SPDX-License-Identifier: Apache-2.0 */
#include "util/screen.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool screen_can_draw(int fd)
{
	const char *kind = getenv("TERM");

	return kind && *kind && strcmp(kind, "dumb") != 0 && isatty(fd);
}

static bool has_colours(int fd)
{
	const char *no = getenv("NO_COLOR");

	return (!no || *no == '\0') && screen_can_draw(fd);
}

const char *screen_colour(int fd, enum colour colour)
{
	static const char *const begin[] = {
		[COLOUR_RED] = "\033[1;31m",
		[COLOUR_YELLOW] = "\033[33m",
		[COLOUR_GREEN] = "\033[32m",
		[COLOUR_FAINT] = "\033[2m",
	};

	return has_colours(fd) ? begin[colour] : "";
}

const char *screen_plain(int fd)
{
	return has_colours(fd) ? "\033[m" : "";
}
