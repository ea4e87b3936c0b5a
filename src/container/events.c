/* SPDX-License-Identifier: Apache-2.0 */
#include "container/events.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "cgroup/events.h"
#include "state/runtime_options.h"
#include "state/state.h"
#include "state/status.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/log.h"

/* A watched container. */
struct watch {
	char *id;
	const struct runtime_options *runtime; /* as in struct container_target */
	struct cgroup cgroup;
	struct rdt_group rdt;
	int pidfd;
	int process_fd; /* /proc/PID */
	bool has_network;
	int memory_fd; /* memory.events; -1: memory is not counted */
	uint64_t oom_kills;
};

struct watcher {
	const struct container_events_request *request;
	struct watch *watches;
	size_t len;
	int timer_fd;
	int resctrl_fd; /* -1: no container has a class */
	struct pollfd *fds;
};

/* ---- from ids to watches --------------------------------------------------------------------- */

static void watch_done(struct watch *watch)
{
	free(watch->id);
	free(watch->rdt.name);
	cgroup_done(&watch->cgroup);
	cleanup_close(&watch->pidfd);
	cleanup_close(&watch->process_fd);
	cleanup_close(&watch->memory_fd);
}

static uint64_t oom_kills_of(struct watch *watch)
{
	struct cgroup_memory_events events;

	if (watch->memory_fd < 0)
		return watch->oom_kills;
	/* With the file of a removed cgroup poll(2) would return at once for ever. */
	if (cgroup_memory_events_read(watch->memory_fd, &events) < 0) {
		cleanup_close(&watch->memory_fd);
		return watch->oom_kills;
	}
	return events.oom_kill;
}

static int open_process(const struct state *state, struct watch *watch, struct error *err)
{
	char path[32];
	int lost;

	snprintf(path, sizeof(path), "/proc/%d", state->pid);
	watch->process_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	lost = watch->process_fd < 0 ? -errno : 0;
	/* Opened after /proc/PID: the process is alive now, so that both are of the same process. */
	watch->pidfd = status_open_process(state, err);
	if (watch->pidfd == -ESRCH)
		return status_check(STATUS_STOPPED, OP_WATCH, state->id, err);
	if (watch->pidfd < 0)
		return watch->pidfd;
	if (lost < 0)
		return error_sys(err, lost, "open '%s'", path);
	watch->has_network = net_stats_is_foreign(watch->process_fd);
	return 0;
}

static int open_watch(int dir_fd, struct state *state, struct watch *watch, struct error *err)
{
	enum status status;
	int r = status_of(dir_fd, state, &status, err);

	if (r == 0)
		r = status_check(status, OP_WATCH, state->id, err);
	if (r < 0)
		return r;
	if (!state->cgroup.path)
		return error_set(err, -EOPNOTSUPP,
				 "container '%s' has no cgroup of its own: nothing is counted for it",
				 state->id);
	r = open_process(state, watch, err);
	if (r == 0)
		r = cgroup_open(&state->cgroup, &watch->cgroup, err);
	if (r < 0)
		return r;
	watch->memory_fd = cgroup_memory_events_open(watch->cgroup.dir_fd);
	watch->oom_kills = oom_kills_of(watch);
	watch->id = take_pointer(state->id);
	watch->rdt = state->rdt;
	state->rdt.name = NULL;
	return 0;
}

static int add_watch(struct watcher *watcher, const struct container_target *target, struct error *err)
{
	struct watch *watch = &watcher->watches[watcher->len];
	struct state state;
	auto_close int dir_fd = state_open(target->runtime, target->id, false, &state, err);
	int r;

	if (dir_fd < 0)
		return dir_fd;
	*watch = (struct watch){
		.runtime = target->runtime,
		.cgroup = { .dir_fd = -1, .holder_fd = -1 },
		.pidfd = -1,
		.process_fd = -1,
		.memory_fd = -1,
	};
	r = open_watch(dir_fd, &state, watch, err);
	state_done(&state);
	if (r < 0) {
		watch_done(watch);
		return r;
	}
	watcher->len++;
	return 0;
}

/* The same id in another root is another container. */
static bool is_watched(const struct watcher *watcher, const struct container_target *target)
{
	for (size_t i = 0; i < watcher->len; i++)
		if (strcmp(watcher->watches[i].id, target->id) == 0 &&
		    strcmp(container_root(watcher->watches[i].runtime), container_root(target->runtime)) == 0)
			return true;
	return false;
}

/* For how long the containers of a foreign root are looked at, with .all; as in list.c. */
enum { FOREIGN_MS = 2000 };

/* The root of the targets that are being added. */
struct place {
	const struct runtime_options *runtime;
	int64_t deadline;
	bool is_late;
};

