/* SPDX-License-Identifier: Apache-2.0 */

/* The container's layers of settings: "vm" and annotations of config.json, as far as the host allows them. */

#include "km/settings.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "json/fields.h"
#include "json/make.h"
#include "json/parse.h"
#include "km/settings_table.h"
#include "km/settings_value.h"
#include "krun/annotations.h"
#include "spec/spec.h"
#include "util/error.h"
#include "util/parse.h"

/* Makes the JSON value that the host file would have from the text of an annotation. */
static int value_of(struct json_reader *reader, const struct km_setting *row, const char *text,
		    struct json_object **ret)
{
	uint64_t number;
	bool flag;
	int r;

	switch (row->kind) {
	case KM_FLAG:
		if (parse_bool(text, &flag) < 0)
			return json_error(reader, "'%s' is neither true nor false", text);
		*ret = json_object_new_boolean(flag);
		break;
	case KM_NUMBER:
		if (parse_u64(text, INT64_MAX, &number) < 0)
			return json_error(reader, "'%s' is not a number", text);
		*ret = json_object_new_int64((int64_t)number);
		break;
	case KM_LIST:
		r = json_document_parse(text, strlen(text), ret, reader->err);
		if (r == -ENOMEM)
			return r;
		if (r < 0 || !json_object_is_type(*ret, json_type_array))
			return json_error(reader, "'%s' is not a JSON array of strings", text);
		break;
	case KM_WORD:
	case KM_TEXT:
	case KM_FILE:
	default:
		*ret = json_object_new_string(text);
		break;
	}
	return *ret ? 0 : error_oom(reader->err);
}

static int check_allowed(struct json_reader *reader, const struct layering *layering,
			 const struct km_setting *row, const char *value)
{
	const uint64_t bit = UINT64_C(1) << (row - km_settings_table);
	/* A path, other than the words for it, may be any device node of the host. */
	const bool by_name = row->grant == KM_GRANT_BY_NAME ||
			     (row == &km_settings_table[KM_KEY_DEVICE] && value[0] == '/');

	if (row->grant == KM_GRANT_NEVER)
		return json_error(reader, "only the host can set this, in %s", layering->settings->file);
	if (by_name ? layering->settings->named & bit : layering->settings->allowed & bit)
		return 0;
	return json_error(reader,
			  "this host does not allow it: \"allowAnnotations\" in %s does not have \"%s\"",
			  layering->settings->file, row->key);
}

/* @name is that of a directory directly below "snapshotDirectory". */
static int read_snapshot(struct json_reader *reader, struct km_settings *settings, const char *name)
{
	if (!settings->snapshot_directory)
		return json_error(reader,
				  "this host has no snapshots for containers: \"snapshotDirectory\" is not "
				  "set in %s",
				  settings->file);
	if (strchr(name, '/') || name[strspn(name, ".")] == '\0')
		return json_error(reader, "'%s' is not the name of a directory", name);
	if (asprintf(&settings->snapshot, "%s/%s", settings->snapshot_directory, name) < 0) {
		settings->snapshot = NULL;
		return error_oom(reader->err);
	}
	return 0;
}

static int read_annotation(struct json_reader *reader, const struct layering *layering, const char *key,
			   const char *text)
{
	const struct km_setting *row = km_setting_find(key);
	struct json_object *value = NULL;
	int r;

	if (strcmp(key, KRUN_SETTING_SNAPSHOT) == 0)
		return read_snapshot(reader, layering->settings, text);
	if (!row)
		return json_error(reader, "there is no such setting");
	r = check_allowed(reader, layering, row, text);
	if (r == 0)
		r = value_of(reader, row, text, &value);
	if (r == 0)
		r = km_setting_read(reader, value, (void *)(uintptr_t)layering, row);
	json_object_put(value);
	return r;
}

static int apply_annotations(struct json_reader *reader, const struct spec *spec,
			     struct km_settings *settings)
{
	static const char prefix[] = KRUN_ANNOTATION_SETTING;
	const struct layering layering = { settings, KM_LAYER_ANNOTATION };
	const size_t depth = reader->depth;
	int r = json_enter_key(reader, "annotations");

