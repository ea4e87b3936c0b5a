/* SPDX-License-Identifier: Apache-2.0 */

/* config.md "POSIX-platform Hooks". */

#include "spec/read.h"
#include "spec/spec.h"

static const struct json_range timeout_range = { 1, INT32_MAX };

static const struct json_field hook_fields[] = {
	{ "path", json_type_string, true, offsetof(struct spec_hook, path), spec_read_absolute, NULL },
	{ "args", json_type_array, false, offsetof(struct spec_hook, args), json_read_strings, NULL },
	{ "env", json_type_array, false, offsetof(struct spec_hook, env), spec_read_environment, NULL },
	{ "timeout", json_type_int, false, offsetof(struct spec_hook, timeout), spec_read_opt_i64,
	  &timeout_range },
	{ 0 },
};

static const struct json_array_shape hooks_shape = {
	.size = sizeof(struct spec_hook),
	.len_offset = offsetof(struct spec_hooks, len) - offsetof(struct spec_hooks, items),
	.type = json_type_object,
	.read = json_read_object,
	.arg = hook_fields,
};

#define HOOK_ROW(kind, name)                                                                       \
	{                                                                                          \
		name, json_type_array, false, (kind) * sizeof(struct spec_hooks), json_read_array, \
			&hooks_shape                                                               \
	}

static const struct json_field kinds[] = {
	HOOK_ROW(HOOK_PRESTART, "prestart"),
	HOOK_ROW(HOOK_CREATE_RUNTIME, "createRuntime"),
	HOOK_ROW(HOOK_CREATE_CONTAINER, "createContainer"),
	HOOK_ROW(HOOK_START_CONTAINER, "startContainer"),
	HOOK_ROW(HOOK_POSTSTART, "poststart"),
	HOOK_ROW(HOOK_POSTSTOP, "poststop"),
	{ 0 },
};

const char *hook_kind_name(enum hook_kind kind)
{
	return kinds[kind].key;
}

int spec_read_hooks(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	(void)arg;
	return json_read_fields(reader, value, kinds, target);
}