/* Returns whether the target is left out, because its root has taken too long. */
static bool is_late(const struct container_target *target, struct place *place)
{
	if (target->runtime != place->runtime)
		*place = (struct place){ target->runtime, clock_ms() + FOREIGN_MS, false };
	if (target->is_foreign && !place->is_late && clock_ms() > place->deadline) {
		log_warning("'%s' takes too long, and not all of its containers are watched",
			    container_root(target->runtime));
		place->is_late = true;
	}
	return place->is_late;
}

/* With .all there is no warning about a container that has just ended or been deleted. */
static int add_targets(struct watcher *watcher, struct error *err)
{
	const struct container_events_request *request = watcher->request;
	struct place place = { 0 };
	int r = 0;

	watcher->watches = calloc(request->targets_len + 1, sizeof(*watcher->watches));
	if (!watcher->watches)
		return error_oom(err);
	for (size_t i = 0; r == 0 && i < request->targets_len; i++) {
		if (is_watched(watcher, &request->targets[i]) ||
		    (request->all && is_late(&request->targets[i], &place)))
			continue;
		r = add_watch(watcher, &request->targets[i], err);
		if (r == 0 || !request->all || r == -ENOMEM || r == -EMFILE || r == -ENFILE)
			continue;
		if (r != -ENOENT && r != -ESRCH && r != -EBUSY)
			log_warning("%s", err->text);
		r = 0;
	}
	return r;
}

static int open_all(struct watcher *watcher, struct error *err)
{
	struct rlimit limit;
	int r;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	r = add_targets(watcher, err);
	for (size_t i = 0; r == 0 && watcher->resctrl_fd < 0 && i < watcher->len; i++) {
		if (!watcher->watches[i].rdt.name)
			continue;
		watcher->resctrl_fd = rdt_open(err);
		r = watcher->resctrl_fd < 0 ? watcher->resctrl_fd : 0;
	}
	return r;
}

/* ---- events ---------------------------------------------------------------------------------- */

static uint64_t now(void)
{
	return (uint64_t)clock_ns();
}

/* Reports a sample. -ENODEV: the cgroup is gone. */
static int tell_sample(const struct watcher *watcher, const struct watch *watch, bool has_ended,
		       struct error *err)
{
	const struct container_events_handler *handler = &watcher->request->handler;
	struct container_sample sample = { .id = watch->id, .time = now(), .has_ended = has_ended };
	int r = cgroup_stats_read(&watch->cgroup, &sample.cgroup, err);

	if (r < 0)
		return r;
	if (watch->rdt.name)
		r = rdt_stats_read(watcher->resctrl_fd, &watch->rdt, watch->id, &sample.rdt);
	if (r < 0)
		error_sys(err, r, "read the resctrl statistics of container '%s'", watch->id);
	/* The network namespace of an ended process is not readable. */
	if (r == 0 && watch->has_network && !has_ended &&
	    net_stats_read(watch->process_fd, &sample.interfaces, &sample.interfaces_len) == -ENOMEM)
		r = error_oom(err);
	if (r == 0)
		r = handler->sample(handler->data, &sample, err);
	free(sample.interfaces);
	rdt_stats_done(&sample.rdt);
	cgroup_stats_done(&sample.cgroup);
	return r;
}

static int tell_oom(const struct watcher *watcher, struct watch *watch, struct error *err)
{
	const struct container_events_handler *handler = &watcher->request->handler;
	uint64_t kills = oom_kills_of(watch);
	const bool is_new = kills > watch->oom_kills;

	watch->oom_kills = kills;
	return is_new ? handler->oom(handler->data, watch->id, err) : 0;
}

static bool has_ended(const struct watch *watch)
{
	struct pollfd item = { .fd = watch->pidfd, .events = POLLIN };

	return poll(&item, 1, 0) == 1;
}

/* Reports the last events of a container, unless another command has removed its cgroup already. */
static int tell_end(const struct watcher *watcher, struct watch *watch, struct error *err)
{
	const struct container_events_handler *handler = &watcher->request->handler;
	int r = tell_oom(watcher, watch, err);

	/* systemd has removed the cgroup already, but remembers the reason. */
	if (r == 0 && watch->memory_fd < 0 && watch->oom_kills == 0 && watch->cgroup.place.unit &&
	    cgroup_ran_out_of_memory(&watch->cgroup))
		r = handler->oom(handler->data, watch->id, err);
	if (r == 0)
		r = tell_sample(watcher, watch, true, err);
	return r == -ENODEV ? 0 : r;
}

