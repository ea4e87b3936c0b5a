/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Making JSON: only this file adds to trees of json-c and makes texts of them. json-c asserts when it is
 * given an object that could not be made, prints a missing value as null, and prints a text with a gap when
 * its buffer cannot grow. Here each of these is a failure, which the maker remembers: callers need not look
 * at each call, and json_make_text() has no text for a tree that is not whole.
 *
 * Every function takes NULL for a tree or a value that could not be made. Keys and texts are copied, and
 * may come from a container: bytes that are not UTF-8 become U+FFFD.
 */

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct strv;

/* Zero-initialised; owns nothing. */
struct json_maker {
	bool failed; /* memory ran out; it stays set */
};

enum json_layout {
	JSON_COMPACT, /* without spaces, and without a newline at the end */
	JSON_LINE,    /* the same with a newline */
	JSON_PRETTY,  /* a line for each value, and a newline at the end */
};

/* Released with json_object_put(). A variable of this type releases its tree at the end of its scope. */
#define auto_json __attribute__((cleanup(json_release))) struct json_object *
void json_release(struct json_object **tree);

/* A tree of the caller's. NULL: failed. */
struct json_object *json_make_object(struct json_maker *maker);
struct json_object *json_make_array(struct json_maker *maker);
struct json_object *json_make_text_value(struct json_maker *maker, const char *text);
struct json_object *json_make_copy(struct json_maker *maker, struct json_object *tree);

/* Set a member of @object, which replaces one with the same @key. @value is moved, also when that fails. */
void json_put(struct json_maker *maker, struct json_object *object, const char *key,
	      struct json_object *value);
void json_put_text(struct json_maker *maker, struct json_object *object, const char *key, const char *text);
void json_put_i64(struct json_maker *maker, struct json_object *object, const char *key, int64_t number);
void json_put_u64(struct json_maker *maker, struct json_object *object, const char *key, uint64_t number);
void json_put_bool(struct json_maker *maker, struct json_object *object, const char *key, bool flag);
void json_put_strings(struct json_maker *maker, struct json_object *object, const char *key,
		      const struct strv *list);

/* Add an empty member, and return it: it belongs to @object. NULL: failed. */
struct json_object *json_put_object(struct json_maker *maker, struct json_object *object, const char *key);
struct json_object *json_put_array(struct json_maker *maker, struct json_object *object, const char *key);
/* Returns the member @key, an object or an array, which is made when it is missing or of another type. */
struct json_object *json_get_or_put(struct json_maker *maker, struct json_object *object, const char *key,
				    json_type type);

/* Add an element at the end of @array. @value is moved, also when that fails. */
void json_append(struct json_maker *maker, struct json_object *array, struct json_object *value);
void json_append_text(struct json_maker *maker, struct json_object *array, const char *text);
/* Appends all of a NULL-terminated list; NULL: none. */
void json_append_texts(struct json_maker *maker, struct json_object *array, const char *const *texts);
void json_append_i64(struct json_maker *maker, struct json_object *array, int64_t number);
struct json_object *json_append_object(struct json_maker *maker, struct json_object *array);
/* Replaces element @index, or adds it at the end. @value is moved, also when that fails. */
void json_put_index(struct json_maker *maker, struct json_object *array, size_t index,
		    struct json_object *value);

/* Returns the text of a whole tree, which the caller frees. NULL: out of memory, now or before. */
char *json_make_text(const struct json_maker *maker, struct json_object *tree, enum json_layout layout);
