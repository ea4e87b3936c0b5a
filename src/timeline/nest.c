/* SPDX-License-Identifier: Apache-2.0 */

/* Which slice is inside of which, and what time each has of its own. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "timeline/timeline.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/error.h"

/* A time in which a process of a container does something itself. */
struct activity {
	const char *container;
	struct timeline_span time;
	uint64_t before; /* of this container's activity before it */
};

/* The slices around the current place in a row. */
struct nesting {
	struct timeline_slice **around;
	size_t depth;
	uint64_t at; /* up to here activity is collected */
	struct activity *activity;
	size_t len;
};

static int compare_times(uint64_t one, uint64_t other)
{
	return one < other ? -1 : one > other;
}

static int compare_slices(const void *a, const void *b)
{
	const struct timeline_slice *one = a, *other = b;
	int order = compare_times(one->row, other->row);

	if (order == 0)
		order = compare_times(one->time.start, other->time.start);
	return order != 0 ? order : compare_times(other->time.end, one->time.end);
}

static int compare_rows(const void *a, const void *b)
{
	const struct timeline_row *one = a, *other = b;
	const int order = compare_times(one->start, other->start);

	return order != 0 ? order : compare_times(one->first, other->first);
}

/* Rows get their slices, and the order of their starts. Those without a slice come last. */
static int sort_rows(struct timeline *timeline, struct error *err)
{
	auto_free size_t *moved = calloc(timeline->rows_len + 1, sizeof(*moved));

	if (!moved)
		return error_oom(err);
	/* .first is the old number while the rows are sorted. */
	for (size_t i = 0; i < timeline->rows_len; i++) {
		timeline->rows[i].start = UINT64_MAX;
		timeline->rows[i].first = i;
	}
	for (size_t i = 0; i < timeline->slices_len; i++) {
		struct timeline_row *row = &timeline->rows[timeline->slices[i].row];

		if (timeline->slices[i].time.start < row->start)
			row->start = timeline->slices[i].time.start;
	}
	if (timeline->rows_len > 0)
		qsort(timeline->rows, timeline->rows_len, sizeof(*timeline->rows), compare_rows);
	for (size_t i = 0; i < timeline->rows_len; i++)
		moved[timeline->rows[i].first] = i;
	for (size_t i = 0; i < timeline->slices_len; i++)
		timeline->slices[i].row = moved[timeline->slices[i].row];
	for (size_t i = 0; i < timeline->arrows_len; i++) {
		timeline->arrows[i].from = moved[timeline->arrows[i].from];
		timeline->arrows[i].to = moved[timeline->arrows[i].to];
	}
	for (size_t i = 0, first = 0; i < timeline->rows_len; first += timeline->rows[i++].len)
		timeline->rows[i].first = first;
	return 0;
}

static void collect(struct nesting *nesting, uint64_t to)
{
	const struct timeline_slice *inner = nesting->around[nesting->depth - 1];

	if (!inner->waits && to > nesting->at)
		nesting->activity[nesting->len++] =
			(struct activity){ inner->container, { nesting->at, to }, 0 };
	nesting->at = to > nesting->at ? to : nesting->at;
}

/* Leaves the slices that end before @time. */
static void go_to(struct nesting *nesting, uint64_t time)
{
	while (nesting->depth > 0 && nesting->around[nesting->depth - 1]->time.end <= time) {
		collect(nesting, nesting->around[nesting->depth - 1]->time.end);
		nesting->depth--;
	}
	if (nesting->depth > 0)
		collect(nesting, time);
	nesting->at = time;
}

static void enter(struct nesting *nesting, struct timeline_slice *slice)
{
	go_to(nesting, slice->time.start);
	slice->depth = nesting->depth;
	slice->own = slice->time.end - slice->time.start;
	if (nesting->depth > 0) {
		struct timeline_slice *outer = nesting->around[nesting->depth - 1];
		const uint64_t end = slice->time.end < outer->time.end ? slice->time.end : outer->time.end;
		const uint64_t inside = end - slice->time.start;

		outer->own = outer->own > inside ? outer->own - inside : 0;
	}
	nesting->around[nesting->depth++] = slice;
}

