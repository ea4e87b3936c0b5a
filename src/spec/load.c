/* SPDX-License-Identifier: Apache-2.0 */

/* Reading whole documents: config.json, files of `exec`, `update` and `mounts`. */

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "json/locate.h"
#include "json/make.h"
#include "json/parse.h"
#include "spec/place.h"
#include "spec/read.h"
#include "spec/spec.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"
#include "util/log.h"
#include "util/path.h"

enum { DOCUMENT_MAX = 64 * 1024 * 1024 };

/* ---- config.json --------------------------------------------------------------------------- */

/*
 * Accepts any 1.x.y, also with a suffix ("1.0.2-dev"): minor versions only add properties (config.md
 * "Specification version").
 */
static int read_version(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	const char *version = json_object_get_string(value);
	const char *rest = version;

	(void)arg;
	for (int part = 0; part < 3; part++) {
		if (!isdigit((unsigned char)*rest))
			return json_error(reader, "'%s' is not a version", version);
		rest += strspn(rest, "0123456789");
		if (part < 2 && *rest++ != '.')
			return json_error(reader, "'%s' is not a version", version);
	}
	if (*rest && *rest != '-' && *rest != '+')
		return json_error(reader, "'%s' is not a version", version);
	if (strncmp(version, "1.", 2) != 0)
		return json_error(reader, "version '%s' is not supported, 1.x.y is", version);
	*(const char **)target = version;
	return 0;
}

static int read_rootfs(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	char *path = arena_strdup(reader->arena, json_object_get_string(value));

	(void)arg;
	if (!path)
		return error_oom(reader->err);
	if (!*path)
		return json_error(reader, "empty");
	path_normalize(path);
	*(const char **)target = path;
	return 0;
}

#define SPEC(member) offsetof(struct spec, member)

static const struct json_field root_fields[] = {
	{ "path", json_type_string, true, SPEC(rootfs), read_rootfs, NULL },
	{ "readonly", json_type_boolean, false, SPEC(rootfs_readonly), json_read_bool, NULL },
	{ 0 },
};

static const struct json_field config_fields[] = {
	{ "ociVersion", json_type_string, true, SPEC(oci_version), read_version, NULL },
	{ "root", json_type_object, true, 0, json_read_object, root_fields },
	{ "hostname", json_type_string, false, SPEC(hostname), json_read_string, NULL },
	{ "domainname", json_type_string, false, SPEC(domainname), json_read_string, NULL },
	{ "process", json_type_object, false, SPEC(process), spec_read_process, NULL },
	{ "mounts", json_type_array, false, SPEC(mounts), spec_read_mounts, NULL },
	{ "hooks", json_type_object, false, SPEC(hooks), spec_read_hooks, NULL },
	{ "annotations", json_type_object, false, SPEC(annotations), spec_read_pairs, NULL },
	{ "linux", json_type_object, true, 0, spec_read_linux, NULL },
	{ "vm", json_type_object, false, SPEC(vm), spec_read_vm, NULL },
	{ "windows", json_type_object, false, 0, spec_read_foreign, NULL },
	{ "solaris", json_type_object, false, 0, spec_read_foreign, NULL },
	{ "zos", json_type_object, false, 0, spec_read_foreign, NULL },
	{ "freebsd", json_type_object, false, 0, spec_read_foreign, NULL },
	{ 0 },
};

/* An error at "/KEY", or "/mounts/INDEX/options". */
static int error_of(struct json_reader *reader, const char *key, size_t index, const char *text)
{
	const bool mount = strcmp(key, "mounts") == 0;
	const size_t depth = reader->depth;
	int r = json_enter_key(reader, key);

	if (r == 0 && mount)
		r = json_enter_index(reader, index);
	if (r == 0 && mount)
		r = json_enter_key(reader, "options");
	if (r == 0)
		r = json_error(reader, "%s", text);
	reader->depth = depth;
	return r;
}

