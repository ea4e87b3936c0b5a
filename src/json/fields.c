/* SPDX-License-Identifier: Apache-2.0 */
#include "json/fields.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/pointer.h"
#include "util/error.h"
#include "util/suggest.h"

int json_name_document(struct error *err, const char *name)
{
	return err->pointer_len > 0 || err->line > 0 ? error_document(err, name) :
						       error_prefix(err, "%s", name);
}

/* ---- where we are -------------------------------------------------------------------------- */

int json_enter_key(struct json_reader *reader, const char *key)
{
	if (reader->depth == JSON_DEPTH_MAX)
		return json_error(reader, "nested too deeply");
	reader->path[reader->depth].key = key;
	reader->depth++;
	return 0;
}

int json_enter_index(struct json_reader *reader, size_t index)
{
	if (reader->depth == JSON_DEPTH_MAX)
		return json_error(reader, "nested too deeply");
	reader->path[reader->depth].key = NULL;
	reader->path[reader->depth].index = index;
	reader->depth++;
	return 0;
}

void json_leave(struct json_reader *reader)
{
	reader->depth--;
}

/* @out has JSON_POINTER_MAX bytes. */
static void format_pointer(const struct json_reader *reader, char *out)
{
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < reader->depth; i++)
		len += json_pointer_add(out + len, JSON_POINTER_MAX - len, reader->path[i].key,
					reader->path[i].index);
}

static int __attribute__((format(printf, 3, 0)))
fail(struct json_reader *reader, enum json_severity severity, const char *format, va_list args)
{
	/* The text may contain a path. */
	char pointer[JSON_POINTER_MAX], text[2 * PATH_MAX];

	format_pointer(reader, pointer);
	vsnprintf(text, sizeof(text), format, args);
	if (reader->findings)
		json_findings_add(reader->findings, severity, pointer, "%s", text);
	return error_at(reader->err, severity == JSON_UNSUPPORTED ? -EOPNOTSUPP : -EINVAL,
			pointer[0] ? pointer : "/", "%s", text);
}

int json_error(struct json_reader *reader, const char *format, ...)
{
	va_list args;
	int r;

	va_start(args, format);
	r = fail(reader, JSON_ERROR, format, args);
	va_end(args);
	return r;
}

int json_unsupported(struct json_reader *reader, const char *format, ...)
{
	va_list args;
	int r;

	va_start(args, format);
	r = fail(reader, JSON_UNSUPPORTED, format, args);
	va_end(args);
	return r;
}

void json_note(struct json_reader *reader, enum json_severity severity, const char *format, ...)
{
	struct json_findings *list = reader->findings ? reader->findings : reader->warnings;
	char pointer[JSON_POINTER_MAX], text[2 * PATH_MAX];
	va_list args;

	if (!list)
		return;
	format_pointer(reader, pointer);
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	json_findings_add(list, severity, pointer, "%s", text);
}

/* ---- tables -------------------------------------------------------------------------------- */

int json_check_type(struct json_reader *reader, struct json_object *value, json_type type)
{
	const json_type got = json_object_get_type(value);
	double number;

	if (got == type && type == json_type_string &&
	    strlen(json_object_get_string(value)) != (size_t)json_object_get_string_len(value))
		return json_error(reader, "contains a NUL character (\\u0000)");
	if (got == type)
		return 0;
	number = got == json_type_double ? json_object_get_double(value) : 0;
	if (type == json_type_int && (number >= 0x1p63 || number <= -0x1p63))
		return json_error(reader, "the number does not fit in 64 bits");
	return json_error(reader, "expected %s, got %s",
			  type == json_type_int ? "an integer" : json_type_to_name(type),
			  json_type_to_name(got));
}

static int read_field(struct json_reader *reader, struct json_object *object, const struct json_field *field,
		      void *target)
{
	struct json_object *value = NULL;
	int r;

	json_object_object_get_ex(object, field->key, &value);
	if (!value)
		return field->required ? json_error(reader, "missing") : 0;
	r = json_check_type(reader, value, field->type);
	return r < 0 ? r : field->read(reader, value, (char *)target + field->offset, field->arg);
}

/* What follows the text of an error about a word, or "". */
struct hint {
	char text[80];
};

static struct hint hint_of(const struct suggestion *suggestion)
{
	struct hint hint = { "" };

	if (suggestion->best)
		snprintf(hint.text, sizeof(hint.text), "; did you mean '%s'?", suggestion->best);
	return hint;
}

int json_error_unknown(struct json_reader *reader, const char *what, const char *word,
		       const char *const *first, size_t stride, size_t len)
{
	struct suggestion suggestion = suggest_for(word, strlen(word));

	for (; len > 0 && *first; len--) {
		suggest_consider(&suggestion, *first);
		first = (const char *const *)((const char *)first + stride);
	}
	return json_error(reader, "unknown %s '%s'%s", what, word, hint_of(&suggestion).text);
}

static struct hint hint_for_key(const struct json_field *fields, struct json_object *object, const char *key)
{
	struct suggestion suggestion = suggest_for(key, strlen(key));

	/* A key that is there already was not meant. */
	for (; fields->key; fields++)
		if (!json_object_object_get_ex(object, fields->key, NULL))
			suggest_consider(&suggestion, fields->key);
	return hint_of(&suggestion);
}

