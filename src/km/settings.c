/* SPDX-License-Identifier: Apache-2.0 */

/* The layers: what stands in the host file, what the container asks for, and whether it may. */

#include "km/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "json/fields.h"
#include "km/exceptions.h"
#include "km/km.h"
#include "km/needs.h"
#include "km/settings_table.h"
#include "krun/annotations.h"
#include "krun/files.h"
#include "spec/spec.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"
#include "util/parse.h"

enum { FILE_MAX = 1024 * 1024, GDB_PORT = 2159, FIELDS_MAX = KM_KEY_COUNT + 3, NOBODY = 65534 };

/* ---- one value ------------------------------------------------------------------------------------------------- */

/* What readers write to. */
struct layering {
	struct km_settings *settings;
	enum km_layer layer;
};

static int check_text(struct json_reader *reader, const struct km_setting *row, const char **text)
{
	const char *why = NULL, *written = *text;

	if (!**text)
		return json_error(reader, "empty");
	if (row->kind == KM_FILE && **text != '/')
		return json_error(reader, "'%s' is not an absolute path", *text);
	if (row->check && row->check(text, &why) < 0)
		return json_error(reader, "'%s' %s", written, why);
	return 0;
}

static int read_text(struct json_reader *reader, const struct km_setting *row, struct json_object *value,
		     char **target)
{
	const char *text = json_object_get_string(value);
	int r = check_text(reader, row, &text);
	char *copy = NULL;

	if (r < 0)
		return r;
	if (text) {
		copy = strdup(text);
		if (!copy)
			return error_oom(reader->err);
	}
	free(*target);
	*target = copy;
	return 0;
}

static int read_word(struct json_reader *reader, const struct km_setting *row, struct json_object *value,
		     unsigned int *target)
{
	const char *word = json_object_get_string(value);
	char all[64] = "";

	for (unsigned int i = 0; row->words[i]; i++) {
		if (strcmp(row->words[i], word) == 0) {
			*target = i;
			return 0;
		}
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", i > 0 ? ", " : "",
			 row->words[i]);
	}
	return json_error(reader, "'%s' is none of %s", word, all);
}

/* A list takes the place of the lower layer's. */
static int read_list(struct json_reader *reader, const struct km_setting *row, struct json_object *value,
		     struct strv *target)
{
	char **items = NULL;
	struct strv list = { 0 };
	int r = json_read_strings(reader, value, &items, NULL), result = r;

	for (size_t i = 0; r == 0 && items[i]; i++) {
		const char *text = items[i];

		r = json_enter_index(reader, i);
		if (r == 0)
			r = check_text(reader, row, &text);
		if (r == 0 && strv_add(&list, text) < 0)
			r = error_oom(reader->err);
		json_leave(reader);
		if (r < 0)
			result = r;
		if (reader->findings)
			r = 0;
	}
	if (result < 0) {
		strv_done(&list);
		return result;
	}
	strv_done(target);
	*target = list;
	return 0;
}

/* @arg: the row. */
static int read_setting(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	const struct km_setting *row = arg;
	const struct layering *layering = target;
	void *member = (char *)layering->settings + row->offset;
	int64_t number;
	int r = 0;

	switch (row->kind) {
	case KM_FLAG:
		*(bool *)member = json_object_get_boolean(value);
		break;
	case KM_NUMBER:
		r = json_get_integer(reader, value, row->min, row->max, &number);
		if (r == 0)
			*(unsigned int *)member = (unsigned int)number;
		break;
	case KM_WORD:
		r = read_word(reader, row, value, member);
		break;
	case KM_LIST:
		r = read_list(reader, row, value, member);
		break;
	case KM_TEXT:
	case KM_FILE:
	default:
		r = read_text(reader, row, value, member);
		break;
	}
	if (r == 0)
		layering->settings->layers[row - km_settings_table] = layering->layer;
	return r;
}

static json_type type_of(const struct km_setting *row)
{
	static const json_type types[] = {
		[KM_FLAG] = json_type_boolean, [KM_NUMBER] = json_type_int,  [KM_WORD] = json_type_string,
		[KM_TEXT] = json_type_string,  [KM_FILE] = json_type_string, [KM_LIST] = json_type_array,
	};

	return types[row->kind];
}

/* ---- the host's layer -------------------------------------------------------------------------------------------- */