static int check_idmaps(struct json_reader *reader, struct spec *spec)
{
	int r = 0;

	for (size_t i = 0; i < spec->mounts_len; i++) {
		struct spec_mount *mount = &spec->mounts[i];

		if (!spec_mount_idmap_resolve(&mount->id_maps, &spec->id_maps))
			r = error_of(reader, "mounts", i,
				     "idmap: a range with @ is in no mapping of the user namespace");
		else if (mount->options.idmap && mount->id_maps.uids_len == 0 &&
			 !spec->namespaces[NS_USER].listed)
			r = error_of(reader, "mounts", i,
				     "idmap needs mappings, its own or a user namespace's");
		if (r < 0 && !reader->findings)
			return r;
	}
	return r;
}

static int check_name(struct json_reader *reader, const struct spec *spec, const char *key, const char **name)
{
	enum { NAME_LEN_MAX = 64 }; /* __NEW_UTS_LEN */

	if (*name && !**name)
		*name = NULL;
	if (!*name)
		return 0;
	if (!spec->namespaces[NS_UTS].listed)
		return error_of(reader, key, 0, "needs a uts namespace");
	return strlen(*name) > NAME_LEN_MAX ? error_of(reader, key, 0, "longer than 64 bytes") : 0;
}

static int check_config(struct json_reader *reader, struct spec *spec)
{
	int r = check_idmaps(reader, spec), next;

	if (r < 0 && !reader->findings)
		return r;
	next = check_name(reader, spec, "hostname", &spec->hostname);
	r = r < 0 ? r : next;
	if (r < 0 && !reader->findings)
		return r;
	next = check_name(reader, spec, "domainname", &spec->domainname);
	return r < 0 ? r : next;
}

/* ---- documents ----------------------------------------------------------------------------- */

struct document {
	json_type type;
	int (*read)(struct json_reader *reader, struct json_object *root, struct spec *spec);
	const char *base; /* as .base of struct spec */
};

static int read_config(struct json_reader *reader, struct json_object *root, struct spec *spec)
{
	int r = json_read_fields(reader, root, config_fields, spec);

	return r < 0 ? r : check_config(reader, spec);
}

static int read_process_file(struct json_reader *reader, struct json_object *root, struct spec *spec)
{
	return spec_read_process(reader, root, &spec->process, NULL);
}

static int read_resources_file(struct json_reader *reader, struct json_object *root, struct spec *spec)
{
	/* An unknown key asks for a change that krun does not make. */
	reader->tell_unknown = true;
	return spec_read_resources(reader, root, &spec->resources, NULL);
}

static int read_update(struct json_reader *reader, struct json_object *root, struct spec *spec)
{
	static const struct json_field fields[] = {
		{ "resources", json_type_object, false, SPEC(resources), spec_read_resources, NULL },
		{ "intelRdt", json_type_object, false, SPEC(rdt), spec_read_rdt, NULL },
		{ 0 },
	};

	return json_read_fields(reader, root, fields, spec);
}

static int read_mounts_file(struct json_reader *reader, struct json_object *root, struct spec *spec)
{
	return spec_read_mounts(reader, root, &spec->mounts, NULL);
}

static const struct document config_document = { json_type_object, read_config, "" };
static const struct document process_document = { json_type_object, read_process_file, "/process" };

/* Takes over @root. With @findings the errors are added to them. They do not have the document's name. */
static int read_document(struct json_object *root, const char *name, struct document document,
			 struct json_findings *findings, struct spec **ret, struct error *err)
{
	struct spec *spec = calloc(1, sizeof(*spec));
	struct json_reader reader = { .err = err, .findings = findings };
	int r;

	if (!spec) {
		json_object_put(root);
		return error_oom(err);
	}
	reader.arena = &spec->arena;
	reader.warnings = &spec->warnings;
	spec->root = root;
	spec->base = document.base;
	spec->document = arena_strdup(&spec->arena, name);
	r = spec->document ? 0 : error_oom(err);
	if (r == 0 && !json_object_is_type(root, document.type))
		r = json_error(&reader, "expected an %s", json_type_to_name(document.type));
	if (r == 0)
		r = document.read(&reader, root, spec);
	if (r == 0 && spec_places_make(spec) < 0)
		r = error_oom(err);
	if (r == 0 && spec->warnings.out_of_memory)
		r = error_oom(err);
	if (r < 0) {
		spec_free(spec);
		return r;
	}
	*ret = spec;
	return 0;
}

int spec_read_config(struct json_object *root, const char *name, struct json_findings *findings,
		     struct spec **ret, struct error *err)
{
	return read_document(root, name, config_document, findings, ret, err);
}

