/* SPDX-License-Identifier: Apache-2.0 */
#include "state/status.h"

#include <errno.h>

#include "cgroup/cgroup.h"
#include "init/start.h"
#include "monitor/monitor.h"
#include "state/state.h"
#include "syscall/process.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/proc.h"

static const char *const words[STATUS_COUNT] = {
	[STATUS_CREATING] = "creating", [STATUS_CREATED] = "created", [STATUS_RUNNING] = "running",
	[STATUS_PAUSED] = "paused",	[STATUS_STOPPED] = "stopped",
};

static const bool allowed[OP_COUNT][STATUS_COUNT] = {
	[OP_START] = { [STATUS_CREATED] = true },
	[OP_EXEC] = { [STATUS_CREATED] = true, [STATUS_RUNNING] = true },
	[OP_KILL] = { [STATUS_CREATED] = true, [STATUS_RUNNING] = true, [STATUS_PAUSED] = true },
	[OP_DELETE] = { [STATUS_STOPPED] = true },
	[OP_PAUSE] = { [STATUS_CREATED] = true, [STATUS_RUNNING] = true },
	[OP_RESUME] = { [STATUS_PAUSED] = true },
	[OP_UPDATE] = { [STATUS_CREATED] = true, [STATUS_RUNNING] = true, [STATUS_PAUSED] = true },
	[OP_MOUNT] = { [STATUS_CREATED] = true, [STATUS_RUNNING] = true, [STATUS_PAUSED] = true },
	[OP_CHECKPOINT] = { [STATUS_RUNNING] = true, [STATUS_PAUSED] = true },
	[OP_WATCH] = { [STATUS_CREATED] = true, [STATUS_RUNNING] = true, [STATUS_PAUSED] = true },
};

static const char *const verbs[OP_COUNT] = {
	[OP_START] = "start",
	[OP_EXEC] = "exec in",
	[OP_KILL] = "kill",
	[OP_DELETE] = "delete",
	[OP_PAUSE] = "pause",
	[OP_RESUME] = "resume",
	[OP_UPDATE] = "update",
	[OP_MOUNT] = "change the mounts of",
	[OP_CHECKPOINT] = "take a checkpoint of",
	[OP_WATCH] = "watch",
};

const char *status_word(enum status status)
{
	return words[status];
}

bool status_allows(enum status status, enum operation operation)
{
	return allowed[operation][status];
}

/*
 * A missing cgroup is not frozen; without a visible cgroup tree (-EOPNOTSUPP) the container counts as not
 * frozen, too.
 */
static int is_frozen(const struct state *state, struct error *err)
{
	struct cgroup cgroup;
	int r;

	if (!state->cgroup.path)
		return 0;
	r = cgroup_open(&state->cgroup, &cgroup, err);
	if (r < 0)
		return r == -ENOENT || r == -EOPNOTSUPP ? 0 : r;
	r = cgroup_is_frozen(&cgroup);
	if (r < 0)
		error_sys(err, r, "look whether cgroup '%s' is frozen", state->cgroup.path);
	cgroup_done(&cgroup);
	return r;
}

/* Returns 1 if the first process waits for `start`, in krun's own code or in km before the payload. */
static int is_parked(int dir_fd, const struct state *state)
{
	const pid_t monitor = state_monitor(state);
	struct proc_stat stat;
	int r;

	if (state->mode != MODE_KM || state->start != KM_START_PAYLOAD)
		return start_gate_is_closed(dir_fd);
	if (km_is_waiting(monitor))
		return 1;
	/* SIGSTOP interrupts km's wait, but does not release km. */
	r = proc_read_stat(monitor, &stat);
	if (r < 0)
		return proc_is_gone(r) ? 0 : r;
	return stat.state == 'T' && !km_is_released(monitor);
}

int status_of(int dir_fd, const struct state *state, enum status *ret, struct error *err)
{
	int r;

	*ret = state->pid == 0 ? STATUS_CREATING : STATUS_STOPPED;
	if (state->pid == 0)
		return 0;
	r = proc_is_alive(state->pid, state->start_time);
	if (r < 0)
		return error_sys(err, r, "look at process %d of container '%s'", state->pid, state->id);
	if (r == 0)
		return 0;
	r = is_frozen(state, err);
	if (r < 0)
		return r;
	*ret = STATUS_PAUSED;
	if (r > 0)
		return 0;
	r = is_parked(dir_fd, state);
	if (r < 0)
		return error_sys(err, r, "look whether container '%s' is started", state->id);
	*ret = r > 0 ? STATUS_CREATED : STATUS_RUNNING;
	return 0;
}

static int not_running(struct error *err)
{
	return error_set(err, -ESRCH, "container not running");
}

int status_lost_process(int code, const char *what, struct error *err)
{
	return proc_is_gone(code) ? not_running(err) : error_sys(err, code, "%s", what);
}

int status_open_process(const struct state *state, struct error *err)
{
	auto_close int pidfd = state->pid > 0 ? sys_pidfd_open(state->pid) : -ESRCH;
	/*
	 * Checked after the pidfd is open: from then on it cannot come to mean another process of the same
	 * number.
	 */
	int r = pidfd == -ESRCH ? 0 : proc_is_alive(state->pid, state->start_time);

	if (r < 0)
		return error_sys(err, r, "look at process %d of container '%s'", state->pid, state->id);
	if (r == 0)
		return not_running(err);
	return pidfd < 0 ? error_sys(err, pidfd, "open a pidfd of process %d of container '%s'", state->pid,
				     state->id) :
			   take_fd(&pidfd);
}

int status_open_monitor(const struct state *state, struct error *err)
{
	const pid_t monitor = state_monitor(state);
	auto_close int pidfd = -1, first_fd = -1;

	if (monitor == state->pid)
		return status_open_process(state, err);
	pidfd = sys_pidfd_open(monitor);
	if (pidfd < 0)
		return status_lost_process(pidfd, "open a pidfd of km", err);
	first_fd = status_open_process(state, err);
	return first_fd < 0 ? first_fd : take_fd(&pidfd);
}

int status_check(enum status status, enum operation operation, const char *id, struct error *err)
{
	if (status_allows(status, operation))
		return 0;
	if (operation == OP_KILL)
		return not_running(err);
	if (operation == OP_WATCH && status == STATUS_STOPPED)
		return error_set(err, -ESRCH, "cannot watch container '%s': container not running", id);
	return error_set(err, -EBUSY, "cannot %s container '%s': it is %s", verbs[operation], id,
			 words[status]);
}
