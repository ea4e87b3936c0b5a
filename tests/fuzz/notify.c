/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "launch/notify.h"

/* A word with which a container would speak for the host's processes or descriptors. */
static bool is_refused(const char *line)
{
	static const char *const words[] = { "MAINPID", "FDSTORE",  "FDNAME",	     "FDPOLL", "NOTIFYACCESS",
					     "BARRIER", "BUSERROR", "WATCHDOG_USEC", "\n",     "" };

	for (size_t i = 0; words[i][0]; i++)
		if (strncmp(line, words[i], strlen(words[i])) == 0)
			return true;
	return false;
}

/* What passes is a list of whole assignments that are the container's to make, and passes again. */
void fuzz_one(const uint8_t *data, size_t size)
{
	char *out = malloc(size + 2), *again = malloc(size + 3);
	bool ready, still;
	size_t len = notify_filter((const char *)data, size, out, &ready);

	fuzz_require(len <= size + 1 && strlen(out) == len);
	fuzz_require(notify_filter(out, len, again, &still) == len && memcmp(out, again, len) == 0);
	fuzz_require(ready == still);
	for (const char *line = out; *line; line += strcspn(line, "\n") + 1) {
		fuzz_require(!is_refused(line) && strchr(line, '\n'));
	}
	free(again);
	free(out);
}
