/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "container/container.h"
#include "container/handle.h"
#include "monitor/log.h"
#include "spec/spec.h"
#include "state/remove.h"
#include "state/state.h"
#include "state/state_dir.h"
#include "state/status.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/log.h"

/*
 * Finds the cgroup that config.json names, for a container without a readable state. ret->path stays NULL if
 * that is unknown.
 */
static int find_by_config(const struct runtime_options *runtime, int dir_fd, const char *id,
			  struct cgroup_place *ret, struct error *err)
{
	struct cgroup_request request = { .id = id, .manager = runtime->manager, .root_fd = -1 };
	struct spec *spec = NULL;
	struct cgroup cgroup;
	int r = spec_load(dir_fd, STATE_CONFIG, &spec, err);

	if (r < 0)
		return error_is_shortage(r) ? r : 0;
	request.spec_path = spec->cgroups_path;
	if (cgroup_place_make(&request, ret, NULL, err) == 0 && ret->path) {
		r = cgroup_open(ret, &cgroup, err);
		if (r == 0)
			cgroup_done(&cgroup);
	}
	spec_free(spec);
	return r;
}

/*
 * Deletes a container whose state files are both unreadable, by the cgroup that its copy of config.json
 * names. If systemd chose the cgroup, or there is none, krun cannot know whether processes are left, and
 * keeps the container.
 */
static int delete_by_config(const struct runtime_options *runtime, int dir_fd, const char *id,
			    struct error *err)
{
	struct state state = { .id = (char *)(uintptr_t)id };
	int r = find_by_config(runtime, dir_fd, id, &state.cgroup, err);

	if (r == 0 && state.cgroup.path)
		r = container_remove(runtime, dir_fd, &state, NULL, err);
	else if (r == 0 || r == -ENOENT)
		r = error_set(err, -EPROTO,
			      "container '%s': '%s' and '%s' cannot be read, and it has no cgroup '%s': some "
			      "of its processes may still run; end them, then remove its directory in the "
			      "state root",
			      id, STATE_FILE, STATE_PLACE,
			      state.cgroup.path ? state.cgroup.path :
			      state.cgroup.unit ? state.cgroup.unit :
						  "of its own");
	cgroup_place_done(&state.cgroup);
	return r;
}

static bool is_absent(int dir_fd, const char *name)
{
	return faccessat(dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
}

/*
 * Deletes a container without a readable state; the caller holds its lock. If both files are missing, a
 * create was killed in its first steps, before there was a cgroup.
 */
static int delete_unreadable(const struct runtime_options *runtime, int dir_fd, const char *id,
			     struct error *err)
{
	if (is_absent(dir_fd, STATE_FILE) && is_absent(dir_fd, STATE_PLACE))
		return state_dir_remove(runtime, dir_fd, id, err);
	return delete_by_config(runtime, dir_fd, id, err);
}

/*
 * Kills the container's process while another command holds the lock. That command may wait for the container
 * for ever, such as a checkpoint for km's answer; it ends with the process and drops the lock. If there is no
 * process yet, `delete` waits for the lock.
 */
static void kill_busy(const struct runtime_options *runtime, const char *id)
{
	struct state state;
	struct error err;
	auto_close int dir_fd = state_dir_open(runtime, id, &err);

	if (dir_fd < 0 || !state_dir_is_locked(dir_fd) || state_load_some(dir_fd, id, &state, &err) < 0)
		return;
	if (container_kill_init(&state, &err) < 0)
		log_debug("%s", err.text);
	state_done(&state);
}

static int delete_known(const struct runtime_options *runtime, int dir_fd, const struct state *state,
			struct error *err)
{
	auto_close int log_fd = state_log_open(dir_fd, state);

	/* km's log is removed with the state: at debug level krun logs it first. */
	monitor_log_to_debug(log_fd, 0);
	return container_remove(runtime, dir_fd, state, NULL, err);
}

/* Deletes a container in any status. A missing container is not an error. */
static int delete_by_force(const struct runtime_options *runtime, const char *id, struct error *err)
{
	auto_close int dir_fd = -1;
	struct state state;
	int r;

	kill_busy(runtime, id);
	dir_fd = state_dir_open(runtime, id, err);
	r = dir_fd < 0 ? dir_fd : state_dir_lock(dir_fd, id, err);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = state_load_some(dir_fd, id, &state, err);
	if (r < 0)
		return error_is_shortage(r) ? error_prefix(err, "container '%s'", id) :
					      delete_unreadable(runtime, dir_fd, id, err);
	r = delete_known(runtime, dir_fd, &state, err);
	state_done(&state);
	return r;
}

int container_delete(const struct runtime_options *runtime, const char *id, bool force, struct error *err)
{
	struct handle handle;
	int r;

	if (force)
		return delete_by_force(runtime, id, err);
	r = handle_open(runtime, id, true, &handle, err);
	if (r < 0)
		return r;
	/* Under the lock "creating" means that a create was killed. */
	if (handle.status != STATUS_CREATING)
		r = status_check(handle.status, OP_DELETE, id, err);
	if (r == 0)
		r = delete_known(runtime, handle.dir_fd, &handle.state, err);
	handle_done(&handle);
	return r;
}
