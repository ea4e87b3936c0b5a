/* SPDX-License-Identifier: Apache-2.0 */
#include "json/fields.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/error.h"

/* The limit of Go's encoding/json, with which engines write their files. */
enum { JSON_NESTING_MAX = 10000 };

/* ---- documents ----------------------------------------------------------------------------- */

static size_t line_of(const char *text, size_t offset)
{
	size_t line = 1;

	for (size_t i = 0; i < offset; i++)
		if (text[i] == '\n')
			line++;
	return line;
}

/*
 * json-c accepts 'x' as a string and NaN as a number, even when strict. Returns the offset of the first such
 * character, or -1.
 */
static long find_foreign(const char *text, size_t size)
{
	bool in_string = false;

	for (size_t i = 0; i < size; i++) {
		if (in_string && text[i] == '\\')
			i++;
		else if (text[i] == '"')
			in_string = !in_string;
		else if (!in_string && !strchr(" \t\r\n{}[],:+-.0123456789eEtrufalsn", text[i]))
			return (long)i;
	}
	return -1;
}

/* Returns the offset after the string that begins at @at, or the end of the text. */
static size_t string_end(const char *text, size_t size, size_t at)
{
	for (at++; at < size && text[at] != '"'; at++)
		if (text[at] == '\\')
			at++;
	return at < size ? at + 1 : size;
}

/* True for an integer literal that neither int64_t nor uint64_t can hold. */
static bool is_huge(const char *number, size_t len)
{
	static const char max[] = "18446744073709551615", min[] = "9223372036854775808";
	const bool negative = *number == '-';
	const char *limit = negative ? min : max;
	const size_t digits = len - negative;

	return strspn(number + negative, "0123456789") == digits &&
	       (digits > strlen(limit) ||
		(digits == strlen(limit) && strncmp(number + negative, limit, digits) > 0));
}

/* Replaces NUL in a key, where json-c would cut it off, by U+FFFD, which no property has in its name. */
static void replace_nul(char *key, size_t len)
{
	for (size_t i = 0; i + 5 < len; i++) {
		if (key[i] != '\\')
			continue;
		if (memcmp(key + i, "\\u0000", 6) == 0)
			memcpy(key + i, "\\ufffd", 6);
		i++;
	}
}

/*
 * Rewrites valid JSON that json-c does not accept, because it must be ignored in an unknown property. An
 * integer beyond 64 bits, which json-c before 0.18 clamps and 0.18 rejects, becomes a double ("e0"), which
 * keeps its digits and is rejected where an integer is expected. Returns the new length; @out may be NULL.
 */
static size_t make_tolerable(const char *text, size_t size, char *out)
{
	size_t used = 0;

	for (size_t i = 0, len; i < size; i += len) {
		const bool number = strchr("-0123456789", text[i]);

		len = text[i] == '"' ? string_end(text, size, i) - i :
		      number	     ? strspn(text + i, "-+.0123456789eE") :
				       1;
		if (out)
			memcpy(out + used, text + i, len);
		if (out && text[i] == '"' && text[i + len + strspn(text + i + len, " \t\r\n")] == ':')
			replace_nul(out + used, len);
		used += len;
		if (number && is_huge(text + i, len)) {
			if (out)
				memcpy(out + used, "e0", 2);
			used += 2;
		}
	}
	if (out)
		out[used] = '\0';
	return used;
}

/* @text: the result of make_tolerable(). */
static int parse(const char *text, size_t size, struct json_object **ret, struct error *err)
{
	struct json_tokener *tokener = json_tokener_new_ex(JSON_NESTING_MAX);
	struct json_object *object;
	enum json_tokener_error status;
	bool short_of_memory;
	size_t end;
	long at;

	if (!tokener)
		return error_oom(err);
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	errno = 0;
	/* The final NUL is passed, too: only then json-c knows that a number at the end is complete. */
	object = json_tokener_parse_ex(tokener, text, (int)size + 1);
	short_of_memory = !object && errno == ENOMEM;
	status = json_tokener_get_error(tokener);
	end = json_tokener_get_parse_end(tokener);
	json_tokener_free(tokener);
	if (status == json_tokener_success)
		end += strspn(text + (end < size ? end : size), " \t\r\n");
	/* Nothing else tells a text that is wrong from memory that ran out. */
	if (short_of_memory)
		return error_oom(err);
	if (status != json_tokener_success || end < size) {
		json_object_put(object);
		return error_set(err, -EINVAL, "not JSON: line %zu: %s",
				 line_of(text, end < size ? end : size),
				 status == json_tokener_continue ? "the text ends too early" :
				 status == json_tokener_success	 ? "text after the end" :
								   json_tokener_error_desc(status));
	}
	at = find_foreign(text, size);
	if (at >= 0) {
		json_object_put(object);
		return error_set(err, -EINVAL, "not JSON: line %zu: unexpected '%c'",
				 line_of(text, (size_t)at), text[at]);
	}
	*ret = object;
	return 0;
}

int json_document_parse(const char *text, size_t size, struct json_object **ret, struct error *err)
{
	auto_free char *tolerable = NULL;

	if (size > INT32_MAX / 2)
		return error_set(err, -EFBIG, "too long");
	if (memchr(text, '\0', size))
		return error_set(err, -EINVAL, "not JSON: contains a NUL byte");
	tolerable = malloc(make_tolerable(text, size, NULL) + 1);
	if (!tolerable)
		return error_oom(err);
	size = make_tolerable(text, size, tolerable);
	return parse(tolerable, size, ret, err);
}

int json_name_document(struct error *err, const char *name)
{
	return err->pointer_len > 0 ? error_document(err, name) : error_prefix(err, "%s", name);
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

/* RFC 6901: '~' is "~0" and '/' is "~1". A pointer that is too long is cut off; @size is at least 24. */
static void format_pointer(const struct json_reader *reader, char *out, size_t size)
{
	size_t len = 0;

	for (size_t i = 0; i < reader->depth && len + 24 < size; i++) {
		const char *key = reader->path[i].key;

		if (!key) {
			len += (size_t)snprintf(out + len, size - len, "/%zu", reader->path[i].index);
			continue;
		}
		out[len++] = '/';
		for (; *key && len + 3 < size; key++) {
			if (*key == '~' || *key == '/')
				out[len++] = '~';
			out[len++] = *key == '~' ? '0' : *key == '/' ? '1' : *key;
		}
	}
	out[len] = '\0';
}

static int __attribute__((format(printf, 3, 0)))
fail(struct json_reader *reader, enum json_severity severity, const char *format, va_list args)
{
	/* The text may contain a path. */
	char pointer[512], text[2 * PATH_MAX];

	format_pointer(reader, pointer, sizeof(pointer));
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
	char pointer[512], text[2 * PATH_MAX];
	va_list args;

	if (!list)
		return;
	format_pointer(reader, pointer, sizeof(pointer));
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

static int look_for_unknown_keys(struct json_reader *reader, struct json_object *object,
				 const struct json_field *fields)
{
	int r = 0;

	json_object_object_foreach(object, key, value)
	{
		const struct json_field *field = fields;

		(void)value;
		while (field->key && strcmp(field->key, key) != 0)
			field++;
		if (field->key || json_enter_key(reader, key) < 0)
			continue;
		if (!reader->strict)
			json_note(reader, JSON_UNKNOWN_KEY, "not in the specification, and ignored");
		else
			r = json_error(reader, "%s",
				       reader->unknown ? reader->unknown : "not in the specification");
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
	if (reader->findings || reader->tell_unknown || reader->strict) {
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