static int read_allowed(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	const struct layering *layering = target;
	char **names = NULL;
	int r = json_read_strings(reader, value, &names, NULL);

	(void)arg;
	for (size_t i = 0; r == 0 && names[i]; i++) {
		const struct km_setting *row = km_setting_find(names[i]);

		r = json_enter_index(reader, i);
		if (r < 0)
			return r;
		if (strcmp(names[i], "*") == 0) {
			for (size_t j = 0; j < KM_KEY_COUNT; j++)
				if (km_settings_table[j].grant == KM_GRANT_HARMLESS)
					layering->settings->allowed |= UINT64_C(1) << j;
		} else if (!row) {
			r = json_error(reader, "there is no setting '%s'", names[i]);
		} else if (row->grant == KM_GRANT_NEVER) {
			r = json_error(reader, "'%s' can be set in this file only", names[i]);
		} else {
			layering->settings->allowed |= UINT64_C(1) << (row - km_settings_table);
			layering->settings->named |= UINT64_C(1) << (row - km_settings_table);
		}
		json_leave(reader);
	}
	return r;
}

static const struct {
	const char *name;
	unsigned int bit;
} vm_names[] = {
	{ "hypervisor.path", KM_VM_PATH },
	{ "hypervisor.parameters", KM_VM_PARAMETERS },
	{ "hwConfig.memory", KM_VM_MEMORY },
};

static int read_vm_allowed(struct json_reader *reader, struct json_object *value, void *target,
			   const void *arg)
{
	const struct layering *layering = target;
	char **names = NULL;
	int r = json_read_strings(reader, value, &names, NULL);

	(void)arg;
	for (size_t i = 0; r == 0 && names[i]; i++) {
		size_t j = 0;

		while (j < ARRAY_LEN(vm_names) && strcmp(vm_names[j].name, names[i]) != 0)
			j++;
		if (j < ARRAY_LEN(vm_names)) {
			layering->settings->vm_allowed |= vm_names[j].bit;
			continue;
		}
		r = json_enter_index(reader, i);
		if (r == 0)
			r = json_error(
				reader,
				"'%s' is none of hypervisor.path, hypervisor.parameters, hwConfig.memory",
				names[i]);
		json_leave(reader);
	}
	return r;
}

static void make_fields(struct json_field fields[FIELDS_MAX])
{
	size_t len = 0;

	for (; len < KM_KEY_COUNT; len++)
		fields[len] = (struct json_field){ .key = km_settings_table[len].key,
						   .type = type_of(&km_settings_table[len]),
						   .read = read_setting,
						   .arg = &km_settings_table[len] };
	fields[len++] = (struct json_field){ .key = "allowAnnotations",
					     .type = json_type_array,
					     .read = read_allowed };
	fields[len++] =
		(struct json_field){ .key = "allowVm", .type = json_type_array, .read = read_vm_allowed };
	fields[len] = (struct json_field){ 0 };
}

/* A list that is named but does not hold would be a list that nobody reads. */
static int check_exceptions(struct json_reader *reader, const struct km_settings *settings)
{
	const bool on_host = settings->exceptions == KM_EXCEPTIONS_HOST;

	if (on_host == (settings->exceptions_file != NULL))
		return 0;
	return json_error(reader, on_host ? "\"exceptions\": \"host\" needs \"exceptionsFile\"" :
					    "\"exceptionsFile\" is for \"exceptions\": \"host\"");
}

/* Members that @text, which is JSON, gives its outermost object: every one has a colon. */
static size_t count_members(const char *text, size_t size)
{
	size_t depth = 0, members = 0;
	bool quoted = false;

	for (size_t i = 0; i < size; i++) {
		if (quoted && text[i] == '\\')
			i++;
		else if (text[i] == '"')
			quoted = !quoted;
		else if (!quoted && (text[i] == '{' || text[i] == '['))
			depth++;
		else if (!quoted && (text[i] == '}' || text[i] == ']'))
			depth--;
		else if (!quoted && depth == 1 && text[i] == ':')
			members++;
	}
	return members;
}

