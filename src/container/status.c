/* SPDX-License-Identifier: Apache-2.0 */
#include "container/status.h"

#include <errno.h>

#include "cgroup/cgroup.h"
#include "container/state.h"
#include "init/start.h"
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

static bool is_frozen(const struct state *state)
{
	struct cgroup cgroup;
	struct error ignored;
	bool frozen;

	if (!state->cgroup.path || cgroup_open(&state->cgroup, &cgroup, &ignored) < 0)
		return false;
	frozen = cgroup_is_frozen(&cgroup) == 1;
	cgroup_done(&cgroup);
	return frozen;
}

/* Parked in krun's own code, or in km's wait before the payload. */
static bool is_parked(int dir_fd, const struct state *state)
{
	struct proc_stat stat;

	if (state->personality != PERSONALITY_KM || state->start != KM_START_PAYLOAD)
		return start_gate_is_closed(dir_fd);
	if (km_is_waiting(state_monitor(state)))
		return true;
	/* SIGSTOP interrupts km's wait, but starts nothing. */
	return proc_read_stat(state_monitor(state), &stat) == 0 && stat.state == 'T' &&
	       !km_is_released(state_monitor(state));
}

enum status status_of(int dir_fd, const struct state *state)
{
	if (state->pid == 0)
		return STATUS_CREATING;
	if (!proc_is_alive(state->pid, state->start_time))
		return STATUS_STOPPED;
	if (is_frozen(state))
		return STATUS_PAUSED;
	return is_parked(dir_fd, state) ? STATUS_CREATED : STATUS_RUNNING;
}

int status_check(enum status status, enum operation operation, const char *id, struct error *err)
{
	if (status_allows(status, operation))
		return 0;
	if (operation == OP_KILL)
		return error_set(err, -ESRCH, "container not running");
	if (operation == OP_WATCH && status == STATUS_STOPPED)
		return error_set(err, -ESRCH, "cannot watch container '%s': container not running", id);
	return error_set(err, -EBUSY, "cannot %s container '%s': it is %s", verbs[operation], id,
			 words[status]);
}