/* @old: the document may be of an earlier version of krun, for which a key could be there twice. */
static int parse(const char *text, size_t size, const char *name, struct document document, bool old,
		 struct spec **ret, struct error *err)
{
	struct json_findings twice = { 0 };
	struct json_object *root;
	int r = old ? json_document_check(text, size, &twice, &root, err) :
		      json_document_parse(text, size, &root, err);

	json_findings_done(&twice);
	if (r == 0)
		r = read_document(root, name, document, NULL, ret, err);
	return r < 0 ? json_name_document(err, name) : 0;
}

int spec_parse(const char *text, size_t size, const char *name, struct spec **ret, struct error *err)
{
	return parse(text, size, name, config_document, false, ret, err);
}

int spec_load(int dir_fd, const char *name, struct spec **ret, struct error *err)
{
	auto_free char *text = NULL;
	size_t size;
	int r = io_read_regular(dir_fd, name, DOCUMENT_MAX, &text, &size);

	if (r < 0)
		return error_sys(err, r, "read '%s'", name);
	return parse(text, size, name, config_document, true, ret, err);
}

int spec_load_process_only(int dir_fd, const char *name, struct spec **ret, struct error *err)
{
	auto_free char *text = NULL;
	const char *process;
	size_t size, len;
	int r = io_read_regular(dir_fd, name, DOCUMENT_MAX, &text, &size);

	if (r < 0)
		return error_sys(err, r, "read '%s'", name);
	if (!json_locate_value(text, size, "/process", &process, &len))
		return error_set(err, -EINVAL, "%s: no process", name);
	return parse(process, len, name, process_document, true, ret, err);
}

int spec_load_process(const char *path, struct spec **ret, struct error *err)
{
	auto_free char *text = NULL;
	size_t size;
	int r = io_read_file(AT_FDCWD, path, DOCUMENT_MAX, &text, &size);

	if (r < 0)
		return error_sys(err, r, "read process file '%s'", path);
	return parse(text, size, path, process_document, false, ret, err);
}

int spec_parse_resources(const char *text, size_t size, const char *name, struct spec **ret,
			 struct error *err)
{
	struct json_maker maker = { 0 };
	struct json_object *whole;
	int r = parse(text, size, name,
		      (struct document){ json_type_object, read_resources_file, "/linux/resources" }, false,
		      ret, err);

	if (r < 0)
		return r;
	/* The same form as from spec_parse_update(), for spec_merge_resources(). */
	whole = json_make_object(&maker);
	json_put(&maker, whole, "resources", (*ret)->root);
	(*ret)->root = whole;
	if (!maker.failed)
		return 0;
	spec_free(*ret);
	*ret = NULL;
	return error_oom(err);
}

int spec_parse_update(const char *text, size_t size, const char *name, struct spec **ret, struct error *err)
{
	return parse(text, size, name, (struct document){ json_type_object, read_update, "/linux" }, false,
		     ret, err);
}

int spec_parse_mounts(const char *text, size_t size, const char *name, struct spec **ret, struct error *err)
{
	return parse(text, size, name, (struct document){ json_type_array, read_mounts_file, "/mounts" },
		     false, ret, err);
}

int spec_name_document(const struct spec *spec, struct error *err)
{
	return error_rebase(err, spec->base) ? error_document(err, spec->document) : err->code;
}

void spec_warn(const struct spec *spec)
{
	json_findings_warn(&spec->warnings, spec->document, "");
}

void spec_free(struct spec *spec)
{
	if (!spec)
		return;
	arena_done(&spec->arena);
	json_findings_done(&spec->warnings);
	json_object_put(spec->root);
	free(spec);
}

void spec_keep(struct spec *spec)
{
	/* Still referenced, so that nobody who looks for leaks finds one. */
	static struct spec *kept;

	if (!spec)
		return;
	spec->kept_before = kept;
	kept = spec;
}

const char *spec_annotation(const struct spec *spec, const char *key)
{
	for (size_t i = 0; i < spec->annotations_len; i++)
		if (!spec->annotations[i].refused && strcmp(spec->annotations[i].key, key) == 0)
			return spec->annotations[i].value;
	return NULL;
}