/* What other documents may have: a setting twice, of which one would hold, or null, which says nothing. */
static int check_members(struct json_reader *reader, struct json_object *object, const char *text,
			 size_t size)
{
	int r = 0;

	if (count_members(text, size) != (size_t)json_object_object_length(object))
		r = json_error(reader, "a setting is there twice");
	json_object_object_foreach(object, key, value)
	{
		if (value || r < 0)
			continue;
		r = json_enter_key(reader, key);
		if (r == 0)
			r = json_error(reader, "null is no value: leave the setting out for its default");
		json_leave(reader);
	}
	return r;
}

static int read_host(const char *text, size_t size, struct km_settings *settings,
		     struct json_findings *findings, struct error *err)
{
	struct arena arena = { 0 };
	struct json_reader reader = { .arena = &arena,
				      .err = err,
				      .findings = findings,
				      .strict = true,
				      .unknown = "unknown key: there is no such setting" };
	struct layering layering = { settings, KM_LAYER_HOST };
	struct json_object *object = NULL;
	struct json_field fields[FIELDS_MAX];
	int r = json_document_parse(text, size, &object, err);

	make_fields(fields);
	if (r < 0 && findings)
		json_findings_add_error(findings, JSON_ERROR, err);
	if (r == 0 && !json_object_is_type(object, json_type_object))
		r = json_error(&reader, "expected an object");
	if (r == 0)
		r = check_members(&reader, object, text, size);
	if (r == 0)
		r = json_read_fields(&reader, object, fields, &layering);
	if (r == 0)
		r = check_exceptions(&reader, settings);
	json_object_put(object);
	arena_done(&arena);
	return r;
}

static int make_defaults(const char *file, struct km_settings *ret, struct error *err)
{
	*ret = (struct km_settings){
		.monitor = strdup(KM_MONITOR_DEFAULT),
		.libc = strdup(KM_LIBC_DEFAULT),
		.start_timeout_ms = KM_START_TIMEOUT_MS,
		.pages_1g = true,
		.gdb_port = GDB_PORT,
		.management = true,
		.file = strdup(file ? file : KM_SETTINGS_FILE),
	};
	if (ret->monitor && ret->libc && ret->file)
		return 0;
	km_settings_done(ret);
	return error_oom(err);
}

/* Who can write it chooses what krun runs. The owner of what belongs to nobody here cannot be told in a user namespace. */
static int check_writers(int fd, const char *file, struct error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return error_sys(err, -errno, "host settings '%s'", file);
	if (!S_ISREG(st.st_mode))
		return error_set(err, -EINVAL, "host settings '%s': not a regular file", file);
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return error_set(
			err, -EPERM,
			"host settings '%s': others than the owner may write this file, and so choose "
			"what krun runs",
			file);
	if (st.st_uid != 0 && st.st_uid != geteuid() && st.st_uid != NOBODY)
		return error_set(err, -EPERM,
				 "host settings '%s': belongs to user %u, who may choose so what krun runs",
				 file, st.st_uid);
	return 0;
}

/* *ret_text stays NULL when the default file is not there. */
static int read_file(const char *file, bool wanted, char **ret_text, size_t *ret_size, struct error *err)
{
	auto_close int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	int r;

	/* A link that leads nowhere is not the absence of settings. */
	if (fd < 0 && errno == ENOENT && !wanted && lstat(file, &st) < 0)
		return 0;
	if (fd < 0)
		return error_sys(err, -errno, "read host settings '%s'", file);
	r = check_writers(fd, file, err);
	if (r < 0)
		return r;
	r = io_read_all(fd, FILE_MAX, ret_text, ret_size);
	return r < 0 ? error_sys(err, r, "read host settings '%s'", file) : 0;
}

static int load(const char *file, struct json_findings *findings, struct km_settings *ret, struct error *err)
{
	auto_free char *text = NULL;
	size_t size = 0;
	int r = make_defaults(file, ret, err);

	if (r < 0)
		return r;
	r = read_file(ret->file, file != NULL, &text, &size, err);
	if (r == 0 && !text)
		return 0;
	if (r == 0) {
		r = read_host(text, size, ret, findings, err);
		if (r < 0 && !findings) {
			json_name_document(err, ret->file);
			error_prefix(err, "host settings");
		}
	}
	/* With findings what could be read goes on to be looked at. */
	if (r < 0 && !(findings && text))
		km_settings_done(ret);
	return r < 0 && !(findings && text) ? r : 0;
}

