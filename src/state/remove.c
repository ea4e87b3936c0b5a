/* SPDX-License-Identifier: Apache-2.0 */
#include "state/remove.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

#include "cgroup/cgroup.h"
#include "hooks/hooks.h"
#include "krun/annotations.h"
#include "spec/spec.h"
#include "state/state.h"
#include "state/state_dir.h"
#include "state/state_hooks.h"
#include "state/status.h"
#include "syscall/process.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/log.h"

/* A killed process may need some time to release its memory. */
enum { DEATH_TIMEOUT_MS = 10000 };

int container_kill_init(const struct state *state, struct error *err)
{
	auto_close int pidfd = status_open_process(state, err);
	struct pollfd item = { .fd = pidfd, .events = POLLIN };
	int r;

	if (pidfd < 0)
		return pidfd == -ESRCH ? 0 : pidfd;
	r = sys_pidfd_send_signal(pidfd, SIGKILL);
	if (r < 0)
		return r == -ESRCH ?
			       0 :
			       error_sys(err, r, "kill process %d of container '%s'", state->pid, state->id);
	do
		r = poll(&item, 1, DEATH_TIMEOUT_MS);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return error_sys(err, -errno, "wait for the end of process %d", state->pid);
	return r > 0 ? 0 :
		       error_set(err, -ETIMEDOUT, "process %d of container '%s' does not die", state->pid,
				 state->id);
}

/* systemd keeps a unit that failed until it is told to forget it; one may fail for a property, too. */
static bool forgets_by_itself(const struct state *state)
{
	return state->cgroup.unit && state->scope_ended_well &&
	       !strstr(state->annotations, KRUN_ANNOTATION_SYSTEMD_PROPERTY);
}

static int remove_cgroup(const struct state *state, struct error *err)
{
	struct cgroup cgroup;
	int r;

	if (!state->cgroup.path)
		return cgroup_forget(&state->cgroup, err);
	log_debug("remove cgroup '%s'", state->cgroup.path);
	if (cgroup_remove_empty(&state->cgroup))
		return 0;
	r = cgroup_open(&state->cgroup, &cgroup, err);
	if (r == -ENOENT)
		return forgets_by_itself(state) ? 0 : cgroup_forget(&state->cgroup, err);
	if (r < 0)
		return r;
	if (forgets_by_itself(state) && cgroup_scope_is_over(&cgroup)) {
		cgroup_done(&cgroup);
		return 0;
	}
	if (cgroup_kill(&cgroup, SIGKILL, err) < 0)
		log_debug("%s", err->text);
	r = cgroup_remove(&cgroup, err);
	cgroup_done(&cgroup);
	return r;
}

int rdt_leave(const struct state *state, struct error *err)
{
	auto_close int resctrl_fd = -1;

	if (!state->rdt.name)
		return 0;
	resctrl_fd = rdt_open(err);
	return resctrl_fd < 0 ? resctrl_fd : rdt_remove(resctrl_fd, &state->rdt, state->id, err);
}

static void run_poststop(int dir_fd, const struct state *state, const struct spec *spec)
{
	struct spec *loaded = NULL;
	struct error err;

	if (!spec && state_load_config(dir_fd, state, &loaded, &err) < 0) {
		log_warning("poststop hooks: %s", err.text);
		return;
	}
	if (!spec)
		spec = loaded;
	/* With the caller's spec this is `run`, which opened them when it began. */
	if (loaded && hooks_output_open(spec_annotation(spec, KRUN_ANNOTATION_HOOKS_STDOUT),
					spec_annotation(spec, KRUN_ANNOTATION_HOOKS_STDERR), &err) < 0)
		log_warning("%s", err.text);
	state_hooks_run_poststop(state, spec);
	spec_free(loaded);
}

int container_remove(const struct runtime_options *runtime, int dir_fd, const struct state *state,
		     const struct spec *spec, struct error *err)
{
	struct error later;
	int r = container_kill_init(state, err);
	int more;

	if (r < 0)
		return state_log_explain(dir_fd, state, err);
	r = remove_cgroup(state, err);
	if (rdt_leave(state, &later) < 0)
		log_warning("%s", later.text);
	if (state->has_hooks)
		run_poststop(dir_fd, state, spec);
	/* The state stays while the cgroup does, so that `delete` can be tried again. */
	if (r < 0)
		return r;
	more = state_dir_remove(runtime, dir_fd, state->id, &later);
	if (more < 0) {
		*err = later;
		return more;
	}
	return 0;
}
