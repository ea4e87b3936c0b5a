/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "container/container.h"
#include "container/handle.h"
#include "state/processes.h"
#include "util/error.h"

int container_pids(const struct runtime_options *runtime, const char *id, pid_t **ret, size_t *ret_len,
		   struct error *err)
{
	struct handle handle;
	int r = handle_open(runtime, id, false, &handle, err);

	if (r < 0)
		return r;
	if (handle.status == STATUS_CREATING ||
	    (handle.status == STATUS_STOPPED && !handle.state.cgroup.path)) {
		*ret = calloc(1, sizeof(**ret));
		*ret_len = 0;
		r = *ret ? 0 : error_oom(err);
	} else {
		r = processes_list(&handle.state, ret, ret_len, err);
	}
	handle_done(&handle);
	return r;
}
