/* SPDX-License-Identifier: Apache-2.0 */

/*
 * podman and buildah: one file in containers.conf.d for all names, because a list in a later file replaces
 * that of an earlier one.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "install/plan.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"

#define FILE_NAME "50-krun.conf"

enum { NAMES_MAX = 8 };

/*
 * What podman asks about a runtime by its name, or by the last part of a path. A list replaces podman's own,
 * whose names are therefore repeated.
 */
static const struct {
	const char *key;
	const char *names[NAMES_MAX]; /* podman's own, and those under which krun is installed */
	bool km_only;		      /* only for names whose programs run payloads under km */
} lists[] = {
	/* The error of a container that cannot be made is in a log, as JSON. */
	{ "runtime_supports_json",
	  { "crun", "runc", "kata", "runsc", "youki", "krun", "krun-plain", "krun-label-trigger" },
	  false },
	/* --cgroups=disabled; podman reads the key without a final "s". */
	{ "runtime_supports_nocgroup", { "crun", "krun", "krun-plain", "krun-label-trigger" }, false },
	/* The label of SELinux that may use /dev/kvm. */
	{ "runtime_supports_kvm",
	  { "kata", "kata-runtime", "kata-qemu", "kata-fc", "krun", "krun-label-trigger" },
	  true },
};

static int add_once(struct strv *names, const char *name)
{
	return names->items && strv_contains(names->items, name) ? 0 : strv_add(names, name);
}

/* Calls @act for the files that podman reads besides ours, in its order; 1 ends that. */
static int for_each_file(struct planner *planner, const char *own,
			 int (*act)(struct planner *planner, const char *path, void *argument,
				    struct error *err),
			 void *argument, struct error *err)
{
	static const char *const main_files[] = { "/usr/share/containers/containers.conf",
						  "/etc/containers/containers.conf" };
	const char *user = planner->request->user_config;
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(main_files); i++)
		r = act(planner, main_files[i], argument, err);
	for (int of_user = 0; r == 0 && of_user <= (user != NULL); of_user++) {
		const char *top = of_user ? user : "/etc";
		struct strv names = { 0 };
		auto_free char *directory = NULL, *conf = NULL;

		if (asprintf(&directory, "%s/containers/containers.conf.d", top) < 0 ||
		    asprintf(&conf, "%s/containers/containers.conf", top) < 0)
			return error_oom(err);
		if (of_user)
			r = act(planner, conf, argument, err);
		if (r == 0)
			r = planner->host->list(planner->host->context, directory, &names, err);
		r = r > 0 ? 0 : r;
		for (size_t i = 0; r == 0 && i < names.len; i++) {
			const size_t len = strlen(names.items[i]);
			auto_free char *path = NULL;

			if (len < 6 || strcmp(names.items[i] + len - 5, ".conf") != 0)
				continue;
			if (asprintf(&path, "%s/%s", directory, names.items[i]) < 0)
				r = error_oom(err);
			else if (strcmp(path, own) == 0)
				r = 1;
			else
				r = act(planner, path, argument, err);
		}
		strv_done(&names);
	}
	return r < 0 ? r : 0;
}

static int check_file(struct planner *planner, const char *path, void *argument, struct error *err)
{
	const char *const key[] = { "engine", "runtimes", planner->request->name, NULL };
	struct install_change *change;
	bool found;
	int r = plan_file(planner, path, &change, err);

	(void)argument;
	return r < 0 ? r : plan_toml_check_program(planner, change, key, false, &found, err);
}

struct search {
	const char *key;
	struct strv names;
};

/* Keeps the list of the last file that has one. */
static int read_list(struct planner *planner, const char *path, void *argument, struct error *err)
{
	struct search *search = argument;
	const char *const key[] = { "engine", search->key, NULL };
	struct install_change *change;
	struct strv names = { 0 };
	int r = plan_file(planner, path, &change, err);

	if (r == 0)
		r = plan_toml_list(change, key, &names, NULL, err);
	if (r > 0) {
		strv_done(&search->names);
		search->names = names;
		return 0;
	}
	strv_done(&names);
	return r;
}

/* Returns `["a", "b"]`; NULL: no memory. */
static char *make_list(const struct strv *names)
{
	char *made = NULL;
	size_t size;
	FILE *out = open_memstream(&made, &size);
	bool failed = !out;

	for (size_t i = 0; !failed && i < names->len; i++) {
		auto_free char *quoted = toml_quote(names->items[i]);

		failed = !quoted || fprintf(out, "%s%s", i == 0 ? "[" : ", ", quoted) < 0;
	}
	if (out)
		fputs("]", out);
	if (io_close_text(out, &made) == 0 && failed)
		cleanup_free(&made);
	return made;
}

