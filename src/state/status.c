/* SPDX-License-Identifier: Apache-2.0 */
#include "state/status.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "init/start.h"
#include "monitor/monitor.h"
#include "state/state.h"
#include "syscall/process.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/proc.h"

enum { LOOKS = 500, LOOK_NAP_NS = 1000000 };

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
static int is_frozen(const struct state *state, int group_fd, struct error *err)
{
	int r;

	if (group_fd < 0)
		return group_fd == -ENOENT || group_fd == -EOPNOTSUPP ? 0 : group_fd;
	r = cgroup_is_frozen(&(struct cgroup){ .dir_fd = group_fd });
	return r < 0 ? error_sys(err, r, "look whether cgroup '%s' is frozen", state->cgroup.path) : r;
}

/*
 * A first process that has not executed its program was not started, also when it has left the gate: it is on
 * its way, or it dies.
 */
static int is_at_gate(int dir_fd, const struct state *state)
{
	int r = start_gate_is_closed(dir_fd);

	if (r != 0)
		return r == -ENOENT ? 0 : r;
	r = proc_has_executed(state->pid);
	return r < 0 ? r : !r;
}

/*
 * For a moment a km neither waits nor is released: after the release, when it executes itself for a payload
 * that does so, and when it dies. Each of them is soon over. SIGSTOP interrupts km's wait, but does not
 * release km.
 */
static int is_monitor_parked(const struct state *state)
{
	const struct timespec nap = { .tv_nsec = LOOK_NAP_NS };
	const pid_t monitor = state_monitor(state);
	struct proc_stat stat;

	for (int i = 0; i < LOOKS; i++) {
		int r;

		if (km_is_waiting(monitor))
			return 1;
		if (km_is_released(monitor))
			return 0;
		r = proc_is_alive(state->pid, state->start_time);
		if (r <= 0)
			return r < 0 ? r : -ESRCH;
		r = proc_read_stat(monitor, &stat);
		if (r < 0 && !proc_is_gone(r))
			return r;
		if (r == 0 && stat.state == 'T')
			return !km_is_released(monitor);
		nanosleep(&nap, NULL);
	}
	return 0;
}

/* Returns 1 if the first process waits for `start`, in krun's own code or in km before the payload. */
static int is_parked(int dir_fd, const struct state *state)
{
	return state->mode == MODE_KM && state->start == KM_START_PAYLOAD ? is_monitor_parked(state) :
									    is_at_gate(dir_fd, state);
}

/* Returns 1 if the first process lives; else 0 and the status. */
static int is_alive(const struct state *state, enum status *ret, struct error *err)
{
	int r;

	*ret = state->pid == 0 ? STATUS_CREATING : STATUS_STOPPED;
	if (state->pid == 0)
		return 0;
	r = proc_is_alive(state->pid, state->start_time);
	return r < 0 ? error_sys(err, r, "look at process %d of container '%s'", state->pid, state->id) : r;
}

int status_of_living(int dir_fd, const struct state *state, int group_fd, enum status *ret, struct error *err)
{
	int r = is_frozen(state, group_fd, err);

	if (r < 0)
		return r;
	*ret = STATUS_PAUSED;
	if (r > 0)
		return 0;
	r = is_parked(dir_fd, state);
	if (r == -ESRCH) {
		*ret = STATUS_STOPPED;
		return 0;
	}
	if (r < 0)
		return error_sys(err, r, "look whether container '%s' is started", state->id);
	*ret = r > 0 ? STATUS_CREATED : STATUS_RUNNING;
	return 0;
}

int status_of(int dir_fd, const struct state *state, enum status *ret, struct error *err)
{
	auto_close int group_fd = -1;
	int r = is_alive(state, ret, err);

	if (r <= 0)
		return r;
	group_fd = cgroup_open_directory(&state->cgroup, err);
	return status_of_living(dir_fd, state, group_fd, ret, err);
}

int status_of_group(int dir_fd, const struct state *state, int group_fd, enum status *ret, struct error *err)
{
	int r = is_alive(state, ret, err);

	return r <= 0 ? r : status_of_living(dir_fd, state, group_fd, ret, err);
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
