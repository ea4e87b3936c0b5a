/* SPDX-License-Identifier: Apache-2.0 */

/* From the text to slices, processes and arrows. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "json/fields.h"
#include "json/parse.h"
#include "timeline/timeline.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/error.h"

/*
 * TIME_MAX: 31 years in microseconds. PARTS_MAX and HOLDERS_MAX bound the memory of the tree of json-c, in
 * which an empty object takes 770 bytes. An event is one, and has one with its args.
 */
enum { PARTS_MAX = 2000000, HOLDERS_MAX = 2 * TIMELINE_EVENTS_MAX + 1 };
static const double TIME_MAX = 1e15;

struct event {
	const char *name, *phase, *category, *id;
	int64_t pid, tid;
	double start, duration;
	const char *container, *title;
	struct timeline_note notes[TIMELINE_NOTES_MAX];
	size_t notes_len;
};

/* One end of an arrow. */
struct flow {
	const char *id;
	bool is_end;
	size_t row, index;
	uint64_t time;
};

struct reading {
	struct timeline *timeline;
	struct flow *flows;
	size_t flows_len;
};

static int read_double(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	const double number = json_object_get_double(value);

	(void)arg;
	if (!(number >= 0 && number <= TIME_MAX))
		return json_error(reader, "out of range");
	*(double *)target = number;
	return 0;
}

static int read_args(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	struct event *event = target;

	(void)arg;
	json_object_object_foreach(value, key, member)
	{
		int r = json_enter_key(reader, key);

		if (r == 0)
			r = json_check_type(reader, member, json_type_string);
		if (r < 0)
			return r;
		json_leave(reader);
		if (strcmp(key, "container") == 0)
			event->container = json_object_get_string(member);
		else if (strcmp(key, "name") == 0)
			event->title = json_object_get_string(member);
		else if (event->notes_len < TIMELINE_NOTES_MAX)
			event->notes[event->notes_len++] =
				(struct timeline_note){ key, json_object_get_string(member) };
	}
	return 0;
}

static const struct json_field event_fields[] = {
	{ "name", json_type_string, false, offsetof(struct event, name), json_read_string, NULL },
	{ "ph", json_type_string, true, offsetof(struct event, phase), json_read_string, NULL },
	{ "cat", json_type_string, false, offsetof(struct event, category), json_read_string, NULL },
	{ "id", json_type_string, false, offsetof(struct event, id), json_read_string, NULL },
	{ "pid", json_type_int, true, offsetof(struct event, pid), json_read_i64, NULL },
	{ "tid", json_type_int, false, offsetof(struct event, tid), json_read_i64, NULL },
	{ "ts", json_type_double, false, offsetof(struct event, start), read_double, NULL },
	{ "dur", json_type_double, false, offsetof(struct event, duration), read_double, NULL },
	{ "args", json_type_object, false, 0, read_args, NULL },
	{ 0 },
};

/* ---- events ---------------------------------------------------------------------------------- */

/* The latest row of the process; @title: its name, where that is told. */
static int find_row(struct json_reader *reader, struct timeline *timeline, const struct event *event,
		    const char *title, size_t *ret)
{
	size_t i = timeline->rows_len;

	while (i > 0 && (timeline->rows[i - 1].pid != event->pid || timeline->rows[i - 1].tid != event->tid))
		i--;
	if (i > 0) {
		struct timeline_row *row = &timeline->rows[i - 1];

		*ret = i - 1;
		if (title && !*row->name)
			row->name = title;
		if (!title || strcmp(row->name, title) == 0)
			return 0;
	}
	if (timeline->rows_len == TIMELINE_ROWS_MAX)
		return json_error(reader, "more than %d processes", TIMELINE_ROWS_MAX);
	timeline->rows[timeline->rows_len] =
		(struct timeline_row){ .pid = event->pid, .tid = event->tid, .name = title ? title : "" };
	*ret = timeline->rows_len++;
	return 0;
}

static uint64_t nanoseconds(double us)
{
	return (uint64_t)(us * 1000 + 0.5);
}

static void add_slice(struct timeline *timeline, const struct event *event, size_t row)
{
	struct timeline_slice *slice = &timeline->slices[timeline->slices_len++];
	const uint64_t start = nanoseconds(event->start);

	*slice = (struct timeline_slice){
		.row = row,
		.name = event->name,
		.category = event->category,
		.container = event->container,
		.time = { start, start + nanoseconds(event->duration) },
		.waits = strcmp(event->category, "wait") == 0,
		.notes_len = event->notes_len,
	};
	memcpy(slice->notes, event->notes, sizeof(slice->notes));
	timeline->rows[row].len++;
}

static int add_event(struct json_reader *reader, struct reading *reading, const struct event *event)
{
	static const char phases[] = "XisfM";
	struct timeline *timeline = reading->timeline;
	const char phase = event->phase[0];
	const char *title = phase == 'M' && strcmp(event->name, "process_name") == 0 ? event->title : NULL;
	size_t row = 0;
	int r;

	if (!phase || event->phase[1] || !strchr(phases, phase) || (phase == 'M' && !title))
		return 0;
	r = find_row(reader, timeline, event, title, &row);
	if (r < 0 || phase == 'M')
		return r;
	if (phase == 'X' || phase == 'i')
		add_slice(timeline, event, row);
	else
		reading->flows[reading->flows_len++] =
			(struct flow){ event->id, phase == 'f', row, reading->flows_len,
				       nanoseconds(event->start) };
	return 0;
}

