/* SPDX-License-Identifier: Apache-2.0 */

#include <stdlib.h>
#include <string.h>

#include "timeline/timeline.h"
#include "util/cleanup.h"
#include "util/error.h"

enum { PROCESS_MAX = 256, TEXT_MAX = 1024, COLUMN_MAX = 48 };

/* The longest first; of equal ones the one that began first. */
static int compare(const void *a, const void *b)
{
	const struct timeline_slice *one = *(const struct timeline_slice *const *)a;
	const struct timeline_slice *other = *(const struct timeline_slice *const *)b;

	if (one->own != other->own)
		return one->own > other->own ? -1 : 1;
	if (one->time.start != other->time.start)
		return one->time.start < other->time.start ? -1 : 1;
	return one < other ? -1 : one > other;
}

static int column_width(const struct timeline *timeline)
{
	size_t width = 0;

	for (size_t i = 0; i < timeline->rows_len; i++) {
		char process[PROCESS_MAX];
		const size_t len = strlen(timeline_process(&timeline->rows[i], process, sizeof(process)));

		if (timeline->rows[i].len > 0 && len > width && len <= COLUMN_MAX)
			width = len;
	}
	return (int)width;
}

int timeline_blame(const struct timeline *timeline, FILE *out, struct error *err)
{
	auto_free const struct timeline_slice **order =
		calloc(timeline->slices_len + 1, sizeof(const struct timeline_slice *));
	const int width = column_width(timeline);
	size_t len = 0;

	if (!order)
		return error_oom(err);
	for (size_t i = 0; i < timeline->slices_len; i++)
		if (timeline->slices[i].own > 0)
			order[len++] = &timeline->slices[i];
	if (len > 0)
		qsort(order, len, sizeof(*order), compare);
	for (size_t i = 0; i < len; i++) {
		char time[32], process[PROCESS_MAX], text[TEXT_MAX];

		fprintf(out, "%10s  %-*s  %s\n", timeline_duration(order[i]->own, time, sizeof(time)), width,
			timeline_process(&timeline->rows[order[i]->row], process, sizeof(process)),
			timeline_describe(order[i], text, sizeof(text)));
	}
	return 0;
}
