/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Reading JSON by table: a row per property, with its type, whether it must be there, where it goes and who
 * converts it. Errors carry the JSON pointer (RFC 6901) of the property; the caller
 * names the document (error_document()). null counts as absent. Everything
 * made while reading lives in the reader's arena; strings are borrowed from the json-c tree.
 */

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "json/findings.h"
#include "util/arena.h"

struct error;

/* Of what is read, not of what is ignored. */
enum { JSON_DEPTH_MAX = 24 };

struct json_reader {
	struct arena *arena;
	struct error *err;
	/*
	 * NULL: reading ends with the first error. Else every error is added, reading goes on with the next member or element, and
	 * unknown keys are told; what was read then is good for nothing when the result is an error.
	 */
	struct json_findings *findings;
	struct json_findings
		*warnings;   /* without findings: where those go that are no errors; NULL: nowhere */
	bool tell_unknown;   /* a key that no row has is a warning */
	bool strict;	     /* it is an error, ... */
	const char *unknown; /* ... with this text; NULL: of the specification */
	/* Where we are: a key, or an index when the key is NULL. */
	struct {
		const char *key;
		size_t index;
	} path[JSON_DEPTH_MAX];
	size_t depth;
};

/* Converts @value (of the row's type) into @target. @arg is the row's. */
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

/*
 * Parses one whole document strictly: UTF-8, and nothing behind it. What only those may mind who read it stays in it for them to refuse
 * (json_check_type()): an integer beyond 64 bits is a double, a string may have a NUL; a NUL in a key is U+FFFD. *ret is
 * released with json_object_put().
 */
int json_document_parse(const char *text, size_t size, struct json_object **ret, struct error *err);

/* Names the document of an error that reading it had, which is about a place in it or about all of it. Returns err->code. */
int json_name_document(struct error *err, const char *name);

/* Every row of @fields (ended by a NULL key) that @object has goes to @target + offset. */
int json_read_fields(struct json_reader *reader, struct json_object *object, const struct json_field *fields,
		     void *target);

/* About the place where the reader is, with code -EINVAL. */
int json_error(struct json_reader *reader, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same for what krun does not do: -EOPNOTSUPP. */
int json_unsupported(struct json_reader *reader, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* 0 when @value is of @type, and as a string has no NUL, which would cut it; else the error. For what no row describes. */
int json_check_type(struct json_reader *reader, struct json_object *value, json_type type);
/* A finding that is no error, for the list that there is. */
void json_note(struct json_reader *reader, enum json_severity severity, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Steps in and out of a member or an element. */
int json_enter_key(struct json_reader *reader, const char *key);
int json_enter_index(struct json_reader *reader, size_t index);
void json_leave(struct json_reader *reader);

/* ---- readers for rows ------------------------------------------------------------------------------------ */

struct json_range {
	int64_t min, max;
};

int json_read_string(struct json_reader *reader, struct json_object *value, void *target,
		     const void *arg); /* const char * */
int json_read_bool(struct json_reader *reader, struct json_object *value, void *target,
		   const void *arg); /* bool */
/* struct json_range in @arg, or NULL for all; both kinds check the sign. */
int json_read_i64(struct json_reader *reader, struct json_object *value, void *target, const void *arg);
int json_read_u64(struct json_reader *reader, struct json_object *value, void *target, const void *arg);
int json_read_u32(struct json_reader *reader, struct json_object *value, void *target, const void *arg);
/* NULL-terminated char ** in the arena. */
int json_read_strings(struct json_reader *reader, struct json_object *value, void *target, const void *arg);

/* An array of structs: makes target's { items, len } from a row's shape. */
struct json_array_shape {
	size_t size;	   /* of one item */
	size_t len_offset; /* of the length, relative to the pointer to the items */
	json_type type;	   /* of an element */
	json_read read;	   /* element into item */
	const void *arg;
};
int json_read_array(struct json_reader *reader, struct json_object *value, void *target,
		    const void *arg /* struct json_array_shape */);
/* An object by @arg (struct json_field[]) into the struct at @target. */
int json_read_object(struct json_reader *reader, struct json_object *value, void *target, const void *arg);

/* The integer of @value within [min, max], or an error that says what it should be. */
int json_get_integer(struct json_reader *reader, struct json_object *value, int64_t min, int64_t max,
		     int64_t *ret);
