/* SPDX-License-Identifier: Apache-2.0 */
#include "install/plan.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "install/text.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/error.h"

#define KRUN_JSON "/etc/krun/krun.json"

const char plan_header[] = "# Written by 'krun install'; 'krun uninstall' removes it.\n";

const struct install_engine *const install_engines[] = {
	&install_docker, &install_podman, &install_containerd, &install_crio, &install_buildkit, NULL,
};

const struct install_engine *install_engine_find(const char *name)
{
	for (size_t i = 0; install_engines[i]; i++)
		if (strcmp(install_engines[i]->name, name) == 0)
			return install_engines[i];
	return NULL;
}

/* ---- files ----------------------------------------------------------------------------------- */

int plan_file(struct planner *planner, const char *path, struct install_change **ret, struct error *err)
{
	struct install_plan *plan = planner->plan;
	struct install_change *more, fresh = { .path = strdup(path) };
	int r;

	for (size_t i = 0; i < plan->len; i++) {
		if (strcmp(plan->changes[i].path, path) == 0) {
			free(fresh.path);
			*ret = &plan->changes[i];
			return 0;
		}
	}
	more = reallocarray(plan->changes, plan->len + 1, sizeof(*more));
	if (more)
		plan->changes = more;
	if (!more || !fresh.path) {
		free(fresh.path);
		return error_oom(err);
	}
	plan->changes[plan->len++] = fresh;
	*ret = &plan->changes[plan->len - 1];
	r = planner->host->read(planner->host->context, path, &(*ret)->before, err);
	if (r <= 0)
		return r;
	(*ret)->after = strdup((*ret)->before);
	return (*ret)->after ? 0 : error_oom(err);
}

int plan_file_text(struct planner *planner, const char *path, struct install_change **ret, struct error *err)
{
	int r = plan_file(planner, path, ret, err);

	if (r == 0 && !(*ret)->after)
		(*ret)->after = strdup("");
	return r < 0 ? r : (*ret)->after ? 0 : error_oom(err);
}

void plan_delete(struct install_change *change)
{
	cleanup_free(&change->after);
}

char *plan_path(const struct planner *planner, const char *system, const char *user)
{
	char *path;

	if (!planner->request->user_config)
		return strdup(system);
	return asprintf(&path, "%s/%s", planner->request->user_config, user) < 0 ? NULL : path;
}

int plan_note(struct planner *planner, struct error *err, const char *format, ...)
{
	auto_free char *note = NULL;
	va_list args;
	int len;

	va_start(args, format);
	len = vasprintf(&note, format, args);
	va_end(args);
	if (len < 0)
		note = NULL;
	return strv_add(&planner->plan->notes, note) < 0 ? error_oom(err) : 0;
}

bool plan_is_krun(const struct planner *planner, const char *program)
{
	static const char *const names[] = { "krun", "krun-plain", "krun-label-trigger" };
	const char *slash = strrchr(program, '/');

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(slash ? slash + 1 : program, names[i]) == 0)
			return true;
	return strcmp(program, planner->request->program) == 0;
}

/* ---- krun.json ------------------------------------------------------------------------------- */

static const char *const sandbox_key[] = { "allowSandbox", NULL };

int plan_trust_sandbox(struct planner *planner, struct error *err)
{
	struct install_change *change;
	int r;

	if (!planner->request->is_km)
		return 0;
	r = plan_file_text(planner, KRUN_JSON, &change, err);
	if (r == 0)
		r = json_edit_check(KRUN_JSON, change->after, err);
	if (r < 0)
		return r;
	r = json_edit_find(KRUN_JSON, change->after, sandbox_key, NULL, err);
	if (r < 0)
		return r;
	if (r == 0)
		return json_edit_set(KRUN_JSON, &change->after, sandbox_key, "true", err);
	if (json_edit_is(change->after, sandbox_key, "false"))
		return plan_note(planner, err,
				 "%s says \"allowSandbox\": false, which stays: the container that keeps a "
				 "pod's namespaces runs under km, too",
				 KRUN_JSON);
	return 0;
}

