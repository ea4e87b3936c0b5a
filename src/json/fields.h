/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Reading JSON by table: a row per property, with its type, whether it is required, its place in a struct and
 * the function that converts it. Errors have the JSON pointer (RFC 6901) of the property; the caller adds the
 * name of the document (json_name_document()). null counts as absent. Memory that is allocated while reading
 * lives in the reader's arena; strings are borrowed from the json-c tree.
 */

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "json/findings.h"
#include "util/arena.h"

struct error;

/* The nesting of properties that are read; ignored ones may be nested deeper. */
enum { JSON_DEPTH_MAX = 24 };

struct json_reader {
	struct arena *arena;
	struct error *err;
	/*
	 * NULL: reading ends with the first error. Else every error is added to it, reading goes on with the
	 * next member or element, and unknown keys are findings; when the result is an error, the target must
	 * not be used.
	 */
	struct json_findings *findings;
	struct json_findings *warnings; /* without findings: receives notes; NULL: they are dropped */
	bool tell_unknown;		/* an unknown key is a note */
	bool any_key;			/* with findings: an unknown key is none of them */
	bool strict;			/* an unknown key is an error, with the text .unknown */
	const char *unknown;		/* NULL: "not in the specification" */
	/* The current place: a key, or an index when the key is NULL. */
	struct {
		const char *key;
		size_t index;
	} path[JSON_DEPTH_MAX];
	size_t depth;
};

/*
 * Converts @value, which has the row's type, to @target. @arg is the row's. Returns 0, or a negative errno
 * and sets reader->err.
 */
typedef int (*json_read)(struct json_reader *reader, struct json_object *value, void *target,
			 const void *arg);

struct json_field {
	const char *key;
	json_type type;
	bool required;
	size_t offset;
	json_read read;
	const void *arg;
};

/* Adds the name of the document to an error of reading it. Returns err->code. */
int json_name_document(struct error *err, const char *name);

/*
 * Reads every property of @object that has a row in @fields (which end with a NULL key) to @target + its
 * offset. Returns 0 or the first error.
 */
int json_read_fields(struct json_reader *reader, struct json_object *object, const struct json_field *fields,
		     void *target);

/* Adds an error about the reader's current place. Returns -EINVAL. */
int json_error(struct json_reader *reader, const char *format, ...)
	__attribute__((cold, format(printf, 2, 3)));
/* The same for a valid value that krun does not support. Returns -EOPNOTSUPP. */
int json_unsupported(struct json_reader *reader, const char *format, ...)
	__attribute__((cold, format(printf, 2, 3)));
/*
 * The same for @word, which is none of a table's, with the one that was perhaps meant. @what completes
 * "unknown ...". The table has @len rows of @stride bytes; @first: the word in the first one. A row without a
 * word ends it, too.
 */
int json_error_unknown(struct json_reader *reader, const char *what, const char *word,
		       const char *const *first, size_t stride, size_t len) __attribute__((cold));
/* Checks a value that no row describes: @type, and no NUL in a string. 0 or json_error(). */
int json_check_type(struct json_reader *reader, struct json_object *value, json_type type);
/* Adds a note that is not an error to .findings, or else to .warnings. */
void json_note(struct json_reader *reader, enum json_severity severity, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Move the current place into a member or an element, and back. -EINVAL when nested too deeply. */
int json_enter_key(struct json_reader *reader, const char *key);
int json_enter_index(struct json_reader *reader, size_t index);
void json_leave(struct json_reader *reader);

/* ---- readers for rows ---------------------------------------------------------------------- */

struct json_range {
	int64_t min, max;
};

int json_read_string(struct json_reader *reader, struct json_object *value, void *target,
		     const void *arg); /* const char * */
int json_read_bool(struct json_reader *reader, struct json_object *value, void *target,
		   const void *arg); /* bool */
/* @arg: struct json_range, or NULL for the whole range of the type. Out of range is an error. */
int json_read_i64(struct json_reader *reader, struct json_object *value, void *target, const void *arg);
int json_read_u64(struct json_reader *reader, struct json_object *value, void *target, const void *arg);
int json_read_u32(struct json_reader *reader, struct json_object *value, void *target, const void *arg);
/* The target is a char **, NULL-terminated and in the arena. */
int json_read_strings(struct json_reader *reader, struct json_object *value, void *target, const void *arg);

/*
 * An array of structs: sets a pointer to the items, in the arena, and their number. An empty array leaves the
 * target alone.
 */
struct json_array_shape {
	size_t size;	   /* of one item */
	size_t len_offset; /* of the length, relative to the pointer to the items */
	json_type type;	   /* of an element */
	json_read read;	   /* element into item */
	const void *arg;
};
int json_read_array(struct json_reader *reader, struct json_object *value, void *target,
		    const void *arg /* struct json_array_shape */);
/* Reads an object to the struct at @target. @arg: struct json_field[]. */
int json_read_object(struct json_reader *reader, struct json_object *value, void *target, const void *arg);

/* Reads an integer from @min to @max, or fails with json_error(). */
int json_get_integer(struct json_reader *reader, struct json_object *value, int64_t min, int64_t max,
		     int64_t *ret);