static int look_for_unknown_keys(struct json_reader *reader, struct json_object *object,
				 const struct json_field *fields)
{
	const char *words = reader->strict && reader->unknown ? reader->unknown : "not in the specification";
	int r = 0;

	json_object_object_foreach(object, key, value)
	{
		const struct json_field *field = fields;
		struct hint hint;

		(void)value;
		while (field->key && strcmp(field->key, key) != 0)
			field++;
		if (field->key || json_enter_key(reader, key) < 0)
			continue;
		hint = hint_for_key(fields, object, key);
		if (!reader->strict)
			json_note(reader, JSON_UNKNOWN_KEY, "%s, and ignored%s", words, hint.text);
		else
			r = json_error(reader, "%s%s", words, hint.text);
		json_findings_mean_key(reader->findings);
		if (r < 0 && !reader->findings)
			return r;
		json_leave(reader);
	}
	return r;
}

int json_read_fields(struct json_reader *reader, struct json_object *object, const struct json_field *fields,
		     void *target)
{
	const size_t depth = reader->depth;
	int result = 0;

	for (const struct json_field *field = fields; field->key; field++) {
		int r = json_enter_key(reader, field->key);

		if (r == 0)
			r = read_field(reader, object, field, target);
		if (r < 0 && (r == -ENOMEM || !reader->findings))
			return r;
		/* A reader that failed may have entered keys or elements without leaving them. */
		reader->depth = depth;
		if (result == 0)
			result = r;
	}
	if ((reader->findings && !reader->any_key) || reader->tell_unknown || reader->strict) {
		int r = look_for_unknown_keys(reader, object, fields);

		if (result == 0)
			result = r;
	}
	return result;
}

int json_read_string(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	(void)reader;
	(void)arg;
	*(const char **)target = json_object_get_string(value);
	return 0;
}

int json_read_bool(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	(void)reader;
	(void)arg;
	*(bool *)target = json_object_get_boolean(value);
	return 0;
}

/* json-c keeps an integer as int64_t or uint64_t; json_object_get_int64() clamps one above INT64_MAX. */
int json_get_integer(struct json_reader *reader, struct json_object *value, int64_t min, int64_t max,
		     int64_t *ret)
{
	int64_t number;

	errno = 0;
	number = json_object_get_int64(value);
	if (errno == ERANGE || (number == INT64_MAX && json_object_get_uint64(value) > INT64_MAX) ||
	    number < min || number > max)
		return json_error(reader, "out of range (%lld to %lld)", (long long)min, (long long)max);
	*ret = number;
	return 0;
}

int json_read_i64(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	const struct json_range *range = arg;

	return json_get_integer(reader, value, range ? range->min : INT64_MIN, range ? range->max : INT64_MAX,
				target);
}

int json_read_u64(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	const struct json_range *range = arg;
	uint64_t number;

	if (json_object_get_int64(value) < 0)
		return json_error(reader, "negative");
	errno = 0;
	number = json_object_get_uint64(value);
	if (range && (number < (uint64_t)range->min || number > (uint64_t)range->max))
		return json_error(reader, "out of range (%lld to %lld)", (long long)range->min,
				  (long long)range->max);
	if (errno == ERANGE)
		return json_error(reader, "out of range");
	*(uint64_t *)target = number;
	return 0;
}

int json_read_u32(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	const struct json_range *range = arg;
	int64_t number;
	int r = json_get_integer(reader, value, range ? range->min : 0, range ? range->max : UINT32_MAX,
				 &number);

	if (r == 0)
		*(uint32_t *)target = (uint32_t)number;
	return r;
}

int json_read_object(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	return json_read_fields(reader, value, arg, target);
}

static int read_string_element(struct json_reader *reader, struct json_object *value, void *target,
			       const void *arg)
{
	return json_read_string(reader, value, target, arg);
}

static int read_elements(struct json_reader *reader, struct json_object *value, char *items,
			 const struct json_array_shape *shape)
{
	const size_t len = json_object_array_length(value), depth = reader->depth;
	int result = 0;

	for (size_t i = 0; i < len; i++) {
		struct json_object *element = json_object_array_get_idx(value, i);
		int r = json_enter_index(reader, i);

		if (r == 0)
			r = json_check_type(reader, element, shape->type);
		if (r == 0)
			r = shape->read(reader, element, items + i * shape->size, shape->arg);
		if (r < 0 && (r == -ENOMEM || !reader->findings))
			return r;
		reader->depth = depth;
		if (result == 0)
			result = r;
	}
	return result;
}

int json_read_strings(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	static const struct json_array_shape shape = {
		.size = sizeof(char *),
		.type = json_type_string,
		.read = read_string_element,
	};
	/* One more for the final NULL. */
	char **items = arena_alloc(reader->arena, json_object_array_length(value) + 1, sizeof(*items));
	int r;

	(void)arg;
	if (!items)
		return error_oom(reader->err);
	r = read_elements(reader, value, (char *)items, &shape);
	if (r == 0)
		*(char ***)target = items;
	return r;
}

int json_read_array(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	const struct json_array_shape *shape = arg;
	size_t len = json_object_array_length(value);
	char *items;
	int r;

	if (len == 0)
		return 0;
	items = arena_alloc(reader->arena, len, shape->size);
	if (!items)
		return error_oom(reader->err);
	r = read_elements(reader, value, items, shape);
	if (r < 0)
		return r;
	*(void **)target = items;
	*(size_t *)((char *)target + shape->len_offset) = len;
	return 0;
}