int plan_json_tidy(struct planner *planner, struct install_change *change, struct error *err)
{
	const char *text = change->after ? change->after : "x";
	auto_free char *before = NULL;
	int r;

	/* White space, "{", white space, "}", white space. */
	text += strspn(text, " \t\r\n");
	if (*text == '{')
		text += 1 + strspn(text + 1, " \t\r\n");
	if (*text != '}' || text[1 + strspn(text + 1, " \t\r\n")])
		return 0;
	r = planner->host->before(planner->host->context, change->path, &before, err);
	if (r == 1 && !before)
		plan_delete(change);
	return r < 0 ? r : 0;
}

int plan_distrust_sandbox(struct planner *planner, struct error *err)
{
	const struct install_host *host = planner->host;
	auto_free char *before = NULL;
	struct install_change *change;
	struct error ignored;
	int r = host->before(host->context, KRUN_JSON, &before, err);

	if (r <= 0)
		return r;
	if (before && json_edit_check(KRUN_JSON, before, &ignored) == 0 &&
	    json_edit_find(KRUN_JSON, before, sandbox_key, NULL, &ignored) > 0)
		return 0;
	r = host->is_shared(host->context, KRUN_JSON, err);
	if (r != 0)
		return r < 0 ? r : 0;
	r = plan_file(planner, KRUN_JSON, &change, err);
	if (r < 0 || !change->after)
		return r;
	r = json_edit_check(KRUN_JSON, change->after, err);
	if (r == 0)
		r = json_edit_remove(KRUN_JSON, &change->after, sandbox_key, err);
	return r < 0 ? r : plan_json_tidy(planner, change, err);
}

/* ---- TOML ------------------------------------------------------------------------------------ */

int plan_toml_set_raw(struct install_change *change, const char *const *path, const char *value,
		      struct error *err)
{
	return toml_set(change->path, &change->after, path, value, err);
}

int plan_toml_set(struct install_change *change, const char *const *path, const char *value,
		  struct error *err)
{
	auto_free char *quoted = toml_quote(value);

	return quoted ? plan_toml_set_raw(change, path, quoted, err) : error_oom(err);
}

int plan_toml_get(const struct install_change *change, const char *const *path, char **ret, size_t *ret_at,
		  struct error *err)
{
	struct strv strings = { 0 };
	int r = plan_toml_list(change, path, &strings, ret_at, err);

	*ret = NULL;
	if (r > 0 && strings.len > 0) {
		*ret = strdup(strings.items[0]);
		r = *ret ? r : error_oom(err);
	}
	strv_done(&strings);
	return r;
}

/* 1: the key has this string; 0; or a negative errno. */
static int has_string(const struct install_change *change, const char *const *path, const char *value,
		      struct error *err)
{
	auto_free char *have = NULL;
	int r = plan_toml_get(change, path, &have, NULL, err);

	return r < 0 ? r : have && strcmp(have, value) == 0;
}

int plan_toml_choose(struct install_change *change, const char *const *path, const char *value,
		     struct error *err)
{
	int r = has_string(change, path, value, err);

	return r == 0 ? plan_toml_set(change, path, value, err) : r < 0 ? r : 0;
}

int plan_toml_unchoose(struct install_change *change, const char *const *path, const char *value,
		       struct error *err)
{
	int r = has_string(change, path, value, err);

	return r > 0 ? plan_toml_remove(change, path, false, err) : r;
}

int plan_toml_list(const struct install_change *change, const char *const *path, struct strv *ret,
		   size_t *ret_at, struct error *err)
{
	const struct toml_entry *entry;
	struct toml toml;
	int r;

	if (!change->after)
		return 0;
	r = toml_parse(change->path, change->after, &toml, err);
	if (r < 0)
		return r;
	entry = toml_find(&toml, path, false, NULL);
	if (entry && ret_at)
		*ret_at = entry->at;
	if (entry && toml_strings(change->after, entry, ret) < 0)
		r = error_oom(err);
	toml_done(&toml);
	return r < 0 ? r : entry != NULL;
}

int plan_toml_remove(struct install_change *change, const char *const *path, bool table, struct error *err)
{
	return toml_remove(change->path, &change->after, path, table, err);
}

int plan_toml_remove_empty(struct install_change *change, const char *const *path, struct error *err)
{
	return toml_remove_empty(change->path, &change->after, path, err);
}

