/* SPDX-License-Identifier: Apache-2.0 */
#include "util/passwd.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/parse.h"

char *passwd_user_name(const char *passwd, uid_t uid)
{
	auto_free char *text = strdup(passwd);
	uint64_t number;

	for (char *line, *rest = text; (line = strsep(&rest, "\n"));) {
		const char *name = strsep(&line, ":"), *field;

		strsep(&line, ":");
		field = strsep(&line, ":");
		if (field && parse_u64(field, UINT32_MAX, &number) == 0 && number == uid)
			return strdup(name);
	}
	return NULL;
}
