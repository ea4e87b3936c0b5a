/* SPDX-License-Identifier: Apache-2.0 */

/*
 * containerd's CRI plugin. The name of its table depends on the version of the configuration. containerd 2
 * merges the tables of imported files with those of the main file; containerd 1 takes all of a plugin's table
 * from the last file that has anything of it, so that a file of krun's own would hide what the main file
 * says. Therefore krun makes a file of its own only for version 3, which containerd 1 does not know, and
 * otherwise writes to the file that has the plugin's table.
 */

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "install/plan.h"
#include "install/text.h"
#include "util/cleanup.h"
#include "util/error.h"

#define MAIN_FILE "/etc/containerd/config.toml"
#define CRI_2 "io.containerd.grpc.v1.cri"
#define CRI_3 "io.containerd.cri.v1.runtime"

enum { KEYS_MAX = 8 };

struct containerd {
	struct planner *planner;
	const char *plugin;
	struct strv files; /* that exist: the main one, and those that it imports, in containerd's order */
	char *own;	   /* where a file of krun's own would be imported; NULL: nowhere */
};

/* Makes the path of a key below the table of the runtime @name, or of the plugin's containerd. */
static void make_key(const struct containerd *containerd, const char *name, const char *const *rest,
		     const char *ret[KEYS_MAX])
{
	size_t len = 0;

	ret[len++] = "plugins";
	ret[len++] = containerd->plugin;
	ret[len++] = "containerd";
	if (name) {
		ret[len++] = "runtimes";
		ret[len++] = name;
	}
	for (; *rest; rest++)
		ret[len++] = *rest;
	ret[len] = NULL;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* Adds the files that a pattern of `imports` matches, and sees whether one of krun's own would be one. */
static int add_import(struct containerd *containerd, const char *pattern, struct error *err)
{
	const struct install_request *request = containerd->planner->request;
	const struct install_host *host = containerd->planner->host;
	auto_free char *full = NULL, *name = NULL;
	struct strv names = { 0 };
	char *slash;
	int r;

	if (asprintf(&full, "%s%s", pattern[0] == '/' ? "" : "/etc/containerd/", pattern) < 0 ||
	    asprintf(&name, "50-%s.toml", request->name) < 0)
		return error_oom(err);
	slash = strrchr(full, '/');
	*slash++ = '\0';
	/* A pattern among the directories is none that krun looks through. */
	if (strpbrk(full, "*?["))
		return 0;
	if (!containerd->own && strpbrk(slash, "*?[") && fnmatch(slash, name, 0) == 0 &&
	    asprintf(&containerd->own, "%s/%s", full, name) < 0) {
		containerd->own = NULL;
		return error_oom(err);
	}
	r = host->list(host->context, full, &names, err);
	r = r < 0 ? r : 0;
	for (size_t i = 0; r == 0 && i < names.len; i++) {
		if (fnmatch(slash, names.items[i], 0) == 0 &&
		    strv_add_format(&containerd->files, "%s/%s", full, names.items[i]) < 0)
			r = error_oom(err);
	}
	strv_done(&names);
	return r;
}

static int read_imports(struct containerd *containerd, struct install_change *main_file, struct error *err)
{
	static const char *const key[] = { "imports", NULL };
	struct strv patterns = { 0 };
	int r = strv_add(&containerd->files, MAIN_FILE) < 0 ? error_oom(err) : 0;

	if (r == 0)
		r = plan_toml_list(main_file, key, &patterns, NULL, err);
	for (size_t i = 0; r >= 0 && i < patterns.len; i++)
		r = add_import(containerd, patterns.items[i], err);
	strv_done(&patterns);
	return r < 0 ? r : 0;
}

/* Sets .plugin by the version of the main file. */
static int read_version(struct containerd *containerd, const struct install_change *main_file,
			struct error *err)
{
	static const char *const key[] = { "version", NULL };
	const struct toml_entry *entry;
	struct toml toml;
	int r = toml_parse(MAIN_FILE, main_file->after ? main_file->after : "", &toml, err);

	containerd->plugin = CRI_2;
	if (r < 0)
		return r;
	entry = toml_find(&toml, key, false, NULL);
	if (entry && !toml_is_word(main_file->after, entry, "1")) {
		if (!toml_is_word(main_file->after, entry, "2"))
			containerd->plugin = CRI_3;
	} else if (toml.len > 0) {
		r = text_error(err, -EINVAL, MAIN_FILE, main_file->after, (entry ? entry : toml.entries)->at,
			       "this configuration is of version 1, in which krun cannot be registered; "
			       "'containerd config migrate' makes one of a later version");
	}
	toml_done(&toml);
	return r;
}

/* A CRI plugin that is switched off would ignore what krun writes. */
static int check_enabled(const struct install_change *main_file, struct error *err)
{
	static const char *const key[] = { "disabled_plugins", NULL };
	struct strv names = { 0 };
	size_t at = 0;
	int r = plan_toml_list(main_file, key, &names, &at, err);

	for (size_t i = 0; r > 0 && i < names.len; i++)
		if (strcmp(names.items[i], "cri") == 0 || strcmp(names.items[i], CRI_2) == 0 ||
		    strcmp(names.items[i], CRI_3) == 0)
			r = text_error(err, -EINVAL, MAIN_FILE, main_file->after, at,
				       "the CRI plugin is disabled here; remove it from the list first (ctr "
				       "and nerdctl need no registration: --runc-binary, --runtime)");
	strv_done(&names);
	return r < 0 ? r : 0;
}

static int open_files(struct containerd *containerd, bool removing, struct error *err)
{
	struct install_change *main_file;
	int r = plan_file(containerd->planner, MAIN_FILE, &main_file, err);

	/* Where the plugin is switched off krun may be registered nevertheless, and removed. */
	if (r == 0 && !removing)
		r = check_enabled(main_file, err);
	if (r == 0)
		r = read_version(containerd, main_file, err);
	if (r == 0)
		r = read_imports(containerd, main_file, err);
	return r;
}

static void close_files(struct containerd *containerd)
{
	strv_done(&containerd->files);
	free(containerd->own);
}

/* ---- adding ---------------------------------------------------------------------------------- */

/* Looks in all files for a runtime's key. Returns 1, 0 or a negative errno. *ret_file: which has it. */
static int find_key(struct containerd *containerd, const char *name, const char *const *rest,
		    char **ret_value, const char **ret_file, struct error *err)
{
	const char *key[KEYS_MAX];
	int r = 0;

	make_key(containerd, name, rest, key);
	for (size_t i = 0; r == 0 && i < containerd->files.len; i++) {
		struct install_change *change;

		r = plan_file(containerd->planner, containerd->files.items[i], &change, err);
		if (r == 0)
			r = plan_toml_get(change, key, ret_value, NULL, err);
		if (r > 0 && ret_file)
			*ret_file = containerd->files.items[i];
	}
	return r;
}

/* Fails when the name is another program's. *ret_file: the file that has krun already, or NULL. */
static int check_program(struct containerd *containerd, const char **ret_file, struct error *err)
{
	static const char *const binary[] = { "options", "BinaryName", NULL };
	const char *key[KEYS_MAX];
	int r = 0;

	*ret_file = NULL;
	make_key(containerd, containerd->planner->request->name, binary, key);
	for (size_t i = 0; r == 0 && i < containerd->files.len; i++) {
		struct install_change *change;
		bool found = false;

		r = plan_file(containerd->planner, containerd->files.items[i], &change, err);
		if (r == 0)
			r = plan_toml_check_program(containerd->planner, change, key, false, &found, err);
		if (found)
			*ret_file = containerd->files.items[i];
	}
	return r;
}

static int has_plugin(struct containerd *containerd, const char *file, struct error *err)
{
	struct install_change *change;
	struct toml toml;
	bool found = false;
	int r = plan_file(containerd->planner, file, &change, err);

	if (r < 0 || !change->after)
		return r;
	r = toml_parse(file, change->after, &toml, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < toml.len; i++)
		found = found || (toml.entries[i].path.len > 1 &&
				  strcmp(toml.entries[i].path.items[1], containerd->plugin) == 0);
	toml_done(&toml);
	return found;
}

/* Chooses the file: a new one where that is merged, or the last one that has the plugin's table. */
static int choose_file(struct containerd *containerd, const char **ret, struct error *err)
{
	*ret = containerd->files.items[0];
	if (containerd->own && strcmp(containerd->plugin, CRI_3) == 0) {
		*ret = containerd->own;
		return 0;
	}
	for (size_t i = 1; i < containerd->files.len; i++) {
		int r = has_plugin(containerd, containerd->files.items[i], err);

		if (r < 0)
			return r;
		if (r > 0)
			*ret = containerd->files.items[i];
	}
	return 0;
}

static int set_key(struct containerd *containerd, struct install_change *change, const char *name,
		   const char *const *rest, const char *value, bool raw, struct error *err)
{
	const char *key[KEYS_MAX];

	make_key(containerd, name, rest, key);
	return raw ? plan_toml_set_raw(change, key, value, err) : plan_toml_set(change, key, value, err);
}

/* True: runc, whose cgroups the kubelet expects where krun's are, has them from systemd. */
static int wants_systemd(struct containerd *containerd, bool *ret, struct error *err)
{
	static const char *const rest[] = { "options", "SystemdCgroup", NULL };
	const char *key[KEYS_MAX];
	int r = 0;

	*ret = false;
	make_key(containerd, "runc", rest, key);
	for (size_t i = 0; r == 0 && i < containerd->files.len; i++) {
		const struct toml_entry *entry;
		struct install_change *change;
		struct toml toml;

		r = plan_file(containerd->planner, containerd->files.items[i], &change, err);
		if (r == 0)
			r = toml_parse(change->path, change->after ? change->after : "", &toml, err);
		if (r < 0)
			return r;
		entry = toml_find(&toml, key, false, NULL);
		if (entry)
			*ret = toml_is_word(change->after, entry, "true");
		toml_done(&toml);
	}
	return r;
}

static int set_runtime(struct containerd *containerd, struct install_change *change, struct error *err)
{
	static const char *const type[] = { "runtime_type", NULL }, *const binary[] = { "options",
											"BinaryName", NULL };
	static const char *const systemd[] = { "options", "SystemdCgroup", NULL };
	const struct install_request *request = containerd->planner->request;
	auto_free char *have = NULL;
	bool with_systemd;
	int r = wants_systemd(containerd, &with_systemd, err);

	/*
	 * containerd 1 forgets its own runtime, which stays the default, when the file has the table of any
	 * other.
	 */
	if (r == 0 && strcmp(containerd->plugin, CRI_2) == 0)
		r = find_key(containerd, "runc", type, &have, NULL, err);
	if (r == 0 && strcmp(containerd->plugin, CRI_2) == 0)
		r = set_key(containerd, change, "runc", type, "io.containerd.runc.v2", false, err);
	if (r >= 0)
		r = set_key(containerd, change, request->name, type, "io.containerd.runc.v2", false, err);
	if (r == 0)
		r = set_key(containerd, change, request->name, binary, request->program, false, err);
	if (r == 0 && with_systemd)
		r = set_key(containerd, change, request->name, systemd, "true", true, err);
	return r;
}

/* A new file says its version. */
static int begin_file(struct containerd *containerd, const char *path, struct install_change **ret,
		      struct error *err)
{
	static const char *const version[] = { "version", NULL };
	struct toml toml;
	bool empty;
	int r = plan_toml_begin(containerd->planner, path, ret, err);

	if (r == 0)
		r = toml_parse(path, (*ret)->after, &toml, err);
	if (r < 0)
		return r;
	empty = toml.len == 0;
	toml_done(&toml);
	if (!empty)
		return 0;
	/* The key is put at the beginning of the text, where the comment would follow it. */
	if (strcmp((*ret)->after, plan_header) == 0) {
		const char *line = strcmp(containerd->plugin, CRI_2) == 0 ? "version = 2\n" : "version = 3\n";
		const size_t at = strlen(plan_header);

		return text_splice(&(*ret)->after, at, at, line, strlen(line)) < 0 ? error_oom(err) : 0;
	}
	return plan_toml_set_raw(*ret, version, strcmp(containerd->plugin, CRI_2) == 0 ? "2" : "3", err);
}

static int set_default(struct containerd *containerd, struct install_change *change, struct error *err)
{
	static const char *const rest[] = { "default_runtime_name", NULL };
	const char *name = containerd->planner->request->name, *key[KEYS_MAX];
	auto_free char *have = NULL;
	int r;

	make_key(containerd, NULL, rest, key);
	r = plan_toml_get(change, key, &have, NULL, err);
	if (r < 0 || (have && strcmp(have, name) == 0))
		return r < 0 ? r : 0;
	return set_key(containerd, change, NULL, rest, name, false, err);
}

static int add(struct planner *planner, struct error *err)
{
	struct containerd containerd = { .planner = planner };
	struct install_change *change;
	const char *have = NULL, *file = NULL;
	int r = open_files(&containerd, false, err);

	if (r == 0)
		r = check_program(&containerd, &have, err);
	if (r == 0)
		r = choose_file(&containerd, &file, err);
	if (r == 0)
		r = begin_file(&containerd, have ? have : file, &change, err);
	if (r == 0 && !have)
		r = set_runtime(&containerd, change, err);
	if (r == 0)
		r = plan_file(planner, have ? have : file, &change, err);
	if (r == 0 && planner->request->make_default)
		r = set_default(&containerd, change, err);
	close_files(&containerd);
	return r < 0 ? r : plan_trust_sandbox(planner, err);
}

/* ---- removing -------------------------------------------------------------------------------- */

/* The default is what it was before, if that is known, or containerd's own. */
static int reset_default(struct containerd *containerd, struct install_change *change, const char *before,
			 struct error *err)
{
	static const char *const rest[] = { "default_runtime_name", NULL };
	const struct install_change old = { .path = change->path, .after = (char *)before };
	const char *key[KEYS_MAX];
	auto_free char *have = NULL, *had = NULL;
	int r;

	make_key(containerd, NULL, rest, key);
	r = plan_toml_get(change, key, &have, NULL, err);
	if (r <= 0 || !have || strcmp(have, containerd->planner->request->name) != 0)
		return r < 0 ? r : 0;
	r = plan_toml_get(&old, key, &had, NULL, err);
	if (r > 0 && had && strcmp(had, have) != 0)
		return plan_toml_set(change, key, had, err);
	if (r >= 0)
		r = plan_toml_remove(change, key, false, err);
	key[3] = NULL;
	return r < 0 ? r : plan_toml_remove_empty(change, key, err);
}

/* Returns whether the text has a table of its own for the runtime; NULL: no text. */
static int has_table(const struct install_change *change, const char *const *key, struct error *err)
{
	struct toml toml;
	int r = toml_parse(change->path, change->after ? change->after : "", &toml, err);

	if (r < 0)
		return r;
	r = toml_find(&toml, key, true, NULL) != NULL;
	toml_done(&toml);
	return r;
}

/* Returns whether the file names any runtime but runc. */
static int has_others(struct containerd *containerd, const struct install_change *change, struct error *err)
{
	struct toml toml;
	bool found = false;
	int r = toml_parse(change->path, change->after, &toml, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < toml.len; i++) {
		const struct strv *path = &toml.entries[i].path;

		found = found ||
			(path->len > 4 && strcmp(path->items[1], containerd->plugin) == 0 &&
			 strcmp(path->items[3], "runtimes") == 0 && strcmp(path->items[4], "runc") != 0);
	}
	toml_done(&toml);
	return found;
}

/* Removes what set_runtime() wrote for runc, when no runtime is left that made it necessary. */
static int remove_runc(struct containerd *containerd, struct install_change *change, const char *before,
		       struct error *err)
{
	static const char *const none[] = { NULL }, *const type[] = { "runtime_type", NULL };
	const struct install_change old = { .path = change->path, .after = (char *)before };
	const char *table[KEYS_MAX], *key[KEYS_MAX];
	auto_free char *have = NULL;
	int r = has_others(containerd, change, err);

	make_key(containerd, "runc", none, table);
	make_key(containerd, "runc", type, key);
	if (r == 0)
		r = has_table(&old, table, err);
	if (r == 0)
		r = plan_toml_get(change, key, &have, NULL, err);
	if (r <= 0 || !have || strcmp(have, "io.containerd.runc.v2") != 0)
		return r < 0 ? r : 0;
	r = plan_toml_remove(change, key, false, err);
	return r < 0 ? r : plan_toml_remove_empty(change, table, err);
}

static int remove_from(struct containerd *containerd, const char *file, struct error *err)
{
	static const char *const binary[] = { "options", "BinaryName", NULL }, *const none[] = { NULL };
	const struct install_host *host = containerd->planner->host;
	const char *name = containerd->planner->request->name, *key[KEYS_MAX];
	struct install_change *change;
	auto_free char *before = NULL;
	bool found;
	int r = plan_file(containerd->planner, file, &change, err);

	make_key(containerd, name, binary, key);
	if (r == 0)
		r = plan_toml_check_program(containerd->planner, change, key, true, &found, err);
	if (r < 0 || !found)
		return r;
	r = host->before(host->context, file, &before, err);
	make_key(containerd, name, none, key);
	if (r >= 0)
		r = plan_toml_remove(change, key, true, err);
	if (r == 0 && strcmp(containerd->plugin, CRI_2) == 0)
		r = remove_runc(containerd, change, before, err);
	if (r == 0)
		r = reset_default(containerd, change, before, err);
	return r < 0 ? r : plan_toml_tidy(change, err);
}

static int remove_runtime(struct planner *planner, struct error *err)
{
	struct containerd containerd = { .planner = planner };
	int r = open_files(&containerd, true, err);

	for (size_t i = 0; r == 0 && i < containerd.files.len; i++)
		r = remove_from(&containerd, containerd.files.items[i], err);
	close_files(&containerd);
	return r < 0 ? r : plan_distrust_sandbox(planner, err);
}

const struct install_engine install_containerd = {
	.name = "containerd",
	.add = add,
	.remove = remove_runtime,
	.unit = "containerd",
	.use = "in Kubernetes a RuntimeClass whose handler is '%s'",
	.no_arguments = "containerd cannot hand arguments to a runtime; what they would set is set in "
			"/etc/krun/krun.json",
	.no_user = "containerd's CRI plugin is root's: run this as root, or with --root DIR for an image",
};
