/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Chooses the mode of a new container, and its program: that of config.json, a snapshot of km, or a
 * checkpoint of CRIU.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint/checkpoint.h"
#include "km/requirements.h"
#include "krun/annotations.h"
#include "launch/launch.h"
#include "spec/place.h"
#include "state/runtime_options.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/log.h"

/*
 * Makes `start` execute km, instead of releasing a km that waits, if km would wait for a client first, or if
 * there are startContainer hooks. Such hooks are programs of the container and run, confined as it is, in the
 * process that becomes km afterwards.
 */
static void begin_at_start(struct launch *launch)
{
	const char *why = km_listens_first(launch->process.env)		    ? "SNAP_LISTEN_TIMEOUT" :
			  launch->spec->hooks[HOOK_START_CONTAINER].len > 0 ? "startContainer hooks" :
			  !launch->spec->process			    ? "no process" :
									      NULL;

	if (!why)
		return;
	log_debug("%s: km is executed at start, as with startAt exec", why);
	launch->km.settings.start = KM_START_EXEC;
}

int launch_mode_choose(struct launch *launch, struct error *err)
{
	const struct runtime_options *runtime = launch->request->runtime;
	auto_close int rootfs_fd = -1;
	struct km_settings settings;
	size_t helper;
	int r;

	if (runtime->name == NAME_LABEL_TRIGGER) {
		rootfs_fd = openat(launch->bundle_fd, launch->spec->rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (rootfs_fd < 0)
			return error_sys_at(err, -errno, "/root/path", "'%s'", launch->spec->rootfs);
	}
	r = mode_choose(runtime->name, launch->spec, rootfs_fd, &launch->state.mode);
	if (r < 0)
		return error_sys(err, r, "look for '/.kontain' in the root");
	log_debug("mode %s: %s", mode_word(launch->state.mode), mode_reason(runtime->name, launch->spec));
	if (launch->state.mode == MODE_PLAIN && launch->spec->vm)
		return error_at(err, -EOPNOTSUPP, "/vm",
				"this container runs without km and has no virtual machine");
	if (launch->state.mode == MODE_PLAIN)
		return 0;
	r = km_check_processor(err);
	if (r == 0)
		r = km_settings_load(runtime->config_file, &settings, err);
	if (r < 0)
		return r;
	r = km_settings_apply(&settings, launch->spec, err);
	if (r < 0) {
		km_settings_done(&settings);
		return r;
	}
	r = km_plan_make(&settings, &launch->km, err);
	if (r < 0)
		return r;
	launch->has_km = true;
	begin_at_start(launch);
	launch->state.start = (enum km_start)launch->km.settings.start;
	launch->state.start_timeout_ms = launch->km.settings.start_timeout_ms;
	r = km_settings_options(&launch->km.settings, false, &launch->km_options, err);
	if (r < 0)
		return r;
	log_debug("km '%s', settings of '%s'", launch->km.settings.monitor, launch->km.settings.file);
	log_words("options of km", launch->km_options.items);
	/* An engine's --init helper would run in the virtual machine: krun's pid1 takes its place. */
	helper = km_init_helper_len(launch->process.args);
	if (helper > 0 && launch->process.args[helper])
		launch->process.args += helper;
	launch->pid1_fd = km_init_fd(err);
	return launch->pid1_fd < 0 ? launch->pid1_fd : 0;
}

/*
 * Returns whether km may have a management socket. It needs a tmpfs on /dev, root, no variable that sets
 * another socket, and a km that waits: krun connects before the payload runs (monitor/held.c).
 */
static bool may_manage(const struct launch *launch)
{
	const struct spec *spec = launch->spec;
	const struct spec_mount *dev = spec_mount_at(spec, "/dev");

	return launch->km.settings.management && dev && strcmp(dev->type, "tmpfs") == 0 && geteuid() == 0 &&
	       launch->km.settings.start == KM_START_PAYLOAD &&
	       !strv_env_get(launch->process.env, "KM_MGTDIR") &&
	       !strv_env_get(launch->process.env, "KM_MGTPIPE");
}

/* Checks that the checkpoint fits the mode and the command. */
static int check_image(const struct launch *launch, const char *path, struct error *err)
{
	if (launch->has_km && launch->request->restore) {
		int r = checkpoint_check_km(launch->request->restore, err);

		if (r < 0)
			return r;
	}
	if (launch->image.kind == CHECKPOINT_CRIU && launch->has_km)
		return error_set(err, -EINVAL,
				 "--image-path '%s': a checkpoint by CRIU, and this container runs under km",
				 path);
	if (launch->image.kind == CHECKPOINT_CRIU && !launch->request->restore)
		return error_set(err, -EINVAL,
				 "'%s': a checkpoint by CRIU, which only 'krun restore' can restore", path);
	if (launch->image.kind == CHECKPOINT_CRIU && launch->request->preserve_fds > 0)
		return error_set(err, -EOPNOTSUPP,
				 "--preserve-fds: CRIU restores the file descriptors of the checkpoint only");
	if (launch->image.kind == CHECKPOINT_KM && !launch->has_km)
		return error_set(err, -EINVAL,
				 "--image-path '%s': a checkpoint of a container under km, and this one is "
				 "plain",
				 path);
	return 0;
}

/* The snapshot is km's payload; relative paths need the cwd that the payload had. */
static void resume_in_place(struct launch *launch)
{
	launch->checkpoint_args[0] = (char *)(uintptr_t)KM_SNAPSHOT_PATH;
	launch->process.args = launch->checkpoint_args;
	if (launch->image.cwd)
		launch->process.cwd = launch->image.cwd;
	if (launch->image.umask >= 0)
		launch->process.user.umask =
			(struct opt_u64){ .set = true, .value = (uint64_t)launch->image.umask };
}

int launch_program_choose(struct launch *launch, struct error *err)
{
	const char *path = launch->request->image_path;
	int r;

	/*
	 * The command's image goes before the annotation's: a container that began with a snapshot may be
	 * restored.
	 */
	if (!path && launch->has_km)
		path = launch->km.settings.snapshot;
	if (path) {
		r = checkpoint_open(path, &launch->image, err);
		if (r == 0)
			r = check_image(launch, path, err);
		if (r < 0 && path != launch->request->image_path)
			error_place(err, "/annotations/" KRUN_ANNOTATION_SETTING KRUN_SETTING_SNAPSHOT);
		if (r < 0)
			return r;
		launch->restored = launch->image.kind == CHECKPOINT_CRIU;
	}
	launch->state.management = launch->has_km && may_manage(launch);
	r = launch->state.management ? km_spare_sockets_make(launch->monitor_sockets, err) : 0;
	if (r < 0 || launch->image.snapshot_fd < 0)
		return r;
	resume_in_place(launch);
	return km_snapshot_numbers(launch->image.snapshot_fd, &launch->checkpoint_fds,
				   &launch->checkpoint_fds_len, err);
}
