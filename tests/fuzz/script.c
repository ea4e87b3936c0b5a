/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "km/km.h"
#include "util/error.h"

/* A program of the image, perhaps a script. */
void fuzz_one(const uint8_t *data, size_t size)
{
	char *const argv[] = { (char[]){ "run" }, (char[]){ "x" }, NULL };
	char *text = fuzz_text(data, size), *path = NULL;
	struct strv words = { 0 };
	struct error err;
	int fd, r;

	/* The interpreter is opened: that it is a device of this machine is no input that is meant. */
	if (!strstr(text, "/dev") && !strstr(text, "/proc") && !strstr(text, "/sys")) {
		fd = fuzz_memory(data, size);
		r = km_resolve_script(fd, "/bin/run", argv, &path, &words, &err);
		fuzz_require_error(r, &err);
		if (r == 0) {
			/* What was asked for is still there, at the end. */
			fuzz_require(words.len >= 2 && strcmp(words.items[words.len - 1], "x") == 0);
			fuzz_require(path && path[0]);
		}
		free(path);
		strv_done(&words);
		close(fd);
	}
	free(text);
}
