/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Inside km/: one value of a setting, whichever layer it stands in; and what the vm section of a config.json may set. */

#include <stdint.h>

#include "json/fields.h"
#include "km/settings.h"
#include "km/settings_table.h"

/* What readers write to. */
struct layering {
	struct km_settings *settings;
	enum km_layer layer;
};

/* A json_read function: target: struct layering, arg: the row. */
int km_setting_read(struct json_reader *reader, struct json_object *value, void *target, const void *arg);
/* What a value of it has to be. */
json_type km_setting_type(const struct km_setting *row);

/* Words of "allowVm", and their bits in km_settings.vm_allowed. */
enum { KM_VM_NAMES = 3 };
extern const struct km_vm_name {
	const char *name;
	unsigned int bit;
} km_vm_names[KM_VM_NAMES];

/* settings_host.c: the built-in ones. @file: what .file is to be; NULL: the default. */
int km_settings_make_defaults(const char *file, struct km_settings *ret, struct error *err);
/* As km_settings_load(); with @findings errors go there, and what could be read is in @ret. */
int km_settings_read(const char *file, struct json_findings *findings, struct km_settings *ret,
		     struct error *err);
/* settings_layers.c: what excludes each other, once all layers are there. */
int km_settings_check_whole(const struct km_settings *settings, struct error *err);