static int tell_round(const struct watcher *watcher, struct error *err)
{
	const struct container_events_request *request = watcher->request;
	int r = 0;

	for (size_t i = 0; r == 0 && i < watcher->len; i++) {
		struct watch *watch = &watcher->watches[i];

		r = tell_sample(watcher, watch, false, err);
		/* The loop will report its end; a single round has no loop, so that the end is an error. */
		if (r == -ENODEV && has_ended(watch))
			r = !request->all && request->rounds == 1 ?
				    status_check(STATUS_STOPPED, OP_WATCH, watch->id, err) :
				    0;
	}
	return r < 0 ? r : request->handler.round_done(request->handler.data, err);
}

/* ---- the loop -------------------------------------------------------------------------------- */

enum { OUTPUT, TIMER, FIRST_WATCH, PROCESS = 0, MEMORY, FDS_OF_WATCH };

static struct pollfd *fds_of(const struct watcher *watcher, size_t i)
{
	return &watcher->fds[FIRST_WATCH + FDS_OF_WATCH * i];
}

static int wait_for_something(const struct watcher *watcher, struct error *err)
{
	/* poll(2) reports POLLERR without being asked: the output has no reader any more. */
	watcher->fds[OUTPUT] = (struct pollfd){ .fd = watcher->request->output_fd };
	watcher->fds[TIMER] = (struct pollfd){ .fd = watcher->timer_fd, .events = POLLIN };
	for (size_t i = 0; i < watcher->len; i++) {
		struct pollfd *fds = fds_of(watcher, i);

		fds[PROCESS] = (struct pollfd){ .fd = watcher->watches[i].pidfd, .events = POLLIN };
		fds[MEMORY] = (struct pollfd){ .fd = watcher->watches[i].memory_fd, .events = POLLPRI };
	}
	while (poll(watcher->fds, FIRST_WATCH + FDS_OF_WATCH * watcher->len, -1) < 0)
		if (errno != EINTR)
			return error_sys(err, -errno, "wait for events");
	return 0;
}

/* Reports what happened to the containers, and drops those that have ended. */
static int handle_watches(struct watcher *watcher, struct error *err)
{
	size_t kept = 0, len = watcher->len;
	int r = 0;

	for (size_t i = 0; i < len; i++) {
		struct watch *watch = &watcher->watches[i];
		const struct pollfd *fds = fds_of(watcher, i);

		if (r == 0 && fds[PROCESS].revents) {
			r = tell_end(watcher, watch, err);
			watch_done(watch);
			continue;
		}
		if (r == 0 && fds[MEMORY].revents)
			r = tell_oom(watcher, watch, err);
		watcher->watches[kept++] = *watch;
	}
	watcher->len = kept;
	return r;
}

static int loop(struct watcher *watcher, struct error *err)
{
	const struct container_events_request *request = watcher->request;
	unsigned int rounds = 0;
	int r = 0;

	/* Without any container nothing is printed. */
	while (watcher->len > 0) {
		uint64_t ticks;

		if (rounds == 0 ||
		    (watcher->fds[TIMER].revents &&
		     read(watcher->timer_fd, &ticks, sizeof(ticks)) == (ssize_t)sizeof(ticks))) {
			r = tell_round(watcher, err);
			rounds++;
		}
		if (r < 0 || (request->rounds > 0 && rounds >= request->rounds))
			return r;
		r = wait_for_something(watcher, err);
		if (r == 0 && watcher->fds[OUTPUT].revents)
			r = error_sys(err, -EPIPE, "write the events");
		if (r == 0)
			r = handle_watches(watcher, err);
		if (r < 0)
			return r;
	}
	return rounds > 0 ? request->handler.round_done(request->handler.data, err) : 0;
}

static struct timespec to_timespec(uint64_t ns)
{
	return (struct timespec){ .tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000) };
}

static int start_timer(struct watcher *watcher, struct error *err)
{
	const struct itimerspec times = {
		.it_value = to_timespec(watcher->request->first_ns),
		.it_interval = to_timespec(watcher->request->interval_ns),
	};

	watcher->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	if (watcher->timer_fd < 0 || timerfd_settime(watcher->timer_fd, 0, &times, NULL) < 0)
		return error_sys(err, -errno, "start a timer");
	return 0;
}

int container_events(const struct container_events_request *request, struct error *err)
{
	struct watcher watcher = { .request = request, .timer_fd = -1, .resctrl_fd = -1 };
	int r = open_all(&watcher, err);

	if (r == 0) {
		watcher.fds = calloc(FIRST_WATCH + FDS_OF_WATCH * watcher.len, sizeof(*watcher.fds));
		r = watcher.fds ? start_timer(&watcher, err) : error_oom(err);
	}
	if (r == 0)
		r = loop(&watcher, err);
	for (size_t i = 0; i < watcher.len; i++)
		watch_done(&watcher.watches[i]);
	free(watcher.watches);
	free(watcher.fds);
	cleanup_close(&watcher.timer_fd);
	cleanup_close(&watcher.resctrl_fd);
	return r;
}
