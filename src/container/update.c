/* SPDX-License-Identifier: Apache-2.0 */

/*
 * `update` changes limits, resctrl schemata and the device filter, and records the result in config.json of
 * the state directory. If a step fails, the steps before are undone.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup/cgroup.h"
#include "cgroup/change.h"
#include "container/container.h"
#include "spec/spec.h"
#include "state/state.h"
#include "state/state_dir.h"
#include "state/status.h"
#include "syscall/replace.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/log.h"
#include "util/step.h"

struct update {
	const struct spec *changes;
	int dir_fd; /* state directory, locked */
	struct state state;
	struct spec *config; /* config.json before the update */
	struct cgroup cgroup;
	struct cgroup_change change;
	int resctrl_fd;
	char *old_schemata;
	bool filtered; /* the filter has the new rules */
};

STEPS(update)

static int find_container(struct update *update, const struct runtime_options *runtime, const char *id,
			  struct error *err)
{
	enum status status;
	int r;

	update->dir_fd = state_open(runtime, id, true, &update->state, err);
	if (update->dir_fd < 0)
		return update->dir_fd;
	r = status_of(update->dir_fd, &update->state, &status, err);
	if (r == 0)
		r = status_check(status, OP_UPDATE, id, err);
	if (r == 0)
		r = spec_load(update->dir_fd, STATE_CONFIG, &update->config, err);
	if (r == 0 && update->state.cgroup.path)
		r = cgroup_open(&update->state.cgroup, &update->cgroup, err);
	return r;
}

/* ---- steps and their undo -------------------------------------------------------------------- */

static int set_limits(struct update *update, struct error *err)
{
	int r;

	update->change.before = &update->config->resources;
	r = cgroup_update(&update->cgroup, &update->changes->resources, &update->change, err);
	/* cgroup_update() has undone a part by itself. */
	if (r < 0)
		cgroup_change_done(&update->change);
	return r;
}

static void unset_limits(struct update *update)
{
	if (update->cgroup.dir_fd >= 0)
		cgroup_update_undo(&update->cgroup, &update->change);
}

static int set_schemata(struct update *update, struct error *err)
{
	const struct spec_rdt *rdt = update->changes->rdt;

	if (!rdt)
		return 0;
	if (!update->state.rdt.name)
		return error_at(err, -EINVAL, "/linux/intelRdt",
				"container '%s' was created without it and has no resctrl class",
				update->state.id);
	update->resctrl_fd = rdt_open(err);
	return update->resctrl_fd < 0 ?
		       update->resctrl_fd :
		       rdt_update(update->resctrl_fd, &update->state.rdt, rdt, &update->old_schemata, err);
}

static void unset_schemata(struct update *update)
{
	struct error err;

	if (update->old_schemata &&
	    rdt_restore(update->resctrl_fd, &update->state.rdt, update->old_schemata, &err) < 0)
		log_warning("%s", err.text);
}

static int filter(struct update *update, const struct spec_resources *resources, struct error *err)
{
	struct spec_device_rule extra[KM_DEVICES_MAX];
	const size_t extra_len = update->state.mode == MODE_KM ?
					 km_device_rules(NULL, update->state.monitor_device, extra) :
					 0;

	return cgroup_filter_devices(&update->cgroup, resources, extra, extra_len, err);
}

/* An update without a list of devices does not change the rules. */
static int set_filter(struct update *update, struct error *err)
{
	int r;

	if (update->changes->resources.devices_len == 0)
		return 0;
	r = filter(update, &update->changes->resources, err);
	update->filtered = r == 0;
	return r;
}

static void unset_filter(struct update *update)
{
	struct error err;

	if (update->filtered && filter(update, &update->config->resources, &err) < 0)
		log_warning("%s", err.text);
}

static int save(struct update *update, struct error *err)
{
	const struct cgroup_writes *writes = &update->change.writes;
	struct spec_written *written = calloc(writes->len + 1, sizeof(*written));
	struct spec_merge request = {
		.changes = update->changes,
		.written = written,
		.written_len = writes->len,
	};
	auto_free char *text = NULL;
	int r;

	if (!written)
		return error_oom(err);
	for (size_t i = 0; i < writes->len; i++)
		written[i] = (struct spec_written){
			.file = writes->items[i].file,
			.text = writes->items[i].text,
			.unified = strcmp(writes->items[i].property, "unified") == 0,
			.line = writes->items[i].is_line,
		};
	cgroup_memory_settle(&update->config->resources.memory, &update->changes->resources.memory,
			     &update->change.present, &request.limit, &request.swap);
	r = spec_merge_resources(update->config, &request, &text, err);
	free(written);
	if (r < 0)
		return r;
	r = file_replace(update->dir_fd, STATE_CONFIG, 0600, text, strlen(text));
	return r < 0 ? error_sys(err, r, "write '%s' of the state", STATE_CONFIG) : 0;
}

static const struct update_step steps[] = {
	{ "limits", set_limits, unset_limits },
	{ "resctrl", set_schemata, unset_schemata },
	{ "device filter", set_filter, unset_filter },
	{ "save", save },
	{ NULL },
};

int container_update(const struct runtime_options *runtime, const char *id, const struct spec *changes,
		     struct error *err)
{
	struct update update = {
		.changes = changes,
		.dir_fd = -1,
		.cgroup = { .dir_fd = -1, .holder_fd = -1 },
		.resctrl_fd = -1,
	};
	size_t begun = 0;
	int r = find_container(&update, runtime, id, err);

	if (r == 0)
		r = update_steps_run(steps, &begun, &update, err);
	if (r < 0)
		update_steps_undo(steps, begun, &update);
	cgroup_change_done(&update.change);
	cgroup_done(&update.cgroup);
	cleanup_close(&update.resctrl_fd);
	cleanup_close(&update.dir_fd);
	state_done(&update.state);
	spec_free(update.config);
	free(update.old_schemata);
	return r;
}
