/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "timeline/timeline.h"
#include "util/error.h"
#include "util/printable.h"

static void check_slices(const struct timeline *timeline)
{
	for (size_t i = 0; i < timeline->slices_len; i++) {
		const struct timeline_slice *slice = &timeline->slices[i];

		fuzz_require(slice->row < timeline->rows_len);
		fuzz_require(slice->time.start <= slice->time.end);
		fuzz_require(slice->own <= slice->time.end - slice->time.start);
		fuzz_require(slice->depth <= i);
	}
	for (size_t i = 0; i < timeline->busy_len; i++) {
		fuzz_require(timeline->busy[i].start < timeline->busy[i].end);
		fuzz_require(i == 0 || timeline->busy[i - 1].end < timeline->busy[i].start);
	}
	for (size_t i = 0; i < timeline->arrows_len; i++)
		fuzz_require(timeline->arrows[i].from < timeline->rows_len &&
			     timeline->arrows[i].to < timeline->rows_len);
}

/* What is written is printable, and a picture has no mark-up but its own. */
static void check_text(const struct timeline *timeline, bool plot)
{
	char *text = NULL;
	struct error err;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out || (plot ? timeline_plot(timeline, out, &err) : timeline_blame(timeline, out, &err)) < 0 ||
	    fclose(out) != 0)
		abort();
	for (size_t i = 0, len; i < size; i += len) {
		len = text[i] == '\n' ? 1 : printable_length(text + i, size - i);
		fuzz_require(len > 0);
	}
	if (plot)
		fuzz_require(!strstr(text, "<script") && !strstr(text, "=\"nan") && !strstr(text, "=\"inf") &&
			     !strstr(text, "=\"-"));
	free(text);
}

/* The file of `krun trace`. */
void fuzz_one(const uint8_t *data, size_t size)
{
	struct timeline timeline;
	struct error err = { 0 };
	int r = timeline_read((const char *)data, size, &timeline, &err);

	fuzz_require_error(r, &err);
	if (r == 0) {
		check_slices(&timeline);
		check_text(&timeline, false);
		check_text(&timeline, true);
	}
	timeline_done(&timeline);
}
