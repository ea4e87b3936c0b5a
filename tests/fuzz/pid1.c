/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "monitor/pid1.h"

/* A status file, as process 1 of a container reads it without a libc. */
void fuzz_one(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *parts[2], out[64], path[256];

	fuzz_split(text, parts, 2);
	fuzz_require(pid1_number(parts[0]) >= 0);
	pid1_set(parts[0], "\nSigCgt:\t");
	pid1_has_signal(parts[0], "\nShdPnd:\t", 63);
	pid1_find(parts[0], parts[1]);
	pid1_put_number(out, (int)(pid1_number(parts[0]) & INT32_MAX));
	fuzz_require(strlen(out) < 16);
	fuzz_file("status", data, size);
	pid1_put_text(pid1_put_text(path, fuzz_directory_path()), "/status");
	fuzz_require(strlen(pid1_read(path)) <= size);
	free(text);
}
