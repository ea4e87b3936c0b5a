/* SPDX-License-Identifier: Apache-2.0 */

/* `exceptions`: the list of programs that exec runs without km, of a container or of a root file system. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "container/container.h"
#include "km/km.h"
#include "ns/idmap.h"
#include "state/state.h"
#include "syscall/open.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/proc.h"

struct target {
	int root_fd;
	uid_t owner; /* the user besides root who may write the list */
};

/* Without a running container its root user is unknown: the owner of the root directory is taken. */
static int take_owner_of_root(struct target *target, struct error *err)
{
	struct stat st;

	if (fstat(target->root_fd, &st) < 0) {
		int r = error_sys(err, -errno, "look at the root file system");

		cleanup_close(&target->root_fd);
		return r;
	}
	target->owner = st.st_uid;
	return 0;
}

/* Opens the root that exec would use while the container runs; otherwise its root file system on the host. */
static int open_root_of(const struct state *state, struct target *ret, struct error *err)
{
	char path[32];
	int r;

	if (state->mode != MODE_KM)
		return error_set(err, -EINVAL, "container '%s' does not run under km: it needs no exceptions",
				 state->id);
	snprintf(path, sizeof(path), "/proc/%d/root", state->pid);
	r = proc_is_alive(state->pid, state->start_time);
	if (r > 0) {
		auto_close int proc_fd = open_proc();

		ret->root_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		r = ret->root_fd < 0 && !proc_is_gone(-errno) ? -errno : 0;
		ret->owner = idmap_root_of(proc_fd, state->pid);
		/* Checked again: still alive, so that the pid was not another process's meanwhile. */
		if (r == 0)
			r = proc_is_alive(state->pid, state->start_time);
		if (r > 0 && ret->root_fd >= 0)
			return 0;
		cleanup_close(&ret->root_fd);
	}
	if (r < 0)
		return error_sys(err, r, "look at the process of container '%s'", state->id);
	ret->root_fd = open(state->rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return ret->root_fd < 0 ? error_sys(err, -errno, "open the root '%s' of container '%s'",
					    state->rootfs, state->id) :
				  take_owner_of_root(ret, err);
}

static int open_target(const struct runtime_options *runtime, const char *name, struct target *ret,
		       struct error *err)
{
	auto_close int dir_fd = -1;
	struct state state;
	int r;

	/* An id has no slash. */
	if (strchr(name, '/')) {
		ret->root_fd = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		return ret->root_fd < 0 ? error_sys(err, -errno, "open root file system '%s'", name) :
					  take_owner_of_root(ret, err);
	}
	dir_fd = state_open(runtime, name, false, &state, err);
	if (dir_fd == -ENOENT)
		return error_append(err, "the path of a root file system has a '/'");
	if (dir_fd < 0)
		return dir_fd;
	r = open_root_of(&state, ret, err);
	state_done(&state);
	return r;
}

/* Opens the target and the settings; the caller releases both. */
static int begin(const struct runtime_options *runtime, const char *name, struct target *ret,
		 struct km_settings *ret_settings, struct error *err)
{
	int r = open_target(runtime, name, ret, err);

	if (r < 0)
		return r;
	r = km_settings_load(runtime->config_file, ret_settings, err);
	if (r < 0)
		cleanup_close(&ret->root_fd);
	return r;
}

int container_exceptions_add(const struct runtime_options *runtime, const char *name, const char *regex,
			     const char *path, bool replace, struct error *err)
{
	struct km_settings settings;
	struct target target;
	int r = begin(runtime, name, &target, &settings, err);

	if (r < 0)
		return r;
	r = km_exceptions_add(target.root_fd, target.owner, &settings, regex, path, replace, err);
	km_settings_done(&settings);
	cleanup_close(&target.root_fd);
	return r;
}

int container_exceptions_list(const struct runtime_options *runtime, const char *name,
			      struct km_exceptions *ret, enum km_exception_verdict **ret_verdicts,
			      struct error *err)
{
	struct km_settings settings;
	struct target target;
	int r = begin(runtime, name, &target, &settings, err);

	if (r < 0)
		return r;
	r = km_exceptions_load(target.root_fd, target.owner, &settings, ret, err);
	if (r == 0 && ret_verdicts) {
		r = km_exceptions_check(target.root_fd, ret, ret_verdicts, err);
		if (r < 0)
			km_exceptions_done(ret);
	}
	km_settings_done(&settings);
	cleanup_close(&target.root_fd);
	return r;
}
