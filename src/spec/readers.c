/* SPDX-License-Identifier: Apache-2.0 */

/* Small readers that several objects of config.json share. */

#include <string.h>

#include "spec/read.h"
#include "util/error.h"

int spec_read_opt_i64(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	struct opt_i64 *option = target;
	int r = json_read_i64(reader, value, &option->value, arg);

	if (r == 0)
		option->set = true;
	return r;
}

int spec_read_opt_u64(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	struct opt_u64 *option = target;
	int r = json_read_u64(reader, value, &option->value, arg);

	if (r == 0)
		option->set = true;
	return r;
}

int spec_read_absolute(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	const char *path = json_object_get_string(value);

	(void)arg;
	if (path[0] != '/')
		return json_error(reader, "'%s' is not an absolute path", path);
	*(const char **)target = path;
	return 0;
}

int spec_read_pairs(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	struct {
		struct spec_pair *items;
		size_t len;
	} *list = target;
	size_t len = (size_t)json_object_object_length(value);
	struct spec_pair *items = arena_alloc(reader->arena, len, sizeof(*items));
	size_t i = 0;

	(void)arg;
	if (!items)
		return error_oom(reader->err);
	json_object_object_foreach(value, key, member)
	{
		int r = json_enter_key(reader, key);

		if (r < 0)
			return r;
		if (!json_object_is_type(member, json_type_string))
			return json_error(reader, "expected string, got %s",
					  json_type_to_name(json_object_get_type(member)));
		json_leave(reader);
		items[i++] = (struct spec_pair){ key, json_object_get_string(member) };
	}
	list->items = items;
	list->len = len;
	return 0;
}

int spec_read_unsupported(struct json_reader *reader, struct json_object *value, void *target,
			  const void *arg)
{
	bool empty = true;

	(void)target;
	(void)arg;
	switch (json_object_get_type(value)) {
	case json_type_object:
		empty = json_object_object_length(value) == 0;
		break;
	case json_type_array:
		empty = json_object_array_length(value) == 0;
		break;
	case json_type_string:
		empty = json_object_get_string_len(value) == 0;
		break;
	case json_type_int:
	case json_type_double:
	case json_type_boolean:
		empty = !json_object_get_boolean(value);
		break;
	case json_type_null:
	default:
		break;
	}
	return empty ? 0 : json_error(reader, "is not supported yet");
}
