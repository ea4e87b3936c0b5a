/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "monitor/log.h"
#include "util/printable.h"

/* km's log, to which the payload writes. */
void fuzz_one(const uint8_t *data, size_t size)
{
	int fd = fuzz_memory(data, size);
	char *text = NULL, tail[600];
	size_t len = 0;

	fuzz_require(monitor_log_read(fd, size > 3 ? 3 : 0, &text, &len) == 0);
	fuzz_require(strlen(text) == len && len <= size);
	for (size_t room = 8; room <= sizeof(tail); room += room < 32 ? 1 : 71) {
		monitor_log_tail(text, len, tail, room);
		fuzz_require(strlen(tail) < room);
		for (size_t at = 0, bytes; tail[at]; at += bytes) {
			bytes = printable_length(tail + at, strlen(tail) - at);
			fuzz_require(bytes > 0);
		}
	}
	monitor_log_to_debug(fd, 0);
	free(text);
	close(fd);
}
