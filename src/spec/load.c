/* SPDX-License-Identifier: Apache-2.0 */

/* Reading whole documents: config.json, files of `exec`, `update` and `mounts`. */

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

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

static int check_config(struct json_reader *reader, struct spec *spec)
{
	enum { NAME_LEN_MAX = 64 }; /* __NEW_UTS_LEN */

	if (spec->hostname && !*spec->hostname)
		spec->hostname = NULL;
	if (spec->domainname && !*spec->domainname)
		spec->domainname = NULL;
	for (size_t i = 0; i < spec->mounts_len; i++)
		if (!spec_mount_idmap_resolve(&spec->mounts[i].id_maps, &spec->id_maps))
			return json_error(reader,
					  "mounts/%zu/options: idmap: a range with @ is in no mapping of the "
					  "user namespace",
					  i);
	for (size_t i = 0; i < spec->mounts_len; i++)
		if (spec->mounts[i].options.idmap && spec->mounts[i].id_maps.uids_len == 0 &&
		    !spec->namespaces[NS_USER].listed)
			return json_error(
				reader, "mounts/%zu: idmap needs mappings, its own or a user namespace's", i);
	if ((spec->hostname || spec->domainname) && !spec->namespaces[NS_UTS].listed)
		return json_error(reader, "hostname, domainname: need a uts namespace");
	if ((spec->hostname && strlen(spec->hostname) > NAME_LEN_MAX) ||
	    (spec->domainname && strlen(spec->domainname) > NAME_LEN_MAX))
		return json_error(reader, "hostname, domainname: longer than %d bytes", NAME_LEN_MAX);
	return 0;
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

/* With @findings the errors are added to them, without the document's name. */
static int parse(const char *text, size_t size, const char *name, struct document document,
		 struct json_findings *findings, struct spec **ret, struct error *err)
{
	struct spec *spec = calloc(1, sizeof(*spec));
	struct json_reader reader = { .err = err, .findings = findings };
	int r;

	if (!spec)
		return error_oom(err);
	reader.arena = &spec->arena;
	reader.warnings = &spec->warnings;
	spec->base = document.base;
	spec->document = arena_strdup(&spec->arena, name);
	r = spec->document ? json_document_parse(text, size, &spec->root, err) : error_oom(err);
	if (r == 0 && !json_object_is_type(spec->root, document.type))
		r = json_error(&reader, "expected an %s", json_type_to_name(document.type));
	if (r == 0)
		r = document.read(&reader, spec->root, spec);
	if (r < 0) {
		spec_free(spec);
		return findings ? r : json_name_document(err, name);
	}
	*ret = spec;
	return 0;
}

int spec_parse(const char *text, size_t size, const char *name, struct spec **ret, struct error *err)
{
	return parse(text, size, name, (struct document){ json_type_object, read_config, "" }, NULL, ret,
		     err);
}

int spec_validate(const char *text, size_t size, const char *name, struct json_findings *findings,
		  struct spec **ret, struct error *err)
{
	const size_t before = findings->len;
	int r;

	*ret = NULL;
	r = parse(text, size, name, (struct document){ json_type_object, read_config, "" }, findings, ret,
		  err);
	/* An error of parsing the JSON is not among the findings yet. */
	if (r < 0 && findings->len == before)
		json_findings_add_error(findings, JSON_ERROR, err);
	return findings->out_of_memory ? error_oom(err) : 0;
}

int spec_load(int dir_fd, const char *name, struct spec **ret, struct error *err)
{
	auto_free char *text = NULL;
	size_t size;
	int r = io_read_regular(dir_fd, name, DOCUMENT_MAX, &text, &size);

	if (r < 0)
		return error_sys(err, r, "read '%s'", name);
	return spec_parse(text, size, name, ret, err);
}

int spec_load_process(const char *path, struct spec **ret, struct error *err)
{
	auto_free char *text = NULL;
	size_t size;
	int r = io_read_file(AT_FDCWD, path, DOCUMENT_MAX, &text, &size);

	if (r < 0)
		return error_sys(err, r, "read process file '%s'", path);
	return parse(text, size, path, (struct document){ json_type_object, read_process_file, "/process" },
		     NULL, ret, err);
}

int spec_parse_resources(const char *text, size_t size, const char *name, struct spec **ret,
			 struct error *err)
{
	struct json_object *whole;
	int r = parse(text, size, name,
		      (struct document){ json_type_object, read_resources_file, "/linux/resources" }, NULL,
		      ret, err);

	if (r < 0)
		return r;
	/* The same form as from spec_parse_update(), for spec_merge_resources(). */
	whole = json_object_new_object();
	if (!whole || json_object_object_add(whole, "resources", (*ret)->root) < 0) {
		json_object_put(whole);
		spec_free(*ret);
		return error_oom(err);
	}
	(*ret)->root = whole;
	return 0;
}

int spec_parse_update(const char *text, size_t size, const char *name, struct spec **ret, struct error *err)
{
	return parse(text, size, name, (struct document){ json_type_object, read_update, "/linux" }, NULL,
		     ret, err);
}

int spec_parse_mounts(const char *text, size_t size, const char *name, struct spec **ret, struct error *err)
{
	return parse(text, size, name, (struct document){ json_type_array, read_mounts_file, "/mounts" },
		     NULL, ret, err);
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

const char *spec_annotation(const struct spec *spec, const char *key)
{
	for (size_t i = 0; i < spec->annotations_len; i++)
		if (!spec->annotations[i].refused && strcmp(spec->annotations[i].key, key) == 0)
			return spec->annotations[i].value;
	return NULL;
}
