/* SPDX-License-Identifier: Apache-2.0 */
#include "container/container.h"
#include "container/oom.h"
#include "state/state.h"
#include "state/status.h"
#include "util/cleanup.h"
#include "util/error.h"

int container_state_text(const struct container_host *host, const char *id, char **ret_text,
			 struct error *err)
{
	struct state state;
	auto_close int dir_fd = state_open_some(host, id, false, &state, err);
	enum status status;
	char *text = NULL;
	int r;

	if (dir_fd < 0)
		return dir_fd;
	r = status_of(dir_fd, &state, &status, err);
	if (r == 0) {
		state.oom_killed = oom_killed(&state);
		text = state_text(&state, status_word(status), status == STATUS_STOPPED ? 0 : state.pid,
				  true);
		r = text ? 0 : error_oom(err);
	}
	state_done(&state);
	if (r < 0)
		return r;
	*ret_text = text;
	return 0;
}
