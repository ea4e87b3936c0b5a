/* SPDX-License-Identifier: Apache-2.0 */

/* Settings as texts, for people and for later commands. */

#include "km/settings.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "json/make.h"
#include "km/settings_table.h"
#include "km/settings_value.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/error.h"

static char *list_text(const struct strv *list)
{
	struct json_maker maker = { 0 };
	auto_json array = json_make_array(&maker);

	json_append_texts(&maker, array, (const char *const *)list->items);
	return json_make_text(&maker, array, JSON_COMPACT);
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
	for (size_t i = 0; i < ARRAY_LEN(km_vm_names); i++) {
		if (!(settings->vm_allowed & km_vm_names[i].bit))
			continue;
		if (strv_add(ret, km_vm_names[i].name) < 0) {
			strv_done(ret);
			return error_oom(err);
		}
	}
	return 0;
}

int km_settings_differing(const struct km_settings *settings, struct strv *ret, struct error *err)
{
	struct km_settings defaults;
	int r = km_settings_make_defaults(NULL, &defaults, err);

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
