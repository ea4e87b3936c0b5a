/* SPDX-License-Identifier: Apache-2.0 */
#include "container/pause.h"

#include <errno.h>
#include <time.h>

#include "cgroup/cgroup.h"
#include "cgroup/events.h"
#include "container/container.h"
#include "container/handle.h"
#include "monitor/monitor.h"
#include "state/state.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"

enum { FREEZE_LOOKS = 1000, FREEZE_NAP_NS = 10000000 };

/*
 * Returns 1 if the kernel reports the cgroup as frozen, or two checks in a row found every process frozen.
 * @ret_passes: number of such checks so far.
 */
static int look_at_frozen(const struct cgroup *cgroup, int *ret_passes, struct error *err)
{
	auto_free pid_t *pids = NULL;
	struct cgroup_events events;
	size_t len;
	int r = cgroup_events_read(cgroup->dir_fd, &events);

	if (r < 0)
		return error_sys(err, r, "read the events of cgroup '%s'", cgroup->place.path);
	if (events.frozen)
		return 1;
	r = cgroup_pids(cgroup, &pids, &len, err);
	if (r < 0)
		return r;
	*ret_passes = km_is_frozen(pids, len) ? *ret_passes + 1 : 0;
	/*
	 * A child forked during the first check is in the second list, and has no child of its own by then.
	 */
	return *ret_passes >= 2;
}

/*
 * As cgroup_freeze(), for a cgroup with a virtual machine. Polls: the kernel may never report it as frozen.
 */
static int freeze_monitored(const struct cgroup *cgroup, struct error *err)
{
	const struct timespec nap = { .tv_nsec = FREEZE_NAP_NS };
	int passes = 0, r = io_write_existing(cgroup->dir_fd, "cgroup.freeze", "1");

	if (r < 0)
		return error_sys(err, r, "freeze cgroup '%s'", cgroup->place.path);
	for (int i = 0; i < FREEZE_LOOKS; i++) {
		r = look_at_frozen(cgroup, &passes, err);
		if (r != 0)
			break;
		nanosleep(&nap, NULL);
	}
	if (r > 0)
		return 0;
	io_write_existing(cgroup->dir_fd, "cgroup.freeze", "0");
	return r < 0 ? r : error_sys(err, -ETIMEDOUT, "freeze cgroup '%s'", cgroup->place.path);
}

int pause_set(const struct state *state, bool frozen, struct error *err)
{
	struct cgroup cgroup;
	int r;

	if (!state->cgroup.path)
		return error_set(err, -EOPNOTSUPP, "container '%s' has no cgroup of its own", state->id);
	r = cgroup_open(&state->cgroup, &cgroup, err);
	if (r < 0)
		return r;
	r = frozen && state->mode == MODE_KM ? freeze_monitored(&cgroup, err) :
					       cgroup_freeze(&cgroup, frozen, err);
	cgroup_done(&cgroup);
	return r;
}

static int freeze(const struct runtime_options *runtime, const char *id, enum operation operation,
		  struct error *err)
{
	struct handle handle;
	int r = handle_open(runtime, id, true, &handle, err);

	if (r < 0)
		return r;
	r = status_check(handle.status, operation, id, err);
	if (r == 0)
		r = pause_set(&handle.state, operation == OP_PAUSE, err);
	handle_done(&handle);
	return r;
}

int container_pause(const struct runtime_options *runtime, const char *id, struct error *err)
{
	return freeze(runtime, id, OP_PAUSE, err);
}

int container_resume(const struct runtime_options *runtime, const char *id, struct error *err)
{
	return freeze(runtime, id, OP_RESUME, err);
}
