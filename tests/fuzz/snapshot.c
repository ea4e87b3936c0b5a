/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint/directory.h"
#include "monitor/monitor.h"
#include "util/error.h"

static struct km_descriptors known;

static void fill(void)
{
	static char name[] = "/data/file";

	memset(known.flags, 0xff, sizeof(known.flags));
	known.outside = 2;
	for (size_t fd = 0; fd < 8; fd++) {
		known.flags[fd] = O_RDWR | O_APPEND;
		known.names[fd] = name;
	}
}

/* A snapshot as a payload in the place of km may have written it. */
void fuzz_one(const uint8_t *data, size_t size)
{
	int fd = fuzz_memory(data, size), *before = NULL, *after = NULL, r;
	size_t before_len = 0, after_len = 0;
	struct error err;

	fill();
	fuzz_require_error(checkpoint_check_snapshot(fd, &err), &err);
	r = km_snapshot_numbers(fd, &before, &before_len, &err);
	fuzz_require_error(r, &err);
	if (r == 0)
		fuzz_require(before_len <= KM_PAYLOAD_DESCRIPTORS);
	r = km_snapshot_mend(fd, &known, &err);
	fuzz_require_error(r, &err);
	/* Only when the notes lie over the headers of the file are those of the mended snapshot others. */
	if (r == 0 && km_snapshot_numbers(fd, &after, &after_len, &err) == 0)
		fuzz_require(after_len <= KM_PAYLOAD_DESCRIPTORS);
	free(before);
	free(after);
	close(fd);
}
