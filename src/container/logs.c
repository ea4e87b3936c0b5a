/* SPDX-License-Identifier: Apache-2.0 */

/* `logs`: km's log, and the records of programs that ran without km. */

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "container/audit.h"
#include "container/container.h"
#include "monitor/log.h"
#include "state/state.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"
#include "util/printable.h"
#include "util/proc.h"
#include "util/strv.h"

enum { FOLLOW_NAP_NS = 200000000 };

static int open_monitor_log(int dir_fd, const struct state *state, struct error *err)
{
	const char *log;
	int fd;

	if (state->mode != MODE_KM)
		return error_set(err, -ENOENT, "container '%s' does not run under km: it has no log of km",
				 state->id);
	log = state->settings.items ? strv_env_get(state->settings.items, "log") : NULL;
	if (log)
		return error_set(err, -ENOENT,
				 "km's log of container '%s' goes to '%s', as \"log\" has been set",
				 state->id, log);
	fd = state_log_open(dir_fd, state);
	if (fd < 0)
		return error_set(err, -ENOENT,
				 "km's log of container '%s' cannot be found: it is in another mount "
				 "namespace, or was in memory, because mounts were not permitted, and ended "
				 "with km",
				 state->id);
	return fd;
}

/*
 * Writes the log; with @follow until the container has ended. It is checked before the log is read, so that
 * the end is complete.
 */
static int copy_monitor_log(const struct state *state, int log_fd, bool follow, int out_fd, struct error *err)
{
	const struct timespec nap = { .tv_nsec = FOLLOW_NAP_NS };
	off_t at = 0;

	for (;;) {
		const int alive = follow ? proc_is_alive(state->pid, state->start_time) : 0;
		auto_free char *text = NULL, *shown = NULL;
		size_t len;
		int r = monitor_log_read(log_fd, at, &text, &len);

		if (r < 0)
			return error_sys(err, r, "read km's log");
		/* The payload decides on some of the text: control characters must not reach a terminal. */
		shown = printable_text(text, "\n\t");
		if (!shown)
			return error_oom(err);
		r = io_write_all(out_fd, shown, strlen(shown));
		if (r < 0)
			return error_sys(err, r, "write to stdout");
		at += (off_t)len;
		if (alive < 0)
			return error_sys(err, alive, "look at the process of container '%s'", state->id);
		if (alive == 0)
			return 0;
		nanosleep(&nap, NULL);
	}
}

int container_logs(const struct runtime_options *runtime, const char *id, enum container_log which,
		   bool follow, int out_fd, struct error *err)
{
	struct state state;
	auto_close int dir_fd = state_open(runtime, id, false, &state, err), log_fd = -1;
	int r;

	if (dir_fd < 0)
		return dir_fd;
	if (which == CONTAINER_LOG_EXCEPTIONS) {
		r = audit_copy(dir_fd, out_fd, err);
	} else {
		r = log_fd = open_monitor_log(dir_fd, &state, err);
		if (r >= 0)
			r = copy_monitor_log(&state, log_fd, follow, out_fd, err);
	}
	state_done(&state);
	return r;
}
