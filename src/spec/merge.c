/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Merges the request of `update` into config.json: the values of the request replace those of config.json,
 * and everything else, also what krun does not know, stays as it is.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/make.h"
#include "spec/read.h"
#include "spec/spec.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/error.h"

/* For most properties engines send 0 for "leave unchanged"; for these 0 is a value. */
static bool is_value_at_zero(const char *group, const char *key)
{
	static const struct {
		const char *group, *key;
	} rows[] = {
		{ "cpu", "burst" },  { "cpu", "idle" },	       { "memory", "swappiness" },
		{ "pids", "limit" }, { "rdma", "hcaHandles" }, { "rdma", "hcaObjects" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (strcmp(rows[i].group, group) == 0 && strcmp(rows[i].key, key) == 0)
			return true;
	return false;
}

/* True when the value means "leave unchanged". */
static bool is_nothing(const char *group, const char *key, struct json_object *value)
{
	switch (json_object_get_type(value)) {
	case json_type_null:
		return true;
	case json_type_int:
		return json_object_get_int64(value) == 0 && !is_value_at_zero(group, key);
	case json_type_string:
		return json_object_get_string_len(value) == 0;
	case json_type_array:
		return json_object_array_length(value) == 0;
	case json_type_object:
	case json_type_boolean:
	case json_type_double:
	default:
		return false;
	}
}

/* True when both elements are about the same device or the same page size. */
static bool is_same(struct json_object *a, struct json_object *b)
{
	static const char *const keys[] = { "major", "minor", "pageSize" };
	struct json_object *value_a, *value_b;

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		const bool in_a = json_object_object_get_ex(a, keys[i], &value_a);
		const bool in_b = json_object_object_get_ex(b, keys[i], &value_b);

		if (in_a != in_b || (in_a && !json_object_equal(value_a, value_b)))
			return false;
	}
	return true;
}

static void merge_elements(struct json_maker *maker, struct json_object *target, struct json_object *source)
{
	for (size_t i = 0; target && i < json_object_array_length(source); i++) {
		struct json_object *element = json_object_array_get_idx(source, i);
		size_t at = 0;

		while (at < json_object_array_length(target) &&
		       !is_same(json_object_array_get_idx(target, at), element))
			at++;
		json_put_index(maker, target, at, json_object_get(element));
	}
}

static void merge_member(struct json_maker *maker, struct json_object *target, const char *group,
			 const char *key, struct json_object *value);

static void merge_group(struct json_maker *maker, struct json_object *target, const char *group,
			struct json_object *source)
{
	json_object_object_foreach(source, key, value) merge_member(maker, target, group, key, value);
}

/* @group: the member of linux.resources that @target is or is in; "" for linux.resources itself. */
static void merge_member(struct json_maker *maker, struct json_object *target, const char *group,
			 const char *key, struct json_object *value)
{
	const json_type type = json_object_get_type(value);

	if (is_nothing(group, key, value) || (!*group && strcmp(key, "unified") == 0))
		return;
	/* Scalars, device rules and lists of scalars are replaced as a whole; others are merged by member. */
	if ((type != json_type_array && type != json_type_object) || strcmp(key, "devices") == 0 ||
	    (type == json_type_array &&
	     !json_object_is_type(json_object_array_get_idx(value, 0), json_type_object)))
		json_put(maker, target, key, json_object_get(value));
	else if (type == json_type_array)
		merge_elements(maker, json_get_or_put(maker, target, key, type), value);
	else
		merge_group(maker, json_get_or_put(maker, target, key, type), *group ? group : key, value);
}

/* ---- unified ------------------------------------------------------------------------------- */

static bool has_word(const char *line, size_t len, const char *word, size_t word_len)
{
	for (size_t at = 0; at + word_len <= len; at++)
		if (strncmp(line + at, word, word_len) == 0 && (at == 0 || line[at - 1] == ' '))
			return true;
	return false;
}

/* True when @line replaces all of @old: it has the same device and all keys of @old. */
static bool is_replaced(const char *old, size_t old_len, const char *line)
{
	const size_t len = strlen(line), first = strcspn(line, " ");

	if (old_len < first || strncmp(old, line, first) != 0 || (old_len > first && old[first] != ' '))
		return false;
	for (size_t at = first; at < old_len;) {
		const size_t word = at + strspn(old + at, " ");
		const size_t end = word + strcspn(old + word, " \n");
		const char *equals = memchr(old + word, '=', end - word);

		if (equals && !has_word(line, len, old + word, (size_t)(equals - old) - word + 1))
			return false;
		at = end;
	}
	return true;
}

/* Returns @text without the lines that @line replaces, followed by @line. NULL: out of memory. */
static char *merge_line(const char *text, const char *line)
{
	char *out = malloc(strlen(text) + strlen(line) + 2), *end = out;

	while (out && *text) {
		const size_t len = strcspn(text, "\n");

		if (len > 0 && !is_replaced(text, len, line)) {
			end = mempcpy(end, text, len);
			*end++ = '\n';
		}
		text += len + (text[len] == '\n');
	}
	if (out)
		strcpy(end, line);
	return out;
}

/*
 * "unified" is applied last, so an old value there would override a change that was made elsewhere, and is
 * removed or updated. A file that is written line by line keeps the lines of other devices.
 */
static void merge_file(struct json_maker *maker, struct json_object *resources,
		       const struct spec_written *written)
{
	struct json_object *unified = NULL, *old = NULL;
	auto_free char *text = NULL;

	json_object_object_get_ex(resources, "unified", &unified);
	if (unified)
		json_object_object_get_ex(unified, written->file, &old);
	if (!old && !written->unified)
		return;
	if (!written->unified && !written->line) {
		json_object_object_del(unified, written->file);
		return;
	}
	unified = json_get_or_put(maker, resources, "unified", json_type_object);
	if (written->line && old) {
		text = merge_line(json_object_get_string(old), written->text);
		json_put(maker, unified, written->file, text ? json_make_text_value(maker, text) : NULL);
	} else {
		json_put_text(maker, unified, written->file, written->text);
	}
}

/* ---- the whole ----------------------------------------------------------------------------- */

static void put_memory(struct json_maker *maker, struct json_object *resources, const char *key,
		       const struct opt_i64 *value)
{
	if (value->set)
		json_put_i64(maker, json_get_or_put(maker, resources, "memory", json_type_object), key,
			     value->value);
}

static void merge(struct json_maker *maker, struct json_object *root, const struct spec_merge *merge)
{
	struct json_object *linux_object, *resources, *source;

	linux_object = json_get_or_put(maker, root, "linux", json_type_object);
	resources = json_get_or_put(maker, linux_object, "resources", json_type_object);
	if (json_object_object_get_ex(merge->changes->root, "resources", &source))
		merge_group(maker, resources, "", source);
	put_memory(maker, resources, "limit", &merge->limit);
	put_memory(maker, resources, "swap", &merge->swap);
	for (size_t i = 0; i < merge->written_len; i++)
		merge_file(maker, resources, &merge->written[i]);
	if (json_object_object_get_ex(merge->changes->root, "intelRdt", &source))
		merge_group(maker, json_get_or_put(maker, linux_object, "intelRdt", json_type_object),
			    "intelRdt", source);
}

int spec_merge_resources(const struct spec *config, const struct spec_merge *request, char **ret_text,
			 struct error *err)
{
	struct json_maker maker = { 0 };
	auto_json root = json_make_copy(&maker, config->root);

	merge(&maker, root, request);
	*ret_text = json_make_text(&maker, root, JSON_COMPACT);
	return *ret_text ? 0 : error_oom(err);
}
