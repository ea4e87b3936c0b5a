/* SPDX-License-Identifier: Apache-2.0 */

/*
 * `mounts add|remove`: sources are opened here, on the host; a child enters the container's mount and user namespace and
 * does the rest, with the code that makes the mounts of a new container.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <unistd.h>

#include "container/container.h"
#include "container/live.h"
#include "container/state.h"
#include "container/status.h"
#include "mount/setup.h"
#include "spec/spec.h"
#include "util/cleanup.h"
#include "util/error.h"

struct change {
	const struct spec *spec;
	struct mount_setup *setup; /* NULL: remove */
	int proc_fd;		   /* the host's */
};

static int act(void *data, struct error *err)
{
	const struct change *change = data;

	return change->setup ? mount_do_live(change->setup, err) :
			       mount_do_remove(change->spec, change->proc_fd, err);
}

static int refuse_idmaps(const struct spec *spec, struct error *err)
{
	for (size_t i = 0; i < spec->mounts_len; i++)
		if (spec->mounts[i].options.idmap)
			return error_set(err, -EOPNOTSUPP, "/%zu: idmapped mounts can be made by create only",
					 i);
	return 0;
}

static int change(const struct state *state, const struct spec *spec, bool add, struct error *err)
{
	auto_close int bundle_fd = open(state->bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	const struct mount_request request = {
		.spec = spec,
		.bundle_fd = bundle_fd,
		.new_userns = state->namespaces & CLONE_NEWUSER,
		.unprivileged = geteuid() != 0,
		.has_cgroupns = state->namespaces & CLONE_NEWCGROUP,
		.cgroup_dir_fd = -1,
	};
	auto_close int proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct change change = { .spec = spec, .proc_fd = proc_fd };
	int r = refuse_idmaps(spec, err);

	if (r < 0)
		return r;
	if (bundle_fd < 0)
		return error_sys(err, -errno, "bundle '%s'", state->bundle);
	r = add ? mount_setup_make_live(&request, &change.setup, err) : 0;
	if (r == 0)
		r = live_run(state, act, &change, err);
	mount_setup_free(change.setup);
	return r;
}

int container_mounts(const struct container_host *host, const char *id, const struct spec *spec, bool add,
		     struct error *err)
{
	struct state state;
	auto_close int dir_fd = state_open(host, id, true, &state, err);
	int r;

	if (dir_fd < 0)
		return dir_fd;
	r = status_check(status_of(dir_fd, &state), OP_MOUNT, id, err);
	if (r == 0)
		r = change(&state, spec, add, err);
	state_done(&state);
	return r;
}
