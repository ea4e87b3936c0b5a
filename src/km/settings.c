/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "json/fields.h"
#include "km/km.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"

#define DEFAULT_FILE "/etc/krun/krun.json"

enum { FILE_MAX = 1024 * 1024 };

struct raw_settings {
	const char *monitor, *libc, *start, *exceptions, *exceptions_file, *exceptions_audit;
	uint32_t start_timeout_ms;
};

static int read_path(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	const char *path = json_object_get_string(value);

	(void)arg;
	if (path[0] != '/')
		return json_error(reader, "'%s' is not an absolute path", path);
	*(const char **)target = path;
	return 0;
}

static int read_start(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	const char *word = json_object_get_string(value);
	enum km_start start;

	(void)arg;
	if (km_start_parse(word, &start) < 0)
		return json_error(reader, "'%s' is neither payload nor exec", word);
	*(const char **)target = word;
	return 0;
}

static const char *const policy_words[] = { "container", "deny", "host", NULL };
static const char *const audit_words[] = { "state", "syslog", NULL };

static int read_word(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	const char *word = json_object_get_string(value);

	for (const char *const *words = arg; *words; words++) {
		if (strcmp(word, *words) == 0) {
			*(const char **)target = word;
			return 0;
		}
	}
	return json_error(reader, "'%s' is not a known word", word);
}

/* A list that is named but does not hold would be a list that nobody reads. */
static int check_exceptions(struct json_reader *reader, const struct raw_settings *raw)
{
	const bool on_host = strcmp(raw->exceptions, "host") == 0;

	if (on_host == (raw->exceptions_file != NULL))
		return 0;
	return json_error(reader, on_host ? "\"exceptions\": \"host\" needs \"exceptionsFile\"" :
					    "\"exceptionsFile\" is for \"exceptions\": \"host\"");
}

static enum km_exceptions_policy policy_parse(const char *word)
{
	enum km_exceptions_policy policy = KM_EXCEPTIONS_CONTAINER;

	while (strcmp(policy_words[policy], word) != 0)
		policy++;
	return policy;
}

static const struct json_range timeout_range = { 1, 600000 };

static const struct json_field fields[] = {
	{ "kmPath", json_type_string, false, offsetof(struct raw_settings, monitor), read_path, NULL },
	{ "libcPath", json_type_string, false, offsetof(struct raw_settings, libc), read_path, NULL },
	{ "startAt", json_type_string, false, offsetof(struct raw_settings, start), read_start, NULL },
	{ "startTimeoutMs", json_type_int, false, offsetof(struct raw_settings, start_timeout_ms),
	  json_read_u32, &timeout_range },
	{ "exceptions", json_type_string, false, offsetof(struct raw_settings, exceptions), read_word,
	  policy_words },
	{ "exceptionsFile", json_type_string, false, offsetof(struct raw_settings, exceptions_file),
	  read_path, NULL },
	{ "exceptionsAudit", json_type_string, false, offsetof(struct raw_settings, exceptions_audit),
	  read_word, audit_words },
	{ NULL, json_type_null, false, 0, NULL, NULL },
};

/* A misspelt key would otherwise be a setting that silently does not hold. */
static int check_keys(struct json_reader *reader, struct json_object *object)
{
	json_object_object_foreach(object, key, value)
	{
		const struct json_field *field = fields;

		(void)value;
		while (field->key && strcmp(field->key, key) != 0)
			field++;
		if (!field->key)
			return json_error(reader, "unknown key '%s'", key);
	}
	return 0;
}

static int parse(const char *text, size_t size, const char *file, struct km_settings *ret, struct error *err)
{
	struct raw_settings raw = {
		.monitor = KM_MONITOR_DEFAULT,
		.libc = KM_LIBC_DEFAULT,
		.start = "payload",
		.start_timeout_ms = KM_START_TIMEOUT_MS,
		.exceptions = "container",
		.exceptions_audit = "state",
	};
	struct arena arena = { 0 };
	struct json_reader reader = { .name = file, .arena = &arena, .err = err };
	struct json_object *object = NULL;
	int r = text ? json_document_parse(text, size, file, &object, err) : 0;

	if (r == 0 && text && !json_object_is_type(object, json_type_object))
		r = json_error(&reader, "expected an object");
	if (r == 0 && text)
		r = check_keys(&reader, object);
	if (r == 0 && text)
		r = json_read_fields(&reader, object, fields, &raw);
	if (r == 0)
		r = check_exceptions(&reader, &raw);
	if (r == 0) {
		*ret = (struct km_settings){
			.monitor = strdup(raw.monitor),
			.libc = strdup(raw.libc),
			.start_timeout_ms = raw.start_timeout_ms,
			.exceptions = policy_parse(raw.exceptions),
			.exceptions_file = raw.exceptions_file ? strdup(raw.exceptions_file) : NULL,
			.exceptions_syslog = strcmp(raw.exceptions_audit, "syslog") == 0,
		};
		km_start_parse(raw.start, &ret->start);
		if (!ret->monitor || !ret->libc || (raw.exceptions_file && !ret->exceptions_file)) {
			km_settings_done(ret);
			r = error_oom(err);
		}
	}
	json_object_put(object);
	arena_done(&arena);
	return r;
}

int km_settings_load(const char *file, struct km_settings *ret, struct error *err)
{
	auto_free char *text = NULL;
	size_t size = 0;
	int r = io_read_file(AT_FDCWD, file ? file : DEFAULT_FILE, FILE_MAX, &text, &size);

	if (r < 0 && (file || r != -ENOENT))
		return error_sys(err, r, "read host settings '%s'", file ? file : DEFAULT_FILE);
	return parse(text, size, file ? file : DEFAULT_FILE, ret, err);
}

void km_settings_done(struct km_settings *settings)
{
	free(settings->monitor);
	free(settings->libc);
	free(settings->exceptions_file);
	*settings = (struct km_settings){ 0 };
}
