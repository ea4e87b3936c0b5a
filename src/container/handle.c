/* SPDX-License-Identifier: Apache-2.0 */
#include "container/handle.h"

#include "util/cleanup.h"
#include "util/error.h"

void handle_done(struct handle *handle)
{
	cleanup_close(&handle->dir_fd);
	state_done(&handle->state);
}

int handle_open(const struct runtime_options *runtime, const char *id, bool lock, struct handle *ret,
		struct error *err)
{
	int r;

	ret->dir_fd = state_open_some(runtime, id, lock, &ret->state, err);
	if (ret->dir_fd < 0)
		return ret->dir_fd;
	r = status_of(ret->dir_fd, &ret->state, &ret->status, err);
	if (r < 0)
		handle_done(ret);
	return r;
}