	for (size_t i = 0; r == 0 && i < spec->annotations_len; i++) {
		const struct spec_pair *pair = &spec->annotations[i];

		if (strncmp(pair->key, prefix, sizeof(prefix) - 1) != 0)
			continue;
		r = json_enter_key(reader, pair->key);
		if (r == 0)
			r = read_annotation(reader, &layering, pair->key + sizeof(prefix) - 1, pair->value);
		if (r == 0)
			json_leave(reader);
	}
	if (r == 0)
		reader->depth = depth;
	return r;
}

/* The size of km's guest is a power of two: any other size would not be what was asked for. */
static int apply_memory(struct json_reader *reader, uint64_t memory, struct km_settings *settings)
{
	const struct km_setting *row = &km_settings_table[KM_KEY_BUS_WIDTH];

	for (unsigned int width = row->min; width <= row->max; width++)
		if (memory == UINT64_C(1) << width) {
			settings->bus_width = width;
			settings->layers[KM_KEY_BUS_WIDTH] = KM_LAYER_VM;
			return 0;
		}
	return json_error(reader,
			  "km's machine has a power of two from 4 GiB to 512 GiB, not %llu bytes; "
			  "/linux/resources/memory/limit takes any number",
			  (unsigned long long)memory);
}

/* Checks that the host file allows member @name (index) of "vm", which the reader has entered. */
static int check_vm(struct json_reader *reader, const struct km_settings *settings, size_t name)
{
	if (settings->vm_allowed & km_vm_names[name].bit)
		return 0;
	return json_error(reader, "this host does not allow it: \"allowVm\" in %s does not have \"%s\"",
			  settings->file, km_vm_names[name].name);
}

static int enter(struct json_reader *reader, const char *object, const char *key)
{
	reader->depth = 0;
	json_enter_key(reader, "vm");
	json_enter_key(reader, object);
	return json_enter_key(reader, key);
}

static int apply_vm(struct json_reader *reader, const struct spec_vm *vm, struct km_settings *settings)
{
	struct layering layering = { settings, KM_LAYER_VM };
	struct json_maker maker = { 0 };
	int r = 0;

	if (vm->path) {
		auto_json value = json_make_text_value(&maker, vm->path);

		enter(reader, "hypervisor", "path");
		r = value ? check_vm(reader, settings, 0) : error_oom(reader->err);
		if (r == 0)
			r = km_setting_read(reader, value, &layering, &km_settings_table[KM_KEY_PATH]);
	}
	if (r == 0 && vm->parameters) {
		auto_json value = json_make_array(&maker);

		json_append_texts(&maker, value, (const char *const *)vm->parameters);
		enter(reader, "hypervisor", "parameters");
		r = maker.failed ? error_oom(reader->err) : check_vm(reader, settings, 1);
		if (r == 0)
			r = km_setting_read(reader, value, &layering, &km_settings_table[KM_KEY_PARAMETERS]);
	}
	if (r == 0 && vm->memory.set) {
		enter(reader, "hwConfig", "memory");
		r = check_vm(reader, settings, 2);
		if (r == 0)
			r = apply_memory(reader, vm->memory.value, settings);
	}
	reader->depth = r < 0 ? reader->depth : 0;
	return r;
}

int km_settings_check_whole(const struct km_settings *settings, struct error *err)
{
	if (settings->snapshot_path && settings->management)
		return error_set(err, -EINVAL,
				 "\"snapshotPath\" '%s': km takes a path for snapshots or its management "
				 "directory, not both: set \"management\" to false",
				 settings->snapshot_path);
	return 0;
}

int km_settings_apply(struct km_settings *settings, const struct spec *spec, struct error *err)
{
	struct arena arena = { 0 };
	struct json_reader reader = { .arena = &arena, .err = err };
	int r = spec->vm ? apply_vm(&reader, spec->vm, settings) : 0;

	if (r == 0)
		r = apply_annotations(&reader, spec, settings);
	if (r == 0)
		r = km_settings_check_whole(settings, err);
	arena_done(&arena);
	return r;
}
