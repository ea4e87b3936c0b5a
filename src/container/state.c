/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup/cgroup.h"
#include "container/container.h"
#include "container/oom.h"
#include "state/state.h"
#include "state/status.h"
#include "util/cleanup.h"
#include "util/error.h"

/* The cgroup is opened once, for the status and for what it says of memory. */
static int make_text(int dir_fd, struct state *state, char **ret_text, struct error *err)
{
	auto_close int group_fd = cgroup_open_directory(&state->cgroup, err);
	enum status status;
	int r = status_of_group(dir_fd, state, group_fd, &status, err);

	if (r < 0)
		return r;
	state->oom_killed = oom_killed(state, group_fd);
	*ret_text = state_text(state, status_word(status), status == STATUS_STOPPED ? 0 : state->pid, true);
	return *ret_text ? 0 : error_oom(err);
}

int container_state_text(const struct runtime_options *runtime, const char *id, char **ret_text,
			 struct error *err)
{
	struct state state;
	auto_close int dir_fd = state_open_some(runtime, id, false, &state, err);
	int r;

	if (dir_fd < 0)
		return dir_fd;
	r = make_text(dir_fd, &state, ret_text, err);
	state_done(&state);
	return r;
}
