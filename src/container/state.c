/* SPDX-License-Identifier: Apache-2.0 */
#include "container/container.h"
#include "container/handle.h"
#include "container/oom.h"
#include "util/error.h"

int container_state_text(const struct runtime_options *runtime, const char *id, char **ret_text,
			 struct error *err)
{
	struct handle handle;
	int r = handle_open(runtime, id, false, &handle, err);

	if (r < 0)
		return r;
	handle.state.oom_killed = oom_killed(&handle.state);
	*ret_text = state_text(&handle.state, status_word(handle.status),
			       handle.status == STATUS_STOPPED ? 0 : handle.state.pid, true);
	handle_done(&handle);
	return *ret_text ? 0 : error_oom(err);
}