static int compare_activity(const void *a, const void *b)
{
	const struct activity *one = a, *other = b;
	const int order = strcmp(one->container, other->container);

	return order != 0 ? order : compare_times(one->time.start, other->time.start);
}

/* Sorts, and joins what overlaps in one container. Returns the new length. */
static size_t join(struct activity *activity, size_t len)
{
	size_t used = 0;

	if (len > 0)
		qsort(activity, len, sizeof(*activity), compare_activity);
	for (size_t i = 0; i < len; i++) {
		struct activity *last = used > 0 ? &activity[used - 1] : NULL;
		const bool same = last && strcmp(last->container, activity[i].container) == 0;

		if (same && activity[i].time.start <= last->time.end) {
			if (activity[i].time.end > last->time.end)
				last->time.end = activity[i].time.end;
			continue;
		}
		activity[i].before = same ? last->before + last->time.end - last->time.start : 0;
		activity[used++] = activity[i];
	}
	return used;
}

/* How long the container was active before @time. */
static uint64_t active_before(const struct activity *activity, size_t len, const char *container,
			      uint64_t time)
{
	const struct activity key = { container, { time, 0 }, 0 };
	size_t low = 0, high = len;
	uint64_t inside;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (compare_activity(&activity[middle], &key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || strcmp(activity[low - 1].container, container) != 0)
		return 0;
	activity += low - 1;
	inside = (time < activity->time.end ? time : activity->time.end) - activity->time.start;
	return activity->before + inside;
}

static void settle_waits(struct timeline *timeline, const struct activity *activity, size_t len)
{
	for (size_t i = 0; i < timeline->slices_len; i++) {
		struct timeline_slice *slice = &timeline->slices[i];
		uint64_t seen;

		if (!slice->waits)
			continue;
		seen = active_before(activity, len, slice->container, slice->time.end) -
		       active_before(activity, len, slice->container, slice->time.start);
		slice->own = slice->time.end - slice->time.start - seen;
	}
}

/* The same as activity, of all containers. */
static int fill_busy(struct timeline *timeline, struct activity *activity, size_t len, struct error *err)
{
	for (size_t i = 0; i < len; i++)
		activity[i].container = "";
	len = join(activity, len);
	timeline->busy = calloc(len + 1, sizeof(*timeline->busy));
	if (!timeline->busy)
		return error_oom(err);
	for (size_t i = 0; i < len; i++)
		timeline->busy[i] = activity[i].time;
	timeline->busy_len = len;
	return 0;
}

int timeline_nest(struct timeline *timeline, struct error *err)
{
	const size_t len = timeline->slices_len;
	/* Each slice begins at most one time of activity, and ends at most another one. */
	auto_free struct activity *activity = calloc(2 * len + 1, sizeof(*activity));
	auto_free struct timeline_slice **around = calloc(len + 1, sizeof(struct timeline_slice *));
	struct nesting nesting = { .around = around, .activity = activity };
	int r = activity && around ? sort_rows(timeline, err) : error_oom(err);

	if (r < 0)
		return r;
	if (len > 0)
		qsort(timeline->slices, len, sizeof(*timeline->slices), compare_slices);
	for (size_t i = 0; i < len; i++) {
		if (i > 0 && timeline->slices[i].row != timeline->slices[i - 1].row) {
			go_to(&nesting, UINT64_MAX);
			nesting.at = 0;
		}
		enter(&nesting, &timeline->slices[i]);
	}
	go_to(&nesting, UINT64_MAX);
	nesting.len = join(activity, nesting.len);
	settle_waits(timeline, activity, nesting.len);
	return fill_busy(timeline, activity, nesting.len, err);
}
