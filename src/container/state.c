/* SPDX-License-Identifier: Apache-2.0 */
#include "container/state.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "container/state_dir.h"
#include "krun/annotations.h"
#include "spec/spec.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"

enum { STATE_MAX = 16 * 1024 * 1024 };

static void put_object(void *slot)
{
	struct json_object **object = slot;

	json_object_put(*object);
}

#define auto_object __attribute__((cleanup(put_object))) struct json_object *

struct text_field {
	const char *key;
	size_t offset;
	bool optional;
};

static const struct text_field text_fields[] = {
	{ "id", offsetof(struct state, id), false },
	{ "ociVersion", offsetof(struct state, oci_version), false },
	{ "bundle", offsetof(struct state, bundle), false },
	{ "rootfs", offsetof(struct state, rootfs), false },
	{ "created", offsetof(struct state, created), false },
	{ "annotations", offsetof(struct state, annotations), false },
	{ "cgroupPath", offsetof(struct state, cgroup.path), true },
	{ "cgroupUnit", offsetof(struct state, cgroup.unit), true },
	{ "keyring", offsetof(struct state, keyring), true },
	{ "monitor", offsetof(struct state, monitor), true },
	{ "monitorDevice", offsetof(struct state, monitor_device), true },
	{ "rdtClass", offsetof(struct state, rdt.name), true },
};

struct list_field {
	const char *key;
	size_t offset;
};

/* Absent when empty. */
static const struct list_field list_fields[] = {
	{ "monitorOptions", offsetof(struct state, monitor_options) },
	{ "monitorEnvironment", offsetof(struct state, monitor_environment) },
	{ "settings", offsetof(struct state, settings) },
};

static struct strv *list_slot(const struct state *state, const struct list_field *field)
{
	return (struct strv *)((char *)(uintptr_t)state + field->offset);
}

static char **text_slot(const struct state *state, const struct text_field *field)
{
	return (char **)((char *)(uintptr_t)state + field->offset);
}

static int add(struct json_object *object, const char *key, struct json_object *value)
{
	if (!value)
		return -ENOMEM;
	return json_object_object_add(object, key, value) < 0 ? -ENOMEM : 0;
}

static int fill_lists(struct json_object *object, const struct state *state)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(list_fields); i++) {
		const struct strv *list = list_slot(state, &list_fields[i]);
		struct json_object *array;

		if (list->len == 0)
			continue;
		array = json_object_new_array();
		r = add(object, list_fields[i].key, array);
		for (size_t j = 0; r == 0 && j < list->len; j++)
			r = json_object_array_add(array, json_object_new_string(list->items[j])) < 0 ?
				    -ENOMEM :
				    0;
	}
	return r;
}

static int fill(struct json_object *object, const struct state *state)
{
	int r = fill_lists(object, state);

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(text_fields); i++) {
		const char *text = *text_slot(state, &text_fields[i]);

		if (text)
			r = add(object, text_fields[i].key, json_object_new_string(text));
	}
	const struct {
		const char *key;
		struct json_object *value;
	} rest[] = {
		{ "owner", json_object_new_int64(state->owner) },
		{ "pid", json_object_new_int64(state->pid) },
		{ "startTime", json_object_new_uint64(state->start_time) },
		{ "monitorPid", json_object_new_int64(state->monitor_pid) },
		{ "cgroupManager", json_object_new_string(cgroup_manager_name(state->cgroup.manager)) },
		{ "cgroupUser", json_object_new_boolean(state->cgroup.user) },
		{ "namespaces", json_object_new_uint64(state->namespaces) },
		{ "personality", json_object_new_string(personality_word(state->personality)) },
		{ "startAt", json_object_new_string(km_start_word(state->start)) },
		{ "executionDomain", json_object_new_int64(state->execution_domain) },
		{ "execReadsConfig", json_object_new_boolean(state->exec_reads_config) },
		{ "rdtMonitoring", json_object_new_boolean(state->rdt.monitoring) },
		{ "cgroupBelow", json_object_new_boolean(state->cgroup_below) },
		{ "management", json_object_new_boolean(state->management) },
		{ "keepGroups", json_object_new_boolean(state->keep_groups) },
		{ "hasHooks", json_object_new_boolean(state->has_hooks) },
	};

	for (size_t i = 0; i < ARRAY_LEN(rest); i++) {
		int added = add(object, rest[i].key, rest[i].value);

		if (r == 0)
			r = added;
	}
	return r;
}

int state_save(int dir_fd, const struct state *state, struct error *err)
{
	auto_object object = json_object_new_object();
	const char *text = NULL;
	int r;

	if (object && fill(object, state) == 0)
		text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN);
	if (!text)
		return error_oom(err);
	r = io_replace_file(dir_fd, STATE_FILE, 0600, text, strlen(text));
	return r < 0 ? error_sys(err, r, "write '%s'", STATE_FILE) : 0;
}

static struct json_object *get(struct json_object *object, const char *key, json_type type)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, key, &value) || !json_object_is_type(value, type))
		return NULL;
	return value;
}

