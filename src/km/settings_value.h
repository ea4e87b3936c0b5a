/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * For the files of km/ alone: reads one value of a setting, in whichever layer it stands, and has the names
 * of the members of "vm" in config.json.
 */

#include <stdint.h>

#include "json/fields.h"
#include "km/settings.h"
#include "km/settings_table.h"

/* The target of a json_read function: settings, and the layer that is being read. */
struct layering {
	struct km_settings *settings;
	enum km_layer layer;
};

/* The words of "allowVm", and their bits in km_settings.vm_allowed. */
enum { KM_VM_NAMES = 3 };
extern const struct km_vm_name {
	const char *name;
	unsigned int bit;
} km_vm_names[KM_VM_NAMES];

/* A json_read function. @target: struct layering; @arg: struct km_setting. */
int km_setting_read(struct json_reader *reader, struct json_object *value, void *target, const void *arg);
/* The JSON type that a value of @row must have. */
json_type km_setting_type(const struct km_setting *row);

/* ---- settings_host.c ----------------------------------------------------------------------------------- */

/*
 * Fills *ret with the built-in defaults, and ret->file with @file; NULL: KM_SETTINGS_FILE.
 * Only memory can be short.
 */
int km_settings_make_defaults(const char *file, struct km_settings *ret, struct error *err);
/*
 * As km_settings_load(). With @findings, errors in the file's content are added there instead, and *ret has
 * the settings that could be read.
 */
int km_settings_read(const char *file, struct json_findings *findings, struct km_settings *ret,
		     struct error *err);

/* ---- settings_layers.c --------------------------------------------------------------------------------- */

/* After the last layer: -EINVAL for settings that exclude each other. */
int km_settings_check_whole(const struct km_settings *settings, struct error *err);
