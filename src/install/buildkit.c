/* SPDX-License-Identifier: Apache-2.0 */

/* buildkitd: the only runtime of its OCI worker. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "install/plan.h"
#include "util/cleanup.h"
#include "util/error.h"

static const char *const binary_key[] = { "worker", "oci", "binary", NULL };
static const char *const worker_table[] = { "worker", "oci", NULL };

static char *own_file(const struct planner *planner)
{
	return plan_path(planner, "/etc/buildkit/buildkitd.toml", "buildkit/buildkitd.toml");
}

static int add(struct planner *planner, struct error *err)
{
	auto_free char *path = own_file(planner);
	struct install_change *change;
	bool found = false;
	int r = path ? plan_toml_begin(planner, path, &change, err) : error_oom(err);

	if (r == 0)
		r = plan_toml_check_program(planner, change, binary_key, false, &found, err);
	return r < 0 || found ? r : plan_toml_set(change, binary_key, planner->request->program, err);
}

static int remove_runtime(struct planner *planner, struct error *err)
{
	auto_free char *path = own_file(planner), *before = NULL;
	struct install_change *change;
	bool found;
	int r = path ? plan_file(planner, path, &change, err) : error_oom(err);

	if (r == 0)
		r = plan_toml_check_program(planner, change, binary_key, true, &found, err);
	if (r < 0 || !found)
		return r;
	r = planner->host->before(planner->host->context, path, &before, err);
	if (r >= 0)
		r = plan_toml_remove(change, binary_key, false, err);
	/* A table that was there before the installation stays, empty or not. */
	if (r == 0 && !(before && strstr(before, "worker.oci")))
		r = plan_toml_remove_empty(change, worker_table, err);
	return r < 0 ? r : plan_toml_tidy(change, err);
}

const struct install_engine install_buildkit = {
	.name = "buildkit",
	.add = add,
	.remove = remove_runtime,
	.unit = "buildkit",
	.no_arguments = "buildkitd cannot hand arguments to a runtime; what they would set is set in "
			"/etc/krun/krun.json",
	.no_default = "buildkitd has only one runtime, which krun is by 'krun install buildkit'",
};
