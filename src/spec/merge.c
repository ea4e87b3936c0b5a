/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Merges the request of `update` into config.json: the values of the request replace those of config.json,
 * and everything else, also what krun does not know, stays as it is.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static int set(struct json_object *object, const char *key, struct json_object *value /* moved */)
{
	if (value && json_object_object_add(object, key, value) == 0)
		return 0;
	json_object_put(value);
	return -ENOMEM;
}

/* Returns the member @key, which is made when it is missing or of another type. NULL: out of memory. */
static struct json_object *get_or_make(struct json_object *object, const char *key, json_type type)
{
	struct json_object *value;

	if (json_object_object_get_ex(object, key, &value) && json_object_is_type(value, type))
		return value;
	value = type == json_type_array ? json_object_new_array() : json_object_new_object();
	return set(object, key, value) == 0 ? value : NULL;
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

static int merge_elements(struct json_object *target, struct json_object *source)
{
	for (size_t i = 0; i < json_object_array_length(source); i++) {
		struct json_object *element = json_object_array_get_idx(source, i);
		size_t at = 0;

		while (at < json_object_array_length(target) &&
		       !is_same(json_object_array_get_idx(target, at), element))
			at++;
		if (json_object_array_put_idx(target, at, json_object_get(element)) < 0) {
			json_object_put(element);
			return -ENOMEM;
		}
	}
	return 0;
}

static int merge_member(struct json_object *target, const char *group, const char *key,
			struct json_object *value);

static int merge_group(struct json_object *target, const char *group, struct json_object *source)
{
	json_object_object_foreach(source, key, value)
	{
		int r = merge_member(target, group, key, value);

		if (r < 0)
			return r;
	}
	return 0;
}

/* @group: the member of linux.resources that @target is or is in; "" for linux.resources itself. */
static int merge_member(struct json_object *target, const char *group, const char *key,
			struct json_object *value)
{
	const json_type type = json_object_get_type(value);
	struct json_object *into;

	if (is_nothing(group, key, value) || (!*group && strcmp(key, "unified") == 0))
		return 0;
	/* Scalars, device rules and lists of scalars are replaced as a whole; others are merged by member. */
	if ((type != json_type_array && type != json_type_object) || strcmp(key, "devices") == 0 ||
	    (type == json_type_array &&
	     !json_object_is_type(json_object_array_get_idx(value, 0), json_type_object)))
		return set(target, key, json_object_get(value));
	into = get_or_make(target, key, type);
	if (!into)
		return -ENOMEM;
	return type == json_type_array ? merge_elements(into, value) :
					 merge_group(into, *group ? group : key, value);
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
static int merge_file(struct json_object *resources, const struct spec_written *written)
{
	struct json_object *unified = NULL, *old = NULL;
	auto_free char *text = NULL;

	json_object_object_get_ex(resources, "unified", &unified);
	if (unified)
		json_object_object_get_ex(unified, written->file, &old);
	if (!old && !written->unified)
		return 0;
	if (!written->unified && !written->line) {
		json_object_object_del(unified, written->file);
		return 0;
	}
	unified = get_or_make(resources, "unified", json_type_object);
	if (!unified)
		return -ENOMEM;
	if (!written->line || !old)
		return set(unified, written->file, json_object_new_string(written->text));
	text = merge_line(json_object_get_string(old), written->text);
	return text ? set(unified, written->file, json_object_new_string(text)) : -ENOMEM;
}

/* ---- the whole ----------------------------------------------------------------------------- */

static int set_number(struct json_object *resources, const char *key, const struct opt_i64 *value)
{
	struct json_object *memory;

	if (!value->set)
		return 0;
	memory = get_or_make(resources, "memory", json_type_object);
	return memory ? set(memory, key, json_object_new_int64(value->value)) : -ENOMEM;
}

static int merge(struct json_object *root, const struct spec_merge *merge)
{
	struct json_object *linux_object, *resources, *rdt, *source;
	int r = 0;

	linux_object = get_or_make(root, "linux", json_type_object);
	resources = linux_object ? get_or_make(linux_object, "resources", json_type_object) : NULL;
	if (!resources)
		return -ENOMEM;
	if (json_object_object_get_ex(merge->changes->root, "resources", &source))
		r = merge_group(resources, "", source);
	if (r == 0)
		r = set_number(resources, "limit", &merge->limit);
	if (r == 0)
		r = set_number(resources, "swap", &merge->swap);
	for (size_t i = 0; r == 0 && i < merge->written_len; i++)
		r = merge_file(resources, &merge->written[i]);
	if (r < 0 || !json_object_object_get_ex(merge->changes->root, "intelRdt", &source))
		return r;
	rdt = get_or_make(linux_object, "intelRdt", json_type_object);
	return rdt ? merge_group(rdt, "intelRdt", source) : -ENOMEM;
}

int spec_merge_resources(const struct spec *config, const struct spec_merge *request, char **ret_text,
			 struct error *err)
{
	struct json_object *root = NULL;
	const char *text = NULL;
	char *copy;

	if (json_object_deep_copy(config->root, &root, NULL) == 0 && merge(root, request) == 0)
		text = json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN |
								    JSON_C_TO_STRING_NOSLASHESCAPE);
	copy = text ? strdup(text) : NULL;
	json_object_put(root);
	if (!copy)
		return error_oom(err);
	*ret_text = copy;
	return 0;
}
