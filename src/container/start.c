/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <sys/file.h>

#include "container/start.h"

#include "container/container.h"
#include "hooks/hooks.h"
#include "init/start.h"
#include "krun/annotations.h"
#include "launch/launch.h"
#include "launch/notify.h"
#include "monitor/log.h"
#include "spec/spec.h"
#include "state/state.h"
#include "state/status.h"
#include "syscall/process.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/log.h"

/* ---- release ------------------------------------------------------------------------------------------------ */

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
	int r = sync_fd < 0 ? sync_fd :
			      launch_expect_execution(sync_fd, NULL, release->state->pid,
						      release->state->personality == PERSONALITY_KM, err);

	if (sync_fd >= 0)
		start_gate_remove(release->dir_fd);
	return r;
}

int container_release(const struct release *release, struct error *err)
{
	const struct state *state = release->state;

	if (state->personality == PERSONALITY_KM && state->start == KM_START_PAYLOAD)
		return release_monitor(release, err);
	if (release->launch)
		return launch_start(release->launch, err);
	return open_gate(release, err);
}

static int run_poststart(const struct state *state, const struct spec *spec, int pidfd, struct error *err)
{
	auto_free char *text = state_text(state, "running", state->pid, false);
	const int r = text ? hooks_run(HOOK_POSTSTART, &spec->hooks[HOOK_POSTSTART], text,
				       &(struct hooks_context){ .directory = state->bundle }, err) :
			     error_oom(err);

	/* One whose poststart hook failed is stopped, runtime.md "Lifecycle" step 9. */
	if (r < 0 && pidfd >= 0)
		sys_pidfd_send_signal(pidfd, SIGKILL);
	return r;
}

static int start(int dir_fd, const struct state *state, struct error *err)
{
	auto_close int pidfd = -1;
	struct spec *spec = NULL;
	bool has_poststart;
	int r = 0;

	if (state->has_hooks)
		r = state_load_config(dir_fd, state, &spec, err);
	if (r == 0 && spec && !spec->process)
		r = error_at(err, -EINVAL, "/process", "missing, there is nothing to start");
	if (r == 0 && spec)
		r = hooks_output_open(spec_annotation(spec, KRUN_ANNOTATION_HOOKS_STDOUT),
				      spec_annotation(spec, KRUN_ANNOTATION_HOOKS_STDERR), err);
	has_poststart = r == 0 && spec && spec->hooks[HOOK_POSTSTART].len > 0;
	/* Its program may end, and its number be another's, before a hook fails. */
	if (has_poststart)
		r = pidfd = status_open_process(state, err);
	if (r >= 0)
		r = container_release(&(struct release){ .dir_fd = dir_fd, .state = state }, err);
	if (r == 0 && has_poststart)
		r = run_poststart(state, spec, pidfd, err);
	spec_free(spec);
	return r;
}

int container_start(const struct container_host *host, const char *id, struct error *err)
{
	struct state state;
	auto_close int dir_fd = state_open(host, id, true, &state, err), notify_fd = -1;
	enum status status;
	int r;

	if (dir_fd < 0)
		return dir_fd;
	r = status_of(dir_fd, &state, &status, err);
	if (r == 0) {
		r = status_check(status, OP_START, id, err);
		if (r < 0 && status == STATUS_STOPPED)
			state_log_explain(dir_fd, &state, err);
	}
	if (r == 0)
		r = notify_listen(dir_fd, &notify_fd, err);
	if (r == 0)
		r = start(dir_fd, &state, err);
	if (r < 0)
		error_document(err, STATE_CONFIG);
	if (r < 0 && r != -EBUSY)
		error_prefix(err, "start '%s'", id);
	if (r == 0 && notify_fd >= 0) {
		/* Others may use the container meanwhile. */
		flock(dir_fd, LOCK_UN);
		notify_wait_ready(notify_fd, state.pid);
	}
	state_done(&state);
	return r;
}
