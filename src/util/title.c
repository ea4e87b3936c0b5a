/* SPDX-License-Identifier: Apache-2.0 */
#include "util/title.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The kernel stores the arguments and then the environment in one block (fs/binfmt_elf.c). */
static struct {
	char *words, *environment, *end;
	char **copy; /* of the arguments; never freed */
} area;

static char *end_of(char *text)
{
	return text + strlen(text) + 1;
}

char **title_take(int argc, char **argv)
{
	char **copy = calloc((size_t)argc + 1, sizeof(*copy));

	area.copy = copy;
	if (!copy)
		return NULL;
	for (int i = 0; i < argc; i++) {
		copy[i] = strdup(argv[i]);
		if (!copy[i])
			return NULL;
	}
	if (argc == 0)
		return copy;
	area.words = argv[0];
	area.environment = end_of(argv[argc - 1]);
	area.end = area.environment;
	for (char **variable = environ; variable && *variable; variable++)
		if (*variable == area.end)
			area.end = end_of(*variable);
	return copy;
}

void title_hide(const char *title)
{
	static char *nothing[] = { NULL };
	size_t room;

	if (!area.words)
		return;
	room = (size_t)(area.environment - area.words);
	explicit_bzero(area.words, (size_t)(area.end - area.words));
	environ = nothing;
	if (room < 2)
		return;
	strncpy(area.words, title, room - 2);
	/*
	 * When the last byte of the arguments is not NUL, the kernel shows them up to the first NUL only
	 * (fs/proc/base.c).
	 */
	area.environment[-1] = ' ';
}