int km_settings_load(const char *file, struct km_settings *ret, struct error *err)
{
	return load(file, NULL, ret, err);
}

void km_settings_done(struct km_settings *settings)
{
	for (size_t i = 0; i < KM_KEY_COUNT; i++) {
		const struct km_setting *row = &km_settings_table[i];
		void *member = (char *)settings + row->offset;

		if (row->kind == KM_TEXT || row->kind == KM_FILE)
			free(*(char **)member);
		else if (row->kind == KM_LIST)
			strv_done(member);
	}
	free(settings->snapshot);
	free(settings->file);
	*settings = (struct km_settings){ 0 };
}

/* ---- the container's layers --------------------------------------------------------------------------------------- */

/* What an annotation says, as the host file would say it. */
static int value_of(struct json_reader *reader, const struct km_setting *row, const char *text,
		    struct json_object **ret)
{
	uint64_t number;
	bool flag;

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
		if (json_document_parse(text, strlen(text), ret, reader->err) < 0 ||
		    !json_object_is_type(*ret, json_type_array)) {
			json_object_put(*ret);
			*ret = NULL;
			return json_error(reader, "'%s' is not a JSON array of strings", text);
		}
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
	/* Everything else that may be there is a node of the host. */
	const bool by_name = row->grant == KM_GRANT_BY_NAME ||
			     (row == &km_settings_table[KM_KEY_DEVICE] && value[0] == '/');

	if (row->grant == KM_GRANT_NEVER)
		return json_error(reader, "only the host can set this, in %s", layering->settings->file);
	if (by_name ? layering->settings->named & bit : layering->settings->allowed & bit)
		return 0;
	return json_error(reader,
			  "this host does not allow it: \"allowAnnotations\" in %s would have to have \"%s\"",
			  layering->settings->file, row->key);
}

/* A directory below the host's, by its name alone. */
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
		r = read_setting(reader, value, (void *)(uintptr_t)layering, row);
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

/* The size of km's guest is a power of two: a limit in between would be another one than was asked for. */
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

