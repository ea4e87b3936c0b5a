/* SPDX-License-Identifier: Apache-2.0 */
#include "json/make.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/strv.h"
#include "util/utf8.h"

void json_release(struct json_object **tree)
{
	json_object_put(*tree);
	*tree = NULL;
}

/* ---- values ---------------------------------------------------------------------------------- */

/* Notices that @value could not be made. */
static struct json_object *made(struct json_maker *maker, struct json_object *value)
{
	if (!value)
		maker->failed = true;
	return value;
}

struct json_object *json_make_object(struct json_maker *maker)
{
	return made(maker, json_object_new_object());
}

struct json_object *json_make_array(struct json_maker *maker)
{
	return made(maker, json_object_new_array());
}

/* Returns @text, or a copy with U+FFFD for what is not UTF-8, which is *copy. NULL: out of memory. */
static const char *valid_utf8(const char *text, char **copy)
{
	const char *p = text;

	for (size_t len; (len = utf8_length(p)) > 0;)
		p += len;
	*copy = *p ? utf8_repair(text) : NULL;
	return *p ? *copy : text;
}

struct json_object *json_make_text_value(struct json_maker *maker, const char *text)
{
	auto_free char *copy = NULL;
	const char *valid = valid_utf8(text, &copy);

	return made(maker, valid ? json_object_new_string(valid) : NULL);
}

struct json_object *json_make_copy(struct json_maker *maker, struct json_object *tree)
{
	struct json_object *copy = NULL;

	if (tree && json_object_deep_copy(tree, &copy, NULL) < 0)
		copy = NULL;
	return made(maker, copy);
}

/* ---- members --------------------------------------------------------------------------------- */

void json_put(struct json_maker *maker, struct json_object *object, const char *key,
	      struct json_object *value)
{
	auto_free char *copy = NULL;
	const char *valid = valid_utf8(key, &copy);

	if (object && value && valid && json_object_object_add(object, valid, value) == 0)
		return;
	json_object_put(value);
	maker->failed = true;
}

void json_put_text(struct json_maker *maker, struct json_object *object, const char *key, const char *text)
{
	json_put(maker, object, key, json_make_text_value(maker, text));
}

void json_put_i64(struct json_maker *maker, struct json_object *object, const char *key, int64_t number)
{
	json_put(maker, object, key, json_object_new_int64(number));
}

void json_put_u64(struct json_maker *maker, struct json_object *object, const char *key, uint64_t number)
{
	json_put(maker, object, key, json_object_new_uint64(number));
}

void json_put_bool(struct json_maker *maker, struct json_object *object, const char *key, bool flag)
{
	json_put(maker, object, key, json_object_new_boolean(flag));
}

void json_put_strings(struct json_maker *maker, struct json_object *object, const char *key,
		      const struct strv *list)
{
	struct json_object *array = json_put_array(maker, object, key);

	for (size_t i = 0; i < list->len; i++)
		json_append_text(maker, array, list->items[i]);
}

struct json_object *json_put_object(struct json_maker *maker, struct json_object *object, const char *key)
{
	struct json_object *value = json_object_new_object();

	json_put(maker, object, key, value);
	return maker->failed ? NULL : value;
}

struct json_object *json_put_array(struct json_maker *maker, struct json_object *object, const char *key)
{
	struct json_object *value = json_object_new_array();

	json_put(maker, object, key, value);
	return maker->failed ? NULL : value;
}

struct json_object *json_get_or_put(struct json_maker *maker, struct json_object *object, const char *key,
				    json_type type)
{
	struct json_object *value;

	if (json_object_object_get_ex(object, key, &value) && json_object_is_type(value, type))
		return value;
	return type == json_type_array ? json_put_array(maker, object, key) :
					 json_put_object(maker, object, key);
}

/* ---- elements -------------------------------------------------------------------------------- */

void json_append(struct json_maker *maker, struct json_object *array, struct json_object *value)
{
	if (array && value && json_object_array_add(array, value) == 0)
		return;
	json_object_put(value);
	maker->failed = true;
}

void json_append_text(struct json_maker *maker, struct json_object *array, const char *text)
{
	json_append(maker, array, json_make_text_value(maker, text));
}

void json_append_texts(struct json_maker *maker, struct json_object *array, const char *const *texts)
{
	for (; texts && *texts; texts++)
		json_append_text(maker, array, *texts);
}

void json_append_i64(struct json_maker *maker, struct json_object *array, int64_t number)
{
	json_append(maker, array, json_object_new_int64(number));
}

struct json_object *json_append_object(struct json_maker *maker, struct json_object *array)
{
	struct json_object *value = json_object_new_object();

	json_append(maker, array, value);
	return maker->failed ? NULL : value;
}

void json_put_index(struct json_maker *maker, struct json_object *array, size_t index,
		    struct json_object *value)
{
	if (array && value && json_object_array_put_idx(array, index, value) == 0)
		return;
	json_object_put(value);
	maker->failed = true;
}

/* ---- the text -------------------------------------------------------------------------------- */

char *json_make_text(const struct json_maker *maker, struct json_object *tree, enum json_layout layout)
{
	const int flags = layout == JSON_PRETTY ? JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED :
						  JSON_C_TO_STRING_PLAIN;
	const char *text;
	char *copy;

	if (maker->failed || !tree)
		return NULL;
	errno = 0;
	text = json_object_to_json_string_ext(tree, flags | JSON_C_TO_STRING_NOSLASHESCAPE);
	/* json-c leaves out what its buffer has no room for, and returns the rest. Only errno tells. */
	if (!text || errno != 0)
		return NULL;
	if (asprintf(&copy, "%s%s", text, layout == JSON_COMPACT ? "" : "\n") < 0)
		return NULL;
	return copy;
}
