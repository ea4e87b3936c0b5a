/* SPDX-License-Identifier: Apache-2.0 */

#include <stdlib.h>

#include "timeline/timeline.h"
#include "util/error.h"

/* Pixels: of the axis with a single command, for each more, and at most; of an idle time. */
enum { WIDTH_MIN = 1000, WIDTH_MORE = 200, WIDTH_MAX = 8000, IDLE_WIDTH = 40 };
/* An idle time is drawn short when it is longer than this part of all that is not idle. */
enum { IDLE_PART = 5 };

static uint64_t length(const struct timeline_span *span)
{
	return span->end - span->start;
}

/* The earliest and the latest time. False: there is no slice. */
static bool find_ends(const struct timeline *timeline, struct timeline_span *ret)
{
	*ret = (struct timeline_span){ UINT64_MAX, 0 };
	for (size_t i = 0; i < timeline->slices_len; i++) {
		const struct timeline_span *time = &timeline->slices[i].time;

		ret->start = time->start < ret->start ? time->start : ret->start;
		ret->end = time->end > ret->end ? time->end : ret->end;
	}
	return timeline->slices_len > 0;
}

static void add_piece(struct timeline_scale *scale, uint64_t start, uint64_t end, bool idle)
{
	if (end > start)
		scale->pieces[scale->len++] = (struct timeline_piece){ .time = { start, end }, .idle = idle };
}

/* Cuts the time from the first to the last slice where nothing happens for long. */
static void cut(const struct timeline *timeline, const struct timeline_span *ends, struct timeline_scale *ret)
{
	uint64_t busy = 0, from = ends->start, last = ends->start;

	for (size_t i = 0; i < timeline->busy_len; i++)
		busy += length(&timeline->busy[i]);
	for (size_t i = 0; i <= timeline->busy_len; i++) {
		const uint64_t next = i < timeline->busy_len ? timeline->busy[i].start : ends->end;

		if (next > last && next - last > busy / IDLE_PART) {
			add_piece(ret, from, last, false);
			add_piece(ret, last, next, true);
			from = next;
		}
		if (i < timeline->busy_len)
			last = timeline->busy[i].end;
	}
	add_piece(ret, from, ends->end, false);
}

/* Gives the pieces their places. */
static void lay_out(struct timeline_scale *scale)
{
	double idle_width, all = 0, x = 0;
	size_t idle = 0;

	for (size_t i = 0; i < scale->len; i++) {
		idle += scale->pieces[i].idle;
		all += scale->pieces[i].idle ? 0 : (double)length(&scale->pieces[i].time);
	}
	scale->width = WIDTH_MIN + (double)idle * WIDTH_MORE;
	scale->width = scale->width < WIDTH_MAX ? scale->width : WIDTH_MAX;
	idle_width = (double)idle * IDLE_WIDTH < scale->width / 2 || idle == 0 ?
			     IDLE_WIDTH :
			     scale->width / 2 / (double)idle;
	for (size_t i = 0; i < scale->len; i++) {
		struct timeline_piece *piece = &scale->pieces[i];

		piece->x = x;
		piece->width = piece->idle ? idle_width :
					     (double)length(&piece->time) / all *
						     (scale->width - (double)idle * idle_width);
		x += piece->width;
	}
}

int timeline_scale_make(const struct timeline *timeline, struct timeline_scale *ret, struct error *err)
{
	struct timeline_span ends;

	*ret = (struct timeline_scale){ .pieces = calloc(2 * timeline->busy_len + 3, sizeof(*ret->pieces)) };
	if (!ret->pieces)
		return error_oom(err);
	if (find_ends(timeline, &ends))
		cut(timeline, &ends, ret);
	lay_out(ret);
	return 0;
}

double timeline_scale_x(const struct timeline_scale *scale, uint64_t time)
{
	size_t low = 0, high = scale->len;

	/* The last piece that begins before. */
	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (scale->pieces[middle].time.start <= time)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return 0;

	const struct timeline_piece *piece = &scale->pieces[low - 1];
	const double part = (double)(time - piece->time.start) / (double)length(&piece->time);

	return piece->x + (part < 1 ? part : 1) * piece->width;
}
