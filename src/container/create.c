/* SPDX-License-Identifier: Apache-2.0 */

/* `create`, `run` and `restore`. */

#include <errno.h>

#include "checkpoint/checkpoint.h"
#include "container/container.h"
#include "container/foreground.h"
#include "container/oom.h"
#include "container/start.h"
#include "launch/launch.h"
#include "launch/notify.h"
#include "monitor/log.h"
#include "state/remove.h"
#include "state/state_dir.h"
#include "state/state_hooks.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/interrupt.h"
#include "util/log.h"
#include "util/trace.h"

int container_create(const struct create_request *request, struct error *err)
{
	struct launch launch;
	int r;

	interrupt_begin();
	r = launch_begin(&launch, request, false, err);
	if (r == 0)
		launch_commit(&launch);
	launch_done(&launch);
	return r;
}

static int wait_in_foreground(struct launch *launch, int notify_fd, int *ret_status, struct error *err)
{
	struct foreground foreground = {
		.pid = launch->child.pid,
		.master_fd = take_fd(&launch->master_fd),
		.notify_fd = notify_fd,
	};
	struct oom_watch memory;
	const unsigned long long began = trace_clock();
	off_t told;
	int r;

	told = log_enabled(LOG_LEVEL_DEBUG) ? monitor_log_size(launch->monitor_log_fd) : 0;
	oom_watch_begin(&memory, &launch->cgroup);
	foreground.memory = &memory;
	r = foreground_wait(&foreground, ret_status, err);
	trace_note("for", "program");
	log_wait_done("wait", began);
	launch->state.scope_ended_well = r == 0 && oom_watch_is_clear(&memory);
	oom_watch_end(&memory, r < 0 ? 0 : *ret_status);
	monitor_log_to_debug(launch->monitor_log_fd, told);
	return r;
}

static void remove_after_run(struct launch *launch, const struct create_request *request)
{
	struct error err;
	int r = state_dir_lock(launch->dir_fd, request->id, &err);

	/* `delete --force` has removed it already. */
	if (r == -ENOENT)
		return;
	if (r == 0)
		r = container_remove(request->runtime, launch->dir_fd, &launch->state, launch->spec, &err);
	if (r < 0)
		log_warning("%s", err.text);
}

/* Starts the program. After a failure the caller removes the container. */
static int start_program(struct launch *launch, const struct create_request *request, int *ret_notify_fd,
			 struct error *err)
{
	int r = notify_listen(launch->dir_fd, ret_notify_fd, err);

	if (r < 0)
		return r;
	/*
	 * In the foreground a signal aborts the command until here, and is for the program from here on.
	 * Otherwise it aborts the command as long as that can be undone.
	 */
	if (!request->detach) {
		foreground_prepare();
		interrupt_end();
	}
	r = interrupt_check(err);
	if (r == 0)
		r = container_release(
			&(struct release){
				.dir_fd = launch->dir_fd,
				.state = &launch->state,
				.launch = launch,
			},
			err);
	if (r == 0)
		r = state_hooks_run(HOOK_POSTSTART, &launch->state, launch->spec, "running", err);
	return r < 0 ? r : interrupt_check(err);
}

static int run(struct launch *launch, const struct create_request *request, int *ret_status,
	       struct error *err)
{
	auto_close int notify_fd = -1;
	int r;

	interrupt_begin();
	r = launch_begin(launch, request, true, err);
	if (r < 0)
		return r;
	r = start_program(launch, request, &notify_fd, err);
	if (r < 0) {
		launch_abandon(launch);
		return r;
	}
	launch_commit(launch);
	interrupt_end();
	*ret_status = 0;
	if (!request->detach) {
		r = wait_in_foreground(launch, notify_fd, ret_status, err);
		if (!request->keep)
			remove_after_run(launch, request);
		return r;
	}
	if (notify_fd >= 0)
		notify_wait_ready(notify_fd, launch->child.pid);
	return 0;
}

int container_run(const struct create_request *request, int *ret_status, struct error *err)
{
	struct launch launch;
	int r = run(&launch, request, ret_status, err);

	launch_done(&launch);
	return r;
}

int container_restore(const struct create_request *request, const struct checkpoint_options *options,
		      int *ret_status, struct error *err)
{
	struct create_request restored = *request;

	restored.image_path = checkpoint_image_path(options);
	restored.restore = options;
	return container_run(&restored, ret_status, err);
}
