/* SPDX-License-Identifier: Apache-2.0 */

/* Finds the log of a container's km from its state. */

#include <errno.h>

#include "monitor/log.h"
#include "state/state.h"
#include "util/cleanup.h"
#include "util/proc.h"

int state_log_open(int dir_fd, const struct state *state)
{
	int fd;

	if (state->mode != MODE_KM)
		return -ENOENT;
	fd = monitor_log_open(dir_fd);
	if (fd >= 0)
		return fd;
	return proc_is_alive(state->pid, state->start_time) > 0 ? monitor_log_open_of(state_monitor(state)) :
								  -ENOENT;
}

int state_log_explain(int dir_fd, const struct state *state, struct error *err)
{
	auto_close int log_fd = state_log_open(dir_fd, state);

	return monitor_log_explain(log_fd, err);
}
