/* SPDX-License-Identifier: Apache-2.0 */

/*
 * `mounts add|remove`. The command opens the sources on the host. A child enters the container's namespaces
 * and does the rest, with the code that makes the mounts of a new container.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sched.h>
#include <string.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "container/container.h"
#include "mount/mount.h"
#include "spec/spec.h"
#include "state/enter.h"
#include "state/state.h"
#include "state/status.h"
#include "syscall/open.h"
#include "syscall/process.h"
#include "util/cleanup.h"
#include "util/error.h"

struct change {
	const struct spec *spec;
	struct mount_setup *setup; /* NULL: remove */
	int proc_fd;		   /* the host's /proc */
};

static int act(void *data, struct error *err)
{
	struct change *change = data;
	auto_close int links_fd = open_own_links(change->proc_fd);

	if (links_fd < 0)
		return error_sys(err, links_fd, "open '/proc/self/fd'");
	/* The /proc of this mount namespace is the container's and not trusted. */
	open_use_own_links(links_fd);
	/*
	 * The child that adds is in the container's pid namespace, where its root could find the host's
	 * /proc.
	 */
	if (change->setup)
		cleanup_close(&change->proc_fd);
	return change->setup ? mount_enter(change->setup, err) :
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

static bool wants_cgroup(const struct spec *spec)
{
	for (size_t i = 0; i < spec->mounts_len; i++)
		if (strncmp(spec->mounts[i].type, "cgroup", 6) == 0)
			return true;
	return false;
}

/*
 * The running container controls the symlinks in its root: bind mounts between two places of it are made by
 * create only.
 */
static int refuse_inside(const struct state *state, const struct spec *spec, struct error *err)
{
	auto_close int place_fd = open(state->rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
	const struct spec root = { .rootfs = state->rootfs };
	struct mount_roots roots;
	char rest[PATH_MAX];

	int r = place_fd < 0 ? -errno : mount_roots_find(&root, state->bundle, place_fd, &roots);

	/* A root that has no name any more has nothing below it. */
	if (r < 0)
		return r == -ENOENT ? 0 : error_sys(err, r, "look for the root '%s'", state->rootfs);
	for (size_t i = 0; i < spec->mounts_len; i++) {
		const char *source = spec->mounts[i].source;

		if (!spec->mounts[i].options.bind || !source)
			continue;
		r = mount_source_inside(&roots, source, rest, sizeof(rest));
		if (r < 0)
			return error_sys_at(err, r, error_pointer("/mounts/%zu/source", i), "look for '%s'",
					    source);
		if (r > 0)
			return error_at(err, -EOPNOTSUPP, error_pointer("/mounts/%zu/source", i),
					"'%s' is in the root of the running container, which "
					"controls its symlinks",
					source);
	}
	return 0;
}

/* Without a cgroup namespace, a mount of type "cgroup" shows the container's own cgroup and nothing above. */
static int open_cgroup(const struct state *state, const struct spec *spec, struct cgroup *ret,
		       struct error *err)
{
	if ((state->namespaces & CLONE_NEWCGROUP) || !wants_cgroup(spec))
		return 0;
	if (!state->cgroup.path)
		return error_set(
			err, -EOPNOTSUPP,
			"a cgroup file system for a container without a cgroup of its own would show the "
			"host's cgroups");
	return cgroup_open(&state->cgroup, ret, err);
}

static int carry_out(const struct state *state, struct change *change, struct error *err)
{
	struct fd_list keep = { 0 };
	const struct enter_act live = {
		.run = act,
		.data = change,
		.keep = &keep,
		.in_pid_namespace = change->setup,
	};
	int r = fd_list_add(&keep, change->proc_fd);

	if (r == 0 && change->setup)
		r = mount_setup_descriptors(change->setup, &keep);
	r = r < 0 ? error_oom(err) : enter_run(state, &live, err);
	fd_list_done(&keep);
	return r;
}

static int change(const struct state *state, const struct spec *spec, bool add, struct error *err)
{
	auto_close int bundle_fd = open(state->bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_close int proc_fd = open_proc();
	struct cgroup cgroup = { .dir_fd = -1, .holder_fd = -1 };
	struct mount_request request = {
		.spec = spec,
		.bundle_fd = bundle_fd,
		.new_userns = state->namespaces & CLONE_NEWUSER,
		.unprivileged = geteuid() != 0,
		.has_cgroupns = state->namespaces & CLONE_NEWCGROUP,
	};
	struct change change = { .spec = spec, .proc_fd = proc_fd };
	int r = refuse_idmaps(spec, err);

	if (r == 0 && add)
		r = refuse_inside(state, spec, err);

	if (add)
		spec_warn(spec);
	if (r < 0)
		return r;
	if (bundle_fd < 0)
		return error_sys(err, -errno, "bundle '%s'", state->bundle);
	if (proc_fd < 0)
		return error_sys(err, proc_fd, "open '/proc'");
	sys_raise_files(spec->mounts_len);
	r = add ? open_cgroup(state, spec, &cgroup, err) : 0;
	request.cgroup_dir_fd = cgroup.dir_fd;
	if (r == 0 && add)
		r = mount_setup_make_for_running(&request, &change.setup, err);
	if (r == 0)
		r = carry_out(state, &change, err);
	mount_setup_free(change.setup);
	cgroup_done(&cgroup);
	return r;
}

int container_mounts(const struct runtime_options *runtime, const char *id, const struct spec *spec, bool add,
		     struct error *err)
{
	struct state state;
	auto_close int dir_fd = state_open(runtime, id, true, &state, err);
	enum status status;
	int r;

	if (dir_fd < 0)
		return dir_fd;
	r = status_of(dir_fd, &state, &status, err);
	if (r == 0)
		r = status_check(status, OP_MOUNT, id, err);
	if (r == 0)
		r = state_check_mounts(&state, err);
	if (r == 0)
		r = change(&state, spec, add, err);
	state_done(&state);
	return r;
}
