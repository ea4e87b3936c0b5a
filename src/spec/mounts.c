/* SPDX-License-Identifier: Apache-2.0 */

/* config.md "Mounts". */

#include <string.h>

#include "spec/mounts.h"
#include "spec/read.h"
#include "util/error.h"
#include "util/path.h"

static int read_options(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	struct spec_mount *mount = target;
	int r = json_read_strings(reader, value, &mount->words, arg);

	return r < 0 ? r : spec_mount_options_make(reader, mount->words, &mount->options);
}

static int read_destination(struct json_reader *reader, struct json_object *value, void *target,
			    const void *arg)
{
	struct spec_mount *mount = target;
	const char *path = json_object_get_string(value);
	/* Deprecated, but old engines send it: a relative path is read as below "/". */
	int r = spec_path_make(reader, path, &mount->destination);

	if (r == 0 && path[0] != '/')
		json_note(reader, JSON_IGNORED, "a relative path is deprecated, and read as '%s'",
			  mount->destination);
	(void)arg;
	return r;
}

static const struct json_field mount_fields[] = {
	{ "destination", json_type_string, true, 0, read_destination, NULL },
	{ "source", json_type_string, false, offsetof(struct spec_mount, source), json_read_string, NULL },
	{ "type", json_type_string, false, offsetof(struct spec_mount, type), json_read_string, NULL },
	{ "options", json_type_array, false, 0, read_options, NULL },
	{ "uidMappings", json_type_array, false, offsetof(struct spec_mount, id_maps.uids),
	  spec_read_mappings, NULL },
	{ "gidMappings", json_type_array, false, offsetof(struct spec_mount, id_maps.gids),
	  spec_read_mappings, NULL },
	{ 0 },
};

static int read_idmap(struct json_reader *reader, struct spec_mount *mount)
{
	int r;

	if (!mount->options.idmap_text)
		return 0;
	if (mount->id_maps.uids_len > 0 || mount->id_maps.gids_len > 0)
		return json_error(reader, "'%s': uidMappings and an option idmap= exclude each other",
				  mount->destination);
	r = json_enter_key(reader, "options");
	if (r == 0)
		r = spec_mount_idmap_read(reader, mount->options.idmap_text, &mount->id_maps);
	if (r == 0)
		json_leave(reader);
	return r;
}

/* Warns of options that have no effect: "readonly" (for "ro") does not make a bind mount read-only. */
static int note_unused(struct json_reader *reader, const struct spec_mount *mount)
{
	const char *what = mount->options.remount ? "remount" :
			   mount->options.bind	  ? "bind mount" :
						    mount->type;
	const char *text = NULL, *near;
	int r;

	for (size_t i = 0; mount->words && mount->words[i]; i++) {
		if (spec_mount_option_is_used(mount->words[i], mount))
			continue;
		near = spec_mount_option_near(mount->words[i]);
		text = arena_format(reader->arena, "%s%s'%s'%s%s%s", text ? text : "", text ? ", " : "",
				    mount->words[i], near ? " (did you mean '" : "", near ? near : "",
				    near ? "'?)" : "");
		if (!text)
			return error_oom(reader->err);
	}
	if (!text)
		return 0;
	r = json_enter_key(reader, "options");
	if (r < 0)
		return r;
	json_note(reader, JSON_IGNORED, "%s: without effect on a %s", text, what);
	json_leave(reader);
	return 0;
}

static int read_mount(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	struct spec_mount *mount = target;
	int r;

	(void)arg;
	mount->options.data = "";
	r = json_read_fields(reader, value, mount_fields, mount);
	if (r < 0)
		return r;
	/* The type "bind" means the same as the option, beside which engines set "none" or no type. */
	if (mount->type && strcmp(mount->type, "bind") == 0)
		mount->options.bind = true;
	if (mount->options.bind)
		mount->type = "bind";
	if (!mount->type || !*mount->type)
		return json_error(reader, "'%s': neither a type nor the option bind", mount->destination);
	if (mount->options.bind && (!mount->source || !*mount->source))
		return json_error(reader, "'%s': a bind mount needs a source", mount->destination);
	r = read_idmap(reader, mount);
	if (r < 0)
		return r;
	if ((mount->id_maps.uids_len == 0) != (mount->id_maps.gids_len == 0))
		return json_error(reader, "'%s': uidMappings and gidMappings go together",
				  mount->destination);
	if (mount->id_maps.uids_len > 0)
		mount->options.idmap = true;
	if (mount->source && !*mount->source)
		mount->source = NULL;
	return note_unused(reader, mount);
}

int spec_read_mounts(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	static const struct json_array_shape shape = {
		.size = sizeof(struct spec_mount),
		.len_offset = sizeof(struct spec_mount *),
		.type = json_type_object,
		.read = read_mount,
	};

	(void)arg;
	return json_read_array(reader, value, target, &shape);
}
