/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a trace of --trace (util/trace.h) tells: which process did what, when, and for how long. Others may
 * have written the file: its size, numbers and nesting have limits, and its texts are escaped wherever they
 * are shown. Pure.
 */

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "util/arena.h"

struct error;

enum {
	TIMELINE_FILE_MAX = 16 * 1024 * 1024,
	TIMELINE_EVENTS_MAX = 100000,
	TIMELINE_ROWS_MAX = 4096,
	TIMELINE_NOTES_MAX = 4,
};

/* All times are nanoseconds of the machine's monotonic clock. */
struct timeline_span {
	uint64_t start, end;
};

struct timeline_note {
	const char *key, *value;
};

struct timeline_slice {
	size_t row; /* index of its process */
	const char *name, *category, *container;
	struct timeline_span time; /* a moment: both are the same */
	/*
	 * The part of the time that no slice inside of it has. Of a slice that waits: the part in which no
	 * process of the container is seen to do anything.
	 */
	uint64_t own;
	size_t depth; /* how many slices of the process it is in */
	bool waits;
	struct timeline_note notes[TIMELINE_NOTES_MAX];
	size_t notes_len;
};

/* A process. The kernel may give its pid to a later one, which has a row of its own. */
struct timeline_row {
	int64_t pid, tid;
	const char *name;  /* "": the file does not tell */
	uint64_t start;	   /* of its first slice */
	size_t first, len; /* its slices */
};

/* From a process to one that it made. */
struct timeline_arrow {
	size_t from, to; /* rows */
	struct timeline_span time;
};

struct timeline {
	struct timeline_slice *slices; /* by row, and within one by start, an outer one first */
	size_t slices_len;
	struct timeline_row *rows; /* by their starts */
	size_t rows_len;
	struct timeline_arrow *arrows;
	size_t arrows_len;
	struct timeline_span *busy; /* when any process is seen to do something; disjoint, in order */
	size_t busy_len;
	/* private */
	struct arena arena;
	struct json_object *document;
};

/* ---- read.c -------------------------------------------------------------------------------------------- */

/*
 * Reads the text of a trace, whose array may lack its end. Events of kinds that krun does not write are
 * ignored. Errors have a JSON pointer, but not the name of the file: -EINVAL; -EFBIG: there is too much of
 * something; -ENOMEM. *ret is released with timeline_done(), after an error, too.
 */
int timeline_read(const char *text, size_t size, struct timeline *ret, struct error *err);
void timeline_done(struct timeline *timeline);

/* ---- nest.c -------------------------------------------------------------------------------------------- */

/* For read.c: sorts slices and rows, and fills in depth, own and busy. 0 or -ENOMEM. */
int timeline_nest(struct timeline *timeline, struct error *err);

/* ---- text.c -------------------------------------------------------------------------------------------- */

/* Writes a time with its unit: "812us", "3.066ms", "1.234s". Returns @text. */
char *timeline_duration(uint64_t ns, char *text, size_t size);
/* Writes the name of a slice and its notes, on one line of printable characters. Returns @text. */
char *timeline_describe(const struct timeline_slice *slice, char *text, size_t size);
/* The same for the process of a row, with its pid. */
char *timeline_process(const struct timeline_row *row, char *text, size_t size);

/* ---- blame.c, plot.c ----------------------------------------------------------------------------------- */

/*
 * Writes a line for each slice that has time of its own, the longest first. Errors of writing stay in @out.
 * 0 or -ENOMEM.
 */
int timeline_blame(const struct timeline *timeline, FILE *out, struct error *err);

/* The same as an SVG 1.1 document: a line for each slice on an axis of time, in blocks for the processes. */
int timeline_plot(const struct timeline *timeline, FILE *out, struct error *err);

/* ---- scale.c ------------------------------------------------------------------------------------------- */

/* From times to places on the axis. Long times in which nothing happens are drawn short. */
struct timeline_scale {
	struct timeline_piece {
		struct timeline_span time;
		double x, width;
		bool idle; /* drawn short */
	} * pieces;
	size_t len;
	double width; /* of all */
};

/* *ret->pieces is the caller's to free. 0 or -ENOMEM. */
int timeline_scale_make(const struct timeline *timeline, struct timeline_scale *ret, struct error *err);
double timeline_scale_x(const struct timeline_scale *scale, uint64_t time);