static int read_event(struct json_reader *reader, struct reading *reading, struct json_object *value)
{
	struct event event = { .name = "", .category = "", .id = "", .container = "" };
	int r = json_check_type(reader, value, json_type_object);

	if (r == 0)
		r = json_read_fields(reader, value, event_fields, &event);
	if (event.phase && event.phase[0] != 'X')
		event.duration = 0;
	return r < 0 ? r : add_event(reader, reading, &event);
}

/* ---- arrows ---------------------------------------------------------------------------------- */

static int compare_flows(const void *a, const void *b)
{
	const struct flow *one = a, *other = b;
	const int order = strcmp(one->id, other->id);

	if (order != 0)
		return order;
	return one->index < other->index ? -1 : one->index > other->index;
}

/* A beginning and the end that follows it with the same id are an arrow; others are dropped. */
static void pair_flows(struct reading *reading)
{
	struct timeline *timeline = reading->timeline;

	qsort(reading->flows, reading->flows_len, sizeof(*reading->flows), compare_flows);
	for (size_t i = 0; i + 1 < reading->flows_len; i++) {
		const struct flow *from = &reading->flows[i], *to = &reading->flows[i + 1];

		if (!from->is_end && to->is_end && strcmp(from->id, to->id) == 0)
			timeline->arrows[timeline->arrows_len++] =
				(struct timeline_arrow){ from->row, to->row, { from->time, to->time } };
	}
}

/* ---- the document ---------------------------------------------------------------------------- */

static int read_events(struct json_reader *reader, struct timeline *timeline)
{
	struct arena *arena = &timeline->arena;
	const size_t len = json_object_array_length(timeline->document);
	struct reading reading = { .timeline = timeline };
	int r = 0;

	if (len > TIMELINE_EVENTS_MAX)
		return error_set(reader->err, -EFBIG, "it has more than %d events", TIMELINE_EVENTS_MAX);
	timeline->slices = arena_alloc(arena, len, sizeof(*timeline->slices));
	timeline->arrows = arena_alloc(arena, len, sizeof(*timeline->arrows));
	timeline->rows = arena_alloc(arena, len < TIMELINE_ROWS_MAX ? len : TIMELINE_ROWS_MAX,
				     sizeof(*timeline->rows));
	reading.flows = arena_alloc(arena, len, sizeof(*reading.flows));
	if (!timeline->slices || !timeline->arrows || !timeline->rows || !reading.flows)
		return error_oom(reader->err);
	for (size_t i = 0; r == 0 && i < len; i++) {
		r = json_enter_index(reader, i);
		if (r == 0)
			r = read_event(reader, &reading, json_object_array_get_idx(timeline->document, i));
		if (r == 0)
			json_leave(reader);
	}
	if (r == 0)
		pair_flows(&reading);
	return r < 0 ? r : timeline_nest(timeline, reader->err);
}

/*
 * Finds where the last whole element of an array ends that does not; 0: the array is closed, or it is none.
 * -EFBIG: it has too many parts.
 */
static int find_end(const char *text, size_t size, size_t *ret, struct error *err)
{
	size_t depth = 0, parts = 0, holders = 0, events = 0, last = 0;
	bool in_string = false;

	*ret = 0;
	for (size_t i = 0; i < size; i++) {
		if (in_string) {
			in_string = text[i] != '"';
			i += text[i] == '\\';
			continue;
		}
		in_string = text[i] == '"';
		parts += text[i] == ',' || text[i] == '[' || text[i] == '{';
		depth += text[i] == '[' || text[i] == '{';
		holders += text[i] == '[' || text[i] == '{';
		events += text[i] == ',' && depth == 1;
		if (events >= TIMELINE_EVENTS_MAX)
			return error_set(err, -EFBIG, "it has more than %d events", TIMELINE_EVENTS_MAX);
		if (depth == 0 && !strchr(" \t\r\n", text[i]))
			return 0;
		if (text[i] == ']' || text[i] == '}') {
			if (--depth == 0)
				return 0;
			last = depth == 1 ? i + 1 : last;
		}
		/* What "[" alone ends at. */
		last = last == 0 && depth == 1 && text[i] == '[' ? i + 1 : last;
		if (parts > PARTS_MAX || holders > HOLDERS_MAX)
			return error_set(err, -EFBIG, "it has too many parts for a trace");
	}
	*ret = last;
	return 0;
}

static int parse(const char *text, size_t size, struct timeline *timeline, struct error *err)
{
	auto_free char *closed = NULL;
	size_t end = 0;
	int r = size > TIMELINE_FILE_MAX ?
			error_set(err, -EFBIG, "it has more than %d bytes", TIMELINE_FILE_MAX) :
			find_end(text, size, &end, err);

	if (r < 0)
		return r;
	if (end > 0) {
		closed = malloc(end + 1);
		if (!closed)
			return error_oom(err);
		memcpy(closed, text, end);
		closed[end] = ']';
		text = closed;
		size = end + 1;
	}
	return json_document_parse(text, size, &timeline->document, err);
}

int timeline_read(const char *text, size_t size, struct timeline *ret, struct error *err)
{
	struct json_reader reader = { .arena = &ret->arena, .err = err };
	int r;

	*ret = (struct timeline){ 0 };
	r = parse(text, size, ret, err);
	if (r == 0 && !json_object_is_type(ret->document, json_type_array))
		r = error_set(err, -EINVAL, "it is not a trace, which is an array of events");
	return r < 0 ? r : read_events(&reader, ret);
}

void timeline_done(struct timeline *timeline)
{
	free(timeline->busy);
	arena_done(&timeline->arena);
	json_object_put(timeline->document);
	*timeline = (struct timeline){ 0 };
}