static int take_texts(struct json_object *object, struct state *state, struct error *err)
{
	for (size_t i = 0; i < ARRAY_LEN(text_fields); i++) {
		struct json_object *value = get(object, text_fields[i].key, json_type_string);
		char **slot = text_slot(state, &text_fields[i]);

		if (!value && text_fields[i].optional)
			continue;
		if (!value)
			return error_set(err, -EPROTO, "%s: no '%s'", STATE_FILE, text_fields[i].key);
		*slot = strdup(json_object_get_string(value));
		if (!*slot)
			return error_oom(err);
	}
	return 0;
}

static int take_lists(struct json_object *object, struct state *state, struct error *err)
{
	for (size_t i = 0; i < ARRAY_LEN(list_fields); i++) {
		struct json_object *array = get(object, list_fields[i].key, json_type_array);
		struct strv *list = list_slot(state, &list_fields[i]);

		for (size_t j = 0; array && j < json_object_array_length(array); j++)
			if (strv_add(list, json_object_get_string(json_object_array_get_idx(array, j))) < 0)
				return error_oom(err);
	}
	return 0;
}

static int take_words(struct json_object *object, struct state *state, struct error *err)
{
	struct json_object *manager = get(object, "cgroupManager", json_type_string);
	struct json_object *personality = get(object, "personality", json_type_string);
	struct json_object *start = get(object, "startAt", json_type_string);

	if (!manager || !personality || !start ||
	    cgroup_manager_parse(json_object_get_string(manager), &state->cgroup.manager) < 0 ||
	    personality_parse(json_object_get_string(personality), &state->personality) < 0 ||
	    km_start_parse(json_object_get_string(start), &state->start) < 0)
		return error_set(err, -EPROTO, "%s: unknown manager, personality or start protocol",
				 STATE_FILE);
	return 0;
}

static int take_numbers(struct json_object *object, struct state *state, struct error *err)
{
	static const char *const keys[] = { "owner",	  "pid",	"startTime",
					    "monitorPid", "namespaces", "executionDomain" };
	int64_t values[ARRAY_LEN(keys)];

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		struct json_object *value = get(object, keys[i], json_type_int);

		if (!value)
			return error_set(err, -EPROTO, "%s: no '%s'", STATE_FILE, keys[i]);
		values[i] = json_object_get_int64(value);
	}
	state->owner = (uid_t)values[0];
	state->pid = (pid_t)values[1];
	state->start_time = (unsigned long long)values[2];
	state->monitor_pid = (pid_t)values[3];
	state->namespaces = (uint64_t)values[4];
	state->execution_domain = values[5];
	state->exec_reads_config = json_object_get_boolean(get(object, "execReadsConfig", json_type_boolean));
	state->rdt.monitoring = json_object_get_boolean(get(object, "rdtMonitoring", json_type_boolean));
	state->cgroup.user = json_object_get_boolean(get(object, "cgroupUser", json_type_boolean));
	state->cgroup_below = json_object_get_boolean(get(object, "cgroupBelow", json_type_boolean));
	state->management = json_object_get_boolean(get(object, "management", json_type_boolean));
	state->keep_groups = json_object_get_boolean(get(object, "keepGroups", json_type_boolean));
	state->has_hooks = json_object_get_boolean(get(object, "hasHooks", json_type_boolean));
	return 0;
}

int state_load(int dir_fd, struct state *ret, struct error *err)
{
	auto_free char *text = NULL;
	struct state state = { 0 };
	struct json_object *object;
	int r = io_read_file(dir_fd, STATE_FILE, STATE_MAX, &text, NULL);

	if (r < 0)
		return error_sys(err, r, "read '%s'", STATE_FILE);
	object = json_tokener_parse(text);
	if (!json_object_is_type(object, json_type_object)) {
		json_object_put(object);
		return error_set(err, -EPROTO, "%s: not a JSON object", STATE_FILE);
	}
	r = take_texts(object, &state, err);
	if (r == 0)
		r = take_lists(object, &state, err);
	if (r == 0)
		r = take_words(object, &state, err);
	if (r == 0)
		r = take_numbers(object, &state, err);
	json_object_put(object);
	if (r < 0) {
		state_done(&state);
		return r;
	}
	*ret = state;
	return 0;
}

int state_open(const struct container_host *host, const char *id, bool lock, struct state *ret,
	       struct error *err)
{
	int dir_fd = state_dir_open(host, id, err), r = 0;

	if (dir_fd < 0)
		return dir_fd;
	if (lock)
		r = state_dir_lock(dir_fd, id, err);
	if (r == 0) {
		r = state_load(dir_fd, ret, err);
		if (r < 0)
			error_prefix(err, "container '%s'", id);
	}
	if (r < 0)
		close(dir_fd);
	return r < 0 ? r : dir_fd;
}

void state_done(struct state *state)
{
	for (size_t i = 0; i < ARRAY_LEN(text_fields); i++)
		free(*text_slot(state, &text_fields[i]));
	for (size_t i = 0; i < ARRAY_LEN(list_fields); i++)
		strv_done(list_slot(state, &list_fields[i]));
	*state = (struct state){ 0 };
}

