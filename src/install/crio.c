/* SPDX-License-Identifier: Apache-2.0 */

/* CRI-O: a file in crio.conf.d for each name. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "install/plan.h"
#include "util/cleanup.h"
#include "util/error.h"

#define DIRECTORY "/etc/crio/crio.conf.d"

static char *own_file(const struct planner *planner)
{
	char *path;

	return asprintf(&path, DIRECTORY "/50-%s.conf", planner->request->name) < 0 ? NULL : path;
}

/* Fails when any other file registers the name with another program. */
static int check_others(struct planner *planner, const char *own, struct error *err)
{
	const char *const key[] = { "crio",	    "runtime", "runtimes", planner->request->name,
				    "runtime_path", NULL };
	const struct install_host *host = planner->host;
	struct strv names = { 0 };
	bool found;
	int r = host->list(host->context, DIRECTORY, &names, err);

	r = r < 0 ? r : 0;
	for (size_t i = 0; r == 0 && i <= names.len; i++) {
		struct install_change *change;
		auto_free char *path = NULL;

		if ((i == names.len ? asprintf(&path, "/etc/crio/crio.conf") :
				      asprintf(&path, DIRECTORY "/%s", names.items[i])) < 0)
			r = error_oom(err);
		else if (strcmp(path, own) != 0) {
			r = plan_file(planner, path, &change, err);
			if (r == 0)
				r = plan_toml_check_program(planner, change, key, false, &found, err);
		}
	}
	strv_done(&names);
	return r;
}

static int set_runtime(struct planner *planner, struct install_change *change, struct error *err)
{
	const struct install_request *request = planner->request;
	const struct {
		const char *key, *value;
	} rows[] = {
		{ "runtime_path", request->program },
		{ "runtime_type", "oci" },
		/* Without it CRI-O keeps krun's states in the directory of crun. */
		{ "runtime_root", "/run/krun" },
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *const key[] = { "crio", "runtime", "runtimes", request->name, rows[i].key, NULL };

		r = plan_toml_set(change, key, rows[i].value, err);
	}
	return r;
}

static int add(struct planner *planner, struct error *err)
{
	const struct install_request *request = planner->request;
	const char *const key[] = { "crio", "runtime", "runtimes", request->name, "runtime_path", NULL };
	const char *const default_key[] = { "crio", "runtime", "default_runtime", NULL };
	auto_free char *path = own_file(planner);
	struct install_change *change;
	bool found = false;
	int r = path ? check_others(planner, path, err) : error_oom(err);

	if (r == 0)
		r = plan_toml_begin(planner, path, &change, err);
	if (r == 0)
		r = plan_toml_check_program(planner, change, key, false, &found, err);
	if (r == 0 && request->make_default)
		r = plan_toml_choose(change, default_key, request->name, err);
	if (r == 0 && !found)
		r = set_runtime(planner, change, err);
	return r < 0 ? r : plan_trust_sandbox(planner, err);
}

static int remove_runtime(struct planner *planner, struct error *err)
{
	const struct install_request *request = planner->request;
	const char *const table[] = { "crio", "runtime", "runtimes", request->name, NULL };
	const char *const key[] = { "crio", "runtime", "runtimes", request->name, "runtime_path", NULL };
	const char *const default_key[] = { "crio", "runtime", "default_runtime", NULL };
	const char *const runtime_table[] = { "crio", "runtime", NULL };
	auto_free char *path = own_file(planner);
	struct install_change *change;
	bool found;
	int r = path ? plan_file(planner, path, &change, err) : error_oom(err);

	if (r == 0)
		r = plan_toml_check_program(planner, change, key, true, &found, err);
	if (r < 0 || !found)
		return r;
	r = plan_toml_remove(change, table, true, err);
	if (r == 0)
		r = plan_toml_unchoose(change, default_key, request->name, err);
	if (r == 0)
		r = plan_toml_remove_empty(change, runtime_table, err);
	if (r == 0)
		r = plan_toml_tidy(change, err);
	return r < 0 ? r : plan_distrust_sandbox(planner, err);
}

const struct install_engine install_crio = {
	.name = "crio",
	.add = add,
	.remove = remove_runtime,
	.unit = "crio",
	.use = "in Kubernetes a RuntimeClass whose handler is '%s'",
	.no_arguments = "CRI-O cannot hand arguments to a runtime; what they would set is set in "
			"/etc/krun/krun.json",
	.no_user = "CRI-O is root's: run this as root, or with --root DIR for an image",
};
