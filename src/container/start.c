/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <sys/file.h>

#include "container/start.h"

#include "container/container.h"
#include "hooks/hooks.h"
#include "init/start.h"
#include "init/sync.h"
#include "krun/annotations.h"
#include "launch/launch.h"
#include "launch/notify.h"
#include "monitor/log.h"
#include "spec/spec.h"
#include "state/remove.h"
#include "state/state.h"
#include "state/state_hooks.h"
#include "state/status.h"
#include "syscall/process.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/log.h"
#include "util/step.h"

/* ---- release --------------------------------------------------------------------------------- */

static int release_monitor(const struct release *release, struct error *err)
{
	const struct state *state = release->state;
	auto_close int pidfd = status_open_monitor(state, err);
	auto_close int log_fd = state_log_open(release->dir_fd, state);
	off_t told = log_enabled(LOG_LEVEL_DEBUG) ? monitor_log_size(log_fd) : 0;
	int r;

	if (pidfd == -ESRCH) {
		error_set(err, -ESRCH, "km has ended before start");
		return monitor_log_explain(log_fd, err);
	}
	if (pidfd < 0)
		return pidfd;
	r = km_release(state_monitor(state), pidfd, state->start_timeout_ms, err);
	if (r < 0)
		monitor_log_explain(log_fd, err);
	monitor_log_to_debug(log_fd, told);
	return r;
}

static int open_gate(const struct release *release, struct error *err)
{
	auto_close int sync_fd = start_gate_open(release->dir_fd, err);
	struct error later;
	int r;

	if (sync_fd < 0)
		return sync_fd;
	if (release->spec)
		sync_allow(sync_fd, hooks_seconds(&release->spec->hooks[HOOK_START_CONTAINER]));
	r = launch_expect_execution(sync_fd, NULL, release->state->pid, release->state->mode == MODE_KM, err);
	if (r == -ETIMEDOUT && container_kill_init(release->state, &later) < 0)
		log_warning("%s", later.text);
	start_gate_remove(release->dir_fd);
	return r;
}

int container_release(const struct release *release, struct error *err)
{
	const struct state *state = release->state;

	if (state->mode == MODE_KM && state->start == KM_START_PAYLOAD)
		return release_monitor(release, err);
	if (release->launch)
		return launch_start(release->launch, err);
	return open_gate(release, err);
}

/* ---- start ----------------------------------------------------------------------------------- */

struct start {
	int dir_fd;
	struct state state;
	struct spec *spec; /* NULL unless state.has_hooks */
	int notify_fd;
	int pidfd; /* of the first process, if there are poststart hooks; else -1 */
};

STEPS(start)

static bool has_poststart(const struct start *start)
{
	return start->spec && start->spec->hooks[HOOK_POSTSTART].len > 0;
}

static int check_status(struct start *start, struct error *err)
{
	enum status status;
	int r = status_of(start->dir_fd, &start->state, &status, err);

	if (r < 0)
		return r;
	r = status_check(status, OP_START, start->state.id, err);
	if (r < 0 && status == STATUS_STOPPED)
		state_log_explain(start->dir_fd, &start->state, err);
	return r;
}

static int read_config(struct start *start, struct error *err)
{
	int r;

	if (!start->state.has_hooks)
		return 0;
	r = state_load_config(start->dir_fd, &start->state, &start->spec, err);
	if (r < 0)
		return r;
	if (!start->spec->process)
		return error_at(err, -EINVAL, "/process", "missing, there is nothing to start");
	return hooks_output_open(spec_annotation(start->spec, KRUN_ANNOTATION_HOOKS_STDOUT),
				 spec_annotation(start->spec, KRUN_ANNOTATION_HOOKS_STDERR), err);
}

static int listen_for_ready(struct start *start, struct error *err)
{
	return notify_listen(start->dir_fd, &start->notify_fd, err);
}

/* A pidfd, because the program may end, and its pid be reused, before a poststart hook fails. */
static int hold_process(struct start *start, struct error *err)
{
	if (!has_poststart(start))
		return 0;
	start->pidfd = status_open_process(&start->state, err);
	return start->pidfd;
}

static int release(struct start *start, struct error *err)
{
	const struct release release = {
		.dir_fd = start->dir_fd,
		.state = &start->state,
		.spec = start->spec,
	};

	return container_release(&release, err);
}

static int run_poststart(struct start *start, struct error *err)
{
	int r;

	if (!has_poststart(start))
		return 0;
	r = state_hooks_run(HOOK_POSTSTART, &start->state, start->spec, "running", err);
	/* runtime.md "Lifecycle", step 9: if a poststart hook fails, the container is stopped. */
	if (r < 0)
		sys_pidfd_send_signal(start->pidfd, SIGKILL);
	return r;
}

static const struct start_step start_steps[] = {
	{ "status", check_status },
	{ "notify socket", listen_for_ready },
	{ "config", read_config },
	{ "process", hold_process },
	{ "release", release },
	{ "poststart", run_poststart },
	{ NULL },
};

int container_start(const struct runtime_options *runtime, const char *id, struct error *err)
{
	struct start start = { .notify_fd = -1, .pidfd = -1 };
	size_t begun = 0;
	int r;

	start.dir_fd = state_open(runtime, id, true, &start.state, err);
	if (start.dir_fd < 0)
		return start.dir_fd;
	r = start_steps_run(start_steps, &begun, &start, err);
	if (r < 0)
		error_document(err, STATE_CONFIG);
	if (r < 0 && r != -EBUSY)
		error_prefix(err, "start '%s'", id);
	if (r == 0 && start.notify_fd >= 0) {
		/* Drops the lock: other commands may use the container meanwhile. */
		flock(start.dir_fd, LOCK_UN);
		notify_wait_ready(start.notify_fd, start.state.pid);
	}
	cleanup_close(&start.pidfd);
	cleanup_close(&start.notify_fd);
	cleanup_close(&start.dir_fd);
	spec_free(start.spec);
	state_done(&start.state);
	return r;
}
