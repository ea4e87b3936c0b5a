/* SPDX-License-Identifier: Apache-2.0 */

/* `exceptions`: the list of programs that exec runs without km, of a container or of a root file system. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "container/container.h"
#include "container/state.h"
#include "km/km.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/proc.h"

/* As exec would see it, while it runs; its root file system on the host otherwise. */
static int open_root_of(const struct state *state, struct error *err)
{
	char path[32];
	int fd;

	if (state->personality != PERSONALITY_KM)
		return error_set(err, -EINVAL, "container '%s' does not run under km: it needs no exceptions",
				 state->id);
	snprintf(path, sizeof(path), "/proc/%d/root", state->pid);
	if (proc_is_alive(state->pid, state->start_time)) {
		fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		/* Looked at again: now the number was that process's while it was used. */
		if (fd >= 0 && proc_is_alive(state->pid, state->start_time))
			return fd;
		cleanup_close(&fd);
	}
	fd = open(state->rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? error_sys(err, -errno, "open the root '%s' of container '%s'", state->rootfs,
				  state->id) :
			fd;
}

static int open_target(const struct container_host *host, const char *target, struct error *err)
{
	auto_close int dir_fd = -1;
	struct state state;
	int fd;

	/* No id has a slash. */
	if (strchr(target, '/')) {
		fd = open(target, O_PATH | O_DIRECTORY | O_CLOEXEC);
		return fd < 0 ? error_sys(err, -errno, "open root file system '%s'", target) : fd;
	}
	dir_fd = state_open(host, target, false, &state, err);
	if (dir_fd == -ENOENT)
		return error_set(err, -ENOENT,
				 "container '%s' does not exist (the path of a root file system has a '/')",
				 target);
	if (dir_fd < 0)
		return dir_fd;
	fd = open_root_of(&state, err);
	state_done(&state);
	return fd;
}

int container_exceptions_add(const struct container_host *host, const char *target, const char *regex,
			     const char *path, bool replace, struct error *err)
{
	auto_close int root_fd = open_target(host, target, err);
	struct km_settings settings;
	int r;

	if (root_fd < 0)
		return root_fd;
	r = km_settings_load(host->config_file, &settings, err);
	if (r < 0)
		return r;
	r = km_exceptions_add(root_fd, &settings, regex, path, replace, err);
	km_settings_done(&settings);
	return r;
}

int container_exceptions_list(const struct container_host *host, const char *target,
			      struct km_exceptions *ret, enum km_exception_verdict **ret_verdicts,
			      struct error *err)
{
	auto_close int root_fd = open_target(host, target, err);
	struct km_settings settings;
	int r;

	if (root_fd < 0)
		return root_fd;
	r = km_settings_load(host->config_file, &settings, err);
	if (r < 0)
		return r;
	r = km_exceptions_load(root_fd, &settings, ret, err);
	if (r == 0 && ret_verdicts) {
		r = km_exceptions_check(root_fd, ret, ret_verdicts, err);
		if (r < 0)
			km_exceptions_done(ret);
	}
	km_settings_done(&settings);
	return r;
}