int plan_toml_check_program(struct planner *planner, const struct install_change *change,
			    const char *const *path, bool removing, bool *ret, struct error *err)
{
	const struct install_request *request = planner->request;
	auto_free char *program = NULL;
	size_t at = 0;
	int r = plan_toml_get(change, path, &program, &at, err);

	*ret = program && *program;
	r = r < 0 ? r : 0;
	if (r < 0 || !*ret || strcmp(program, request->program) == 0 ||
	    (removing && plan_is_krun(planner, program)))
		return r;
	return text_error(err, -EEXIST, change->path, change->after, at,
			  "the runtime '%s' is registered with another program, '%s': take another name "
			  "(--name), or that entry out",
			  request->name, program);
}

/* Returns whether @text has nothing but empty lines, comments and keys of the root like `version = 2`. */
static bool has_no_table(const struct toml *toml)
{
	for (size_t i = 0; i < toml->len; i++)
		if (toml->entries[i].is_table || strcmp(toml->entries[i].path.items[0], "version") != 0)
			return false;
	return true;
}

int plan_toml_tidy(struct install_change *change, struct error *err)
{
	struct toml toml;
	int r;

	if (!change->after || strncmp(change->after, plan_header, strlen(plan_header)) != 0)
		return 0;
	r = toml_parse(change->path, change->after, &toml, err);
	if (r < 0)
		return r;
	if (has_no_table(&toml))
		plan_delete(change);
	toml_done(&toml);
	return 0;
}

int plan_toml_begin(struct planner *planner, const char *path, struct install_change **ret, struct error *err)
{
	int r = plan_file(planner, path, ret, err);

	if (r == 0 && !(*ret)->after)
		(*ret)->after = strdup(plan_header);
	return r < 0 ? r : (*ret)->after ? 0 : error_oom(err);
}

/* ---- the plan -------------------------------------------------------------------------------- */

/* Engines use the name as a key, a file name and a part of a command line. */
static int check_name(const struct install_request *request, struct error *err)
{
	static const char *const reserved[] = { "runc", "crun" };
	const char *name = request->name;
	size_t len = 0;

	while (isalnum((unsigned char)name[len]) || (len > 0 && name[len] && strchr("._-", name[len])))
		len++;
	if (len == 0 || name[len] || len > 63)
		return error_set(err, -EINVAL, "--name '%s': not up to 63 letters, digits, '.', '_' and '-'",
				 name);
	for (size_t i = 0; i < ARRAY_LEN(reserved); i++)
		if (strcmp(name, reserved[i]) == 0)
			return error_set(err, -EINVAL, "--name '%s': this is the name of another runtime",
					 name);
	return 0;
}

static int check_request(const struct install_request *request, struct error *err)
{
	const struct install_engine *engine = request->engine;

	if (request->args && request->args[0] && engine->no_arguments)
		return error_set(err, -EINVAL, "--arg: %s", engine->no_arguments);
	if (request->make_default && engine->no_default)
		return error_set(err, -EINVAL, "--default: %s", engine->no_default);
	if (request->user_config && engine->no_user)
		return error_set(err, -EPERM, "%s", engine->no_user);
	return check_name(request, err);
}

static void free_change(struct install_change *change)
{
	free(change->path);
	free(change->before);
	free(change->after);
}

static bool is_change(const struct install_change *change)
{
	if (!change->before || !change->after)
		return change->before || change->after;
	return strcmp(change->before, change->after) != 0;
}

static void drop_unchanged(struct install_plan *plan)
{
	size_t kept = 0;

	for (size_t i = 0; i < plan->len; i++) {
		if (is_change(&plan->changes[i]))
			plan->changes[kept++] = plan->changes[i];
		else
			free_change(&plan->changes[i]);
	}
	plan->len = kept;
}

int install_plan(const struct install_request *request, const struct install_host *host, bool remove,
		 struct install_plan *ret, struct error *err)
{
	struct planner planner = { request, host, ret };
	int r;

	*ret = (struct install_plan){ 0 };
	r = check_request(request, err);
	if (r == 0)
		r = remove ? request->engine->remove(&planner, err) : request->engine->add(&planner, err);
	if (r < 0)
		install_plan_done(ret);
	else
		drop_unchanged(ret);
	return r;
}

void install_plan_done(struct install_plan *plan)
{
	for (size_t i = 0; i < plan->len; i++)
		free_change(&plan->changes[i]);
	free(plan->changes);
	strv_done(&plan->notes);
	*plan = (struct install_plan){ 0 };
}