static int set_list(struct planner *planner, const char *path, size_t which, struct error *err)
{
	const char *const key[] = { "engine", lists[which].key, NULL };
	struct search search = { .key = lists[which].key };
	struct install_change *change;
	auto_free char *made = NULL;
	size_t had;
	int r = plan_file(planner, path, &change, err);

	if (r == 0)
		r = plan_toml_list(change, key, &search.names, NULL, err);
	had = search.names.len;
	if (r == 0)
		r = for_each_file(planner, path, read_list, &search, err);
	for (size_t i = 0; r >= 0 && i < NAMES_MAX && lists[which].names[i]; i++)
		r = add_once(&search.names, lists[which].names[i]);
	if (r >= 0 && (planner->request->is_km || !lists[which].km_only))
		r = add_once(&search.names, planner->request->name);
	if (r >= 0)
		r = plan_file(planner, path, &change, err);
	if (r >= 0 && search.names.len > had) {
		made = make_list(&search.names);
		r = made ? plan_toml_set_raw(change, key, made, err) : error_oom(err);
	}
	strv_done(&search.names);
	return r == -ENOMEM ? error_oom(err) : r;
}

static int add(struct planner *planner, struct error *err)
{
	const struct install_request *request = planner->request;
	const char *const runtime_key[] = { "engine", "runtimes", request->name, NULL };
	const char *const default_key[] = { "engine", "runtime", NULL };
	auto_free char *path = plan_path(planner, "/etc/containers/containers.conf.d/" FILE_NAME,
					 "containers/containers.conf.d/" FILE_NAME);
	auto_free char *program = NULL;
	struct strv programs = { 0 };
	struct install_change *change;
	bool found = false;
	int r = path && strv_add(&programs, request->program) == 0 ? 0 : error_oom(err);

	if (r == 0)
		r = for_each_file(planner, path, check_file, NULL, err);
	if (r == 0)
		r = plan_toml_begin(planner, path, &change, err);
	if (r == 0)
		r = plan_toml_check_program(planner, change, runtime_key, false, &found, err);
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(lists); i++)
		r = set_list(planner, path, i, err);
	program = make_list(&programs);
	strv_done(&programs);
	if (r == 0)
		r = program ? plan_file(planner, path, &change, err) : error_oom(err);
	if (r == 0 && !found)
		r = plan_toml_set_raw(change, runtime_key, program, err);
	if (r == 0 && request->make_default)
		r = plan_toml_choose(change, default_key, request->name, err);
	return r < 0 ? r : 0;
}

static bool has_runtimes(const struct install_change *change)
{
	static const char *const table[] = { "engine", "runtimes", NULL };
	const struct toml_entry *header;
	struct error ignored;
	struct toml toml;
	bool found = true;

	if (toml_parse(change->path, change->after, &toml, &ignored) == 0) {
		header = toml_find(&toml, table, true, NULL);
		found = header && header + 1 < toml.entries + toml.len && !header[1].is_table;
		toml_done(&toml);
	}
	return found;
}

/* Removes the lists when no runtime is left that needs them. */
static int remove_lists(struct install_change *change, struct error *err)
{
	static const char *const engine[] = { "engine", NULL }, *const runtimes[] = { "engine", "runtimes",
										      NULL };
	int r = plan_toml_remove_empty(change, runtimes, err);

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(lists); i++)
		r = plan_toml_remove(change, (const char *const[]){ "engine", lists[i].key, NULL }, false,
				     err);
	if (r == 0)
		r = plan_toml_remove_empty(change, engine, err);
	return r < 0 ? r : plan_toml_tidy(change, err);
}

static int remove_runtime(struct planner *planner, struct error *err)
{
	const struct install_request *request = planner->request;
	const char *const runtime_key[] = { "engine", "runtimes", request->name, NULL };
	const char *const default_key[] = { "engine", "runtime", NULL };
	auto_free char *path = plan_path(planner, "/etc/containers/containers.conf.d/" FILE_NAME,
					 "containers/containers.conf.d/" FILE_NAME);
	struct install_change *change;
	bool found;
	int r = path ? plan_file(planner, path, &change, err) : error_oom(err);

	if (r == 0)
		r = plan_toml_check_program(planner, change, runtime_key, true, &found, err);
	if (r < 0 || !found)
		return r;
	r = plan_toml_remove(change, runtime_key, false, err);
	if (r == 0)
		r = plan_toml_unchoose(change, default_key, request->name, err);
	if (r < 0)
		return r;
	return has_runtimes(change) ? 0 : remove_lists(change, err);
}

const struct install_engine install_podman = {
	.name = "podman",
	.add = add,
	.remove = remove_runtime,
	.use = "podman --runtime %s run ...",
	.no_arguments = "podman hands arguments over with its own 'podman --runtime-flag FLAG'; what holds "
			"for every container is set in /etc/krun/krun.json",
};
