/* SPDX-License-Identifier: Apache-2.0 */
#include "km/settings_value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/fields.h"
#include "km/settings_table.h"
#include "util/error.h"

const struct km_vm_name km_vm_names[KM_VM_NAMES] = {
	{ "hypervisor.path", KM_VM_PATH },
	{ "hypervisor.parameters", KM_VM_PARAMETERS },
	{ "hwConfig.memory", KM_VM_MEMORY },
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

/* A list replaces that of the layer below. */
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

int km_setting_read(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
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

json_type km_setting_type(const struct km_setting *row)
{
	static const json_type types[] = {
		[KM_FLAG] = json_type_boolean, [KM_NUMBER] = json_type_int,  [KM_WORD] = json_type_string,
		[KM_TEXT] = json_type_string,  [KM_FILE] = json_type_string, [KM_LIST] = json_type_array,
	};

	return types[row->kind];
}