int state_take_settings(struct state *state, const struct km_settings *settings, struct error *err)
{
	int r = km_settings_options(settings, true, &state->monitor_options, err);

	if (r == 0)
		r = km_settings_differing(settings, &state->settings, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < settings->environment.len; i++)
		if (strv_add(&state->monitor_environment, settings->environment.items[i]) < 0)
			return error_oom(err);
	state->monitor = strdup(settings->monitor);
	state->monitor_device = settings->device ? strdup(settings->device) : NULL;
	return state->monitor && (state->monitor_device || !settings->device) ? 0 : error_oom(err);
}

/* "KEY=VALUE" as an annotation of krun's. */
static void add_setting(struct json_object *object, const char *setting)
{
	char key[128];
	const char *value = strchr(setting, '=');

	if (!value || snprintf(key, sizeof(key), "%s%.*s", KRUN_ANNOTATION_SETTING, (int)(value - setting),
			       setting) >= (int)sizeof(key))
		return;
	add(object, key, json_object_new_string(value + 1));
}

/* The annotations of config.json, and which personality, start protocol and settings are in force. */
static struct json_object *all_annotations(const struct state *state)
{
	struct json_object *object = json_tokener_parse(state->annotations);

	if (!json_object_is_type(object, json_type_object)) {
		json_object_put(object);
		object = json_object_new_object();
	}
	if (!object)
		return NULL;
	add(object, KRUN_ANNOTATION_PERSONALITY,
	    json_object_new_string(personality_word(state->personality)));
	if (state->personality == PERSONALITY_KM)
		add(object, KRUN_ANNOTATION_START, json_object_new_string(km_start_word(state->start)));
	for (size_t i = 0; i < state->settings.len; i++)
		add_setting(object, state->settings.items[i]);
	/* Not even config.json may claim it. */
	json_object_object_del(object, KRUN_ANNOTATION_OOM_KILLED);
	if (state->oom_killed)
		add(object, KRUN_ANNOTATION_OOM_KILLED, json_object_new_string("true"));
	return object;
}

/* runtime.md "State"; NULL: out of memory. */
static struct json_object *state_object(const struct state *state, const char *status, pid_t pid)
{
	auto_object object = json_object_new_object();
	struct json_object *result;
	char number[16];

	if (!object)
		return NULL;
	if (state->owner == 0)
		snprintf(number, sizeof(number), "root");
	else
		snprintf(number, sizeof(number), "%u", state->owner);
	if (add(object, "ociVersion", json_object_new_string(state->oci_version)) < 0 ||
	    add(object, "id", json_object_new_string(state->id)) < 0 ||
	    add(object, "pid", json_object_new_int64(pid)) < 0 ||
	    add(object, "status", json_object_new_string(status)) < 0 ||
	    add(object, "bundle", json_object_new_string(state->bundle)) < 0 ||
	    add(object, "rootfs", json_object_new_string(state->rootfs)) < 0 ||
	    add(object, "created", json_object_new_string(state->created)) < 0 ||
	    add(object, "annotations", all_annotations(state)) < 0 ||
	    add(object, "owner", json_object_new_string(number)) < 0)
		return NULL;
	result = object;
	object = NULL;
	return result;
}

char *state_text(const struct state *state, const char *status, pid_t pid, bool pretty)
{
	auto_object object = state_object(state, status, pid);
	const char *text;
	char *line = NULL;

	if (!object)
		return NULL;
	text = json_object_to_json_string_ext(
		object,
		(pretty ? JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED : JSON_C_TO_STRING_PLAIN) |
			JSON_C_TO_STRING_NOSLASHESCAPE);
	if (!text || asprintf(&line, "%s\n", text) < 0)
		return NULL;
	return line;
}

char *state_process_text(const struct state *state, const char *status, pid_t pid, const char *metadata)
{
	auto_object object = json_object_new_object();
	auto_object fds = json_object_new_array();
	const char *text;

	if (!object || !fds || json_object_array_add(fds, json_object_new_string("seccompFd")) < 0 ||
	    add(object, "ociVersion", json_object_new_string(state->oci_version)) < 0 ||
	    add(object, "fds", json_object_get(fds)) < 0 ||
	    add(object, "pid", json_object_new_int64(pid)) < 0 ||
	    (metadata && add(object, "metadata", json_object_new_string(metadata)) < 0) ||
	    add(object, "state", state_object(state, status, state->pid ? state->pid : pid)) < 0)
		return NULL;
	text = json_object_to_json_string_ext(object,
					      JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	return text ? strdup(text) : NULL;
}

char *state_annotations(const struct spec *spec)
{
	auto_object object = json_object_new_object();
	const char *text;

	if (!object)
		return NULL;
	for (size_t i = 0; i < spec->annotations_len; i++)
		if (add(object, spec->annotations[i].key,
			json_object_new_string(spec->annotations[i].value)) < 0)
			return NULL;
	text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN);
	return text ? strdup(text) : NULL;
}

char *state_now(void)
{
	struct timespec now;
	char seconds[32], *text;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &tm);
	return asprintf(&text, "%s.%09ldZ", seconds, now.tv_nsec) < 0 ? NULL : text;
}
