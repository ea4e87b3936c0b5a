/* SPDX-License-Identifier: Apache-2.0 */

/* The host's layer of settings: krun.json. */

#include "km/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "json/fields.h"
#include "json/parse.h"
#include "km/km.h"
#include "km/settings_table.h"
#include "km/settings_value.h"
#include "krun/files.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"
#include "util/log.h"

enum { FILE_MAX = 1024 * 1024, GDB_PORT = 2159, FIELDS_MAX = KM_KEY_COUNT + 3, NOBODY = 65534 };

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

static int read_vm_allowed(struct json_reader *reader, struct json_object *value, void *target,
			   const void *arg)
{
	const struct layering *layering = target;
	char **names = NULL;
	int r = json_read_strings(reader, value, &names, NULL);

	(void)arg;
	for (size_t i = 0; r == 0 && names[i]; i++) {
		size_t j = 0;

		while (j < ARRAY_LEN(km_vm_names) && strcmp(km_vm_names[j].name, names[i]) != 0)
			j++;
		if (j < ARRAY_LEN(km_vm_names)) {
			layering->settings->vm_allowed |= km_vm_names[j].bit;
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
						   .type = km_setting_type(&km_settings_table[len]),
						   .read = km_setting_read,
						   .arg = &km_settings_table[len] };
	fields[len++] = (struct json_field){ .key = "allowAnnotations",
					     .type = json_type_array,
					     .read = read_allowed };
	fields[len++] =
		(struct json_field){ .key = "allowVm", .type = json_type_array, .read = read_vm_allowed };
	fields[len] = (struct json_field){ 0 };
}

/* Refuses a file that is named but not in force: that it is not read would go unnoticed. */
static int check_exceptions(struct json_reader *reader, const struct km_settings *settings)
{
	const bool on_host = settings->exceptions == KM_EXCEPTIONS_HOST;

	if (on_host == (settings->exceptions_file != NULL))
		return 0;
	return json_error(reader, on_host ? "\"exceptions\": \"host\" needs \"exceptionsFile\"" :
					    "\"exceptionsFile\" is for \"exceptions\": \"host\"");
}

/* Stricter than for other documents: refuses null as a value. */
static int check_members(struct json_reader *reader, struct json_object *object)
{
	int r = 0;

	json_object_object_foreach(object, key, value)
	{
		if (value || r < 0)
			continue;
		r = json_enter_key(reader, key);
		if (r == 0)
			r = json_error(reader, "null is not a value: leave the setting out for its default");
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
	int r = findings ? json_document_check(text, size, findings, &object, err) :
			   json_document_parse(text, size, &object, err);

	make_fields(fields);
	if (r == 0 && !json_object_is_type(object, json_type_object))
		r = json_error(&reader, "expected an object");
	if (r == 0)
		r = check_members(&reader, object);
	if (r == 0)
		r = json_read_fields(&reader, object, fields, &layering);
	if (r == 0)
		r = check_exceptions(&reader, settings);
	json_object_put(object);
	arena_done(&arena);
	return r;
}

int km_settings_make_defaults(const char *file, struct km_settings *ret, struct error *err)
{
	*ret = (struct km_settings){
		.monitor = strdup(KM_MONITOR_DEFAULT),
		.libc = strdup(KM_LIBC_DEFAULT),
		.start_timeout_ms = KM_START_TIMEOUT_MS,
		.pages_1g = true,
		.gdb_port = GDB_PORT,
		.debug_level = LOG_LEVEL_DEBUG,
		.management = true,
		.file = strdup(file ? file : KM_SETTINGS_FILE),
	};
	if (ret->monitor && ret->libc && ret->file)
		return 0;
	km_settings_done(ret);
	return error_oom(err);
}

/*
 * Whoever can write the file chooses what krun executes. User 65534 is accepted, because in a user
 * namespace that is the owner of every file whose owner is not mapped.
 */
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
			"host settings '%s': others than the owner may write this file, and can so choose "
			"what krun runs",
			file);
	if (st.st_uid != 0 && st.st_uid != geteuid() && st.st_uid != NOBODY)
		return error_set(err, -EPERM,
				 "host settings '%s': belongs to user %u, who can so choose what krun runs",
				 file, st.st_uid);
	return 0;
}

/* *ret_text stays NULL if the default file does not exist. */
static int read_file(const char *file, bool wanted, char **ret_text, size_t *ret_size, struct error *err)
{
	auto_close int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	int r;

	/* A dangling symlink is not the absence of settings. */
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

int km_settings_read(const char *file, struct json_findings *findings, struct km_settings *ret,
		     struct error *err)
{
	auto_free char *text = NULL;
	size_t size = 0;
	bool readable;
	int r = km_settings_make_defaults(file, ret, err);

	if (r < 0)
		return r;
	r = read_file(ret->file, file != NULL, &text, &size, err);
	if (r == 0 && text)
		r = read_host(text, size, ret, findings, err);
	else if (r == 0 && !findings)
		return 0;
	if (r < 0 && !findings && text) {
		json_name_document(err, ret->file);
		error_prefix(err, "host settings");
	}
	readable = r == 0 || (findings && text);
	if (findings)
		json_findings_of(findings, ret->file, take_pointer(text), size);
	/* With findings the caller goes on with what could be read. */
	if (!readable)
		km_settings_done(ret);
	return readable ? 0 : r;
}

int km_settings_load(const char *file, struct km_settings *ret, struct error *err)
{
	return km_settings_read(file, NULL, ret, err);
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
