/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/capabilities.h"

#include <cap-ng.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <strings.h>

enum { NUMBERS = 64, NAME_SIZE = 40 };

/*
 * libcap-ng's names have no "CAP_". Some versions read the kernel's last number from /proc, so all names are
 * made at once, on the host.
 */
static char names[NUMBERS][NAME_SIZE];

static void make_names(void)
{
	if (*names[0])
		return;
	for (unsigned int number = 0; number < NUMBERS; number++) {
		const char *name = capng_capability_to_name(number);

		/* libcap-ng makes up a name for a number that only the kernel knows. */
		if (!name || capng_name_to_capability(name) != (int)number ||
		    snprintf(NULL, 0, "%s", name) >= NAME_SIZE - 4)
			break;
		snprintf(names[number], NAME_SIZE, "CAP_%s", name);
		for (char *at = names[number]; *at; at++)
			*at = (char)toupper((unsigned char)*at);
	}
}

int capability_number(const char *name)
{
	int number;

	make_names();
	number = capng_name_to_capability(strncasecmp(name, "CAP_", 4) == 0 ? name + 4 : name);
	return number >= 0 && number < NUMBERS ? number : -EINVAL;
}

const char *capability_name(int number)
{
	make_names();
	return number >= 0 && number < NUMBERS && *names[number] ? names[number] : NULL;
}