/* Allowed in the host file? @pointer is where the reader is, behind "vm". */
static int check_vm(struct json_reader *reader, const struct km_settings *settings, size_t name)
{
	if (settings->vm_allowed & vm_names[name].bit)
		return 0;
	return json_error(reader, "this host does not allow it: \"allowVm\" in %s would have to have \"%s\"",
			  settings->file, vm_names[name].name);
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
	int r = 0;

	if (vm->path) {
		struct json_object *value = json_object_new_string(vm->path);

		enter(reader, "hypervisor", "path");
		r = check_vm(reader, settings, 0);
		if (r == 0)
			r = read_setting(reader, value, &layering, &km_settings_table[KM_KEY_PATH]);
		json_object_put(value);
	}
	if (r == 0 && vm->parameters) {
		struct json_object *value = json_object_new_array();

		for (size_t i = 0; vm->parameters[i]; i++)
			json_object_array_add(value, json_object_new_string(vm->parameters[i]));
		enter(reader, "hypervisor", "parameters");
		r = check_vm(reader, settings, 1);
		if (r == 0)
			r = read_setting(reader, value, &layering, &km_settings_table[KM_KEY_PARAMETERS]);
		json_object_put(value);
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

/* What excludes each other, once all layers are there. */
static int check_whole(const struct km_settings *settings, struct error *err)
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
		r = check_whole(settings, err);
	arena_done(&arena);
	return r;
}

/* ---- what is in force ------------------------------------------------------------------------------------------------ */

static char *list_text(const struct strv *list)
{
	struct json_object *array = json_object_new_array();
	char *text;

	for (size_t i = 0; i < list->len; i++)
		json_object_array_add(array, json_object_new_string(list->items[i]));
	text = strdup(json_object_to_json_string_ext(array, JSON_C_TO_STRING_PLAIN |
								    JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(array);
	return text;
}

char *km_setting_text(const struct km_setting *row, const struct km_settings *settings)
{
	const void *member = (const char *)settings + row->offset;
	const char *text;
	char number[16];

	switch (row->kind) {
	case KM_FLAG:
		return strdup(*(const bool *)member ? "true" : "false");
	case KM_NUMBER:
		snprintf(number, sizeof(number), "%u", *(const unsigned int *)member);
		return strdup(number);
	case KM_WORD:
		return strdup(row->words[*(const unsigned int *)member]);
	case KM_LIST:
		return list_text(member);
	case KM_TEXT:
	case KM_FILE:
	default:
		text = *(const char *const *)member;
		return strdup(text ? text : "");
	}
}

int km_settings_allowed(const struct km_settings *settings, struct strv *ret, struct error *err)
{
	*ret = (struct strv){ 0 };
	for (size_t i = 0; i < KM_KEY_COUNT; i++) {
		if (!(settings->allowed & (UINT64_C(1) << i)))
			continue;
		if (strv_add(ret, km_settings_table[i].key) < 0) {
			strv_done(ret);
			return error_oom(err);
		}
	}
	return 0;
}

int km_settings_vm_allowed(const struct km_settings *settings, struct strv *ret, struct error *err)
{
	*ret = (struct strv){ 0 };
	for (size_t i = 0; i < ARRAY_LEN(vm_names); i++) {
		if (!(settings->vm_allowed & vm_names[i].bit))
			continue;
		if (strv_add(ret, vm_names[i].name) < 0) {
			strv_done(ret);
			return error_oom(err);
		}
	}
	return 0;
}

int km_settings_differing(const struct km_settings *settings, struct strv *ret, struct error *err)
{
	struct km_settings defaults;
	int r = make_defaults(NULL, &defaults, err);

	*ret = (struct strv){ 0 };
	for (size_t i = 0; r == 0 && i < KM_KEY_COUNT; i++) {
		const struct km_setting *row = &km_settings_table[i];
		auto_free char *text = km_setting_text(row, settings),
			       *usual = km_setting_text(row, &defaults);

		if (!text || !usual)
			r = -ENOMEM;
		else if (strcmp(text, usual) != 0)
			r = strv_add_format(ret, "%s=%s", row->key, text);
	}
	km_settings_done(&defaults);
	if (r < 0) {
		strv_done(ret);
		return error_oom(err);
	}
	return 0;
}

/* ---- validate -------------------------------------------------------------------------------------------------------- */

static void add_error(struct json_findings *findings, enum json_severity severity, const char *pointer,
		      struct error *found)
{
	error_place(found, pointer);
	json_findings_add_error(findings, severity, found);
}

static void check_directory(const char *path, struct json_findings *findings)
{
	struct stat st;

	if (!path || (stat(path, &st) == 0 && S_ISDIR(st.st_mode)))
		return;
	json_findings_add(findings, JSON_ERROR, "/snapshotDirectory", "'%s' is not a directory", path);
}

static void check_exceptions_file(const char *path, struct json_findings *findings)
{
	struct km_settings settings = { .exceptions = KM_EXCEPTIONS_HOST,
					.exceptions_file = (char *)(uintptr_t)path };
	struct km_exceptions list;
	struct error found;

	if (!path)
		return;
	if (km_exceptions_load(-1, 0, &settings, &list, &found) < 0)
		add_error(findings, JSON_ERROR, "/exceptionsFile", &found);
	km_exceptions_done(&list);
}

/* Where no km can run, there is none to look for. */
static void check_km(const struct km_settings *settings, struct json_findings *findings)
{
	struct error found;

	if (km_check_processor(&found) < 0) {
		json_findings_add_error(findings, JSON_UNSUPPORTED, &found);
		return;
	}
	if (km_check_monitor(settings, &found) < 0)
		add_error(findings, JSON_ERROR, "/kmPath", &found);
	if (km_check_libc(settings, &found) < 0)
		add_error(findings, JSON_ERROR, "/libcPath", &found);
	if (km_check_device(settings, &found) < 0)
		add_error(findings, JSON_UNSUPPORTED, "/device", &found);
}

int km_settings_check(const char *file, struct json_findings *findings, struct error *err)
{
	struct km_settings settings;
	struct error found;
	int r = load(file, findings, &settings, err);

	if (r < 0)
		return r;
	check_km(&settings, findings);
	check_directory(settings.snapshot_directory, findings);
	check_exceptions_file(settings.exceptions_file, findings);
	if (check_whole(&settings, &found) < 0)
		add_error(findings, JSON_ERROR, "/snapshotPath", &found);
	km_settings_done(&settings);
	return findings->out_of_memory ? error_oom(err) : 0;
}
