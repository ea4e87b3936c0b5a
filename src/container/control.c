/* SPDX-License-Identifier: Apache-2.0 */

/* Commands on a container that exists: kill, delete, pause, resume, ps. */

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "container/container.h"
#include "container/members.h"
#include "container/monitor_log.h"
#include "container/pause.h"
#include "container/remove.h"
#include "container/state.h"
#include "container/state_dir.h"
#include "container/status.h"
#include "spec/spec.h"
#include "syscall/process.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/log.h"
#include "util/proc.h"

/* A container that is open for an operation. */
struct handle {
	int dir_fd;
	struct state state;
	enum status status;
};

static void handle_done(struct handle *handle)
{
	cleanup_close(&handle->dir_fd);
	state_done(&handle->state);
}

static int handle_open(const struct container_host *host, const char *id, bool lock, struct handle *ret,
		       struct error *err)
{
	int r;

	ret->dir_fd = state_open_some(host, id, lock, &ret->state, err);
	if (ret->dir_fd < 0)
		return ret->dir_fd;
	r = status_of(ret->dir_fd, &ret->state, &ret->status, err);
	if (r < 0)
		handle_done(ret);
	return r;
}

/* ---- kill ----------------------------------------------------------------------------------------------- */

/* While the first process lives, the number of km's is nobody else's. */
static int open_target(const struct state *state, pid_t pid, struct error *err)
{
	auto_close int pidfd = sys_pidfd_open(pid), first_fd = -1;

	if (pid == state->pid)
		return status_open_process(state, err);
	if (pidfd < 0)
		return status_lost_process(pidfd, "open a pidfd of km", err);
	first_fd = status_open_process(state, err);
	return first_fd < 0 ? first_fd : take_fd(&pidfd);
}

static int signal_init(const struct state *state, int signo, struct error *err)
{
	bool monitored = state->personality == PERSONALITY_KM;
	/* The process in front of km passes on what it can take. */
	pid_t pid = signo == SIGSTOP || signo == SIGCHLD ? state_monitor(state) : state->pid;
	auto_close int pidfd = open_target(state, pid, err);
	int r;

	if (pidfd < 0)
		return pidfd;
	if (monitored && state->start == KM_START_PAYLOAD && signo == SIGUSR1 &&
	    !km_is_released(state_monitor(state))) {
		/* To km it means "start". Process 1 does not notice a signal that it has no handler for; others end. */
		log_debug("SIGUSR1 before the start, which km takes for that");
		if (state->monitor_pid && (state->namespaces & CLONE_NEWPID))
			return 0;
		signo = SIGTERM;
	}
	r = sys_pidfd_send_signal(pidfd, signo);
	if (r < 0)
		return status_lost_process(r, "send a signal to the container's process", err);
	/* A container of an older krun may have nobody in front. */
	if (monitored && !state->monitor_pid && signo != SIGKILL)
		km_kick(pid, signo);
	return 0;
}

static int signal_cgroup(const struct state *state, int signo, struct error *err)
{
	struct cgroup cgroup;
	int r = cgroup_open(&state->cgroup, &cgroup, err);

	if (r == -ENOENT)
		return error_set(err, -ESRCH, "container not running");
	if (r < 0)
		return r;
	r = cgroup_kill(&cgroup, signo, err);
	cgroup_done(&cgroup);
	return r;
}

/*
 * The first process is 1 of a pid namespace, and the kernel ends the rest with it; or it is not (the host's, a pod's), and everybody in
 * the container's own cgroup is ended. That first process may have left it.
 */
static int kill_everybody(const struct state *state, struct error *err)
{
	int r = members_end_with_first(state, err), first;

	/* It has ended by itself since the look at the status: the rest is still to be ended. */
	if (r == -ESRCH)
		r = 0;
	if (r < 0)
		return r;
	if (r > 0 || !state->cgroup.path)
		return signal_init(state, SIGKILL, err);
	r = signal_cgroup(state, SIGKILL, err);
	if (r < 0 && r != -ESRCH)
		return r;
	first = signal_init(state, SIGKILL, err);
	return r == 0 && first == -ESRCH ? 0 : first;
}

/* What its first process left behind when it ended, in a pid namespace that is not its own. */
static int signal_rest(const struct state *state, int signo, struct error *err)
{
	auto_free pid_t *pids = NULL;
	size_t len = 0;
	int r = members_list(state, &pids, &len, err);

	if (r < 0)
		return r;
	return len == 0 ? error_set(err, -ESRCH, "container not running") : signal_cgroup(state, signo, err);
}

/*
 * The end of the first process is the end of its pid namespace; other signals go to each. The one in front of km comes before all
 * others: it looks how they are, to see who gets the signal, and passes it on to its child.
 */
static int signal_members(const struct state *state, int signo, struct error *err)
{
	auto_free pid_t *pids = NULL;
	size_t len;
	int r = members_list(state, &pids, &len, err);

	if (r == 0 && (signo == SIGKILL || state->monitor_pid))
		r = signal_init(state, signo, err);
	if (r < 0 || signo == SIGKILL)
		return r;
	if (state->monitor_pid)
		km_wait_taken(state->pid, signo);
	for (size_t i = 0; i < len; i++) {
		if (state->monitor_pid && (pids[i] == state->pid || pids[i] == state->monitor_pid))
			continue;
		if (kill(pids[i], signo) < 0 && errno != ESRCH)
			return error_sys(err, -errno, "signal %d to process %d", signo, pids[i]);
	}
	return 0;
}

/* The shim of containerd signals what a dead init left behind, in a pid namespace that is not its own. */
static bool goes_to_the_cgroup(const struct handle *handle, int signo)
{
	const bool in_front = handle->state.monitor_pid && handle->status != STATUS_STOPPED;

	return handle->state.cgroup.path && handle->status != STATUS_CREATING &&
	       !(in_front && signo != SIGKILL);
}

int container_kill(const struct container_host *host, const char *id, int signo, bool all, struct error *err)
{
	struct handle handle;
	int r = handle_open(host, id, false, &handle, err);

	if (r < 0)
		return r;
	r = status_check(handle.status, OP_KILL, id, err);
	/* Its first process is all that there is, and this signal is not for everybody: signal_init(). */
	if (signo == SIGUSR1 && handle.status == STATUS_CREATED && handle.state.personality == PERSONALITY_KM)
		all = false;
	if (all && goes_to_the_cgroup(&handle, signo))
		r = signal_cgroup(&handle.state, signo, err);
	else if (r == 0 && all)
		r = signal_members(&handle.state, signo, err);
	else if (handle.status == STATUS_STOPPED && handle.state.cgroup.path)
		r = signal_rest(&handle.state, signo, err);
	else if (r == 0 && signo == SIGKILL)
		r = kill_everybody(&handle.state, err);
	else if (r == 0)
		r = signal_init(&handle.state, signo, err);
	handle_done(&handle);
	return r;
}

/* ---- delete --------------------------------------------------------------------------------------------- */

/* Where a container without a readable state has to be: in the cgroup that its configuration names. The path stays NULL when that is no help. */
static int find_by_config(const struct container_host *host, int dir_fd, const char *id,
			  struct cgroup_place *ret, struct error *err)
{
	struct cgroup_request request = { .id = id, .manager = host->manager, .root_fd = -1 };
	struct spec *spec = NULL;
	struct cgroup cgroup;
	int r = spec_load(dir_fd, STATE_CONFIG, &spec, err);

	if (r < 0)
		return error_is_shortage(r) ? r : 0;
	request.spec_path = spec->cgroups_path;
	if (cgroup_place_make(&request, ret, err) == 0 && ret->path) {
		r = cgroup_open(ret, &cgroup, err);
		if (r == 0)
			cgroup_done(&cgroup);
	}
	spec_free(spec);
	return r;
}

/*
 * Neither file can be read. The copy of config.json tells in which cgroup the container has to be, unless systemd has chosen it; then,
 * and when there is no such group, nobody can say what is left, and the container is not forgotten.
 */
static int delete_by_config(const struct container_host *host, int dir_fd, const char *id, struct error *err)
{
	struct state state = { .id = (char *)(uintptr_t)id };
	int r = find_by_config(host, dir_fd, id, &state.cgroup, err);

	if (r == 0 && state.cgroup.path)
		r = container_remove(host, dir_fd, &state, NULL, err);
	else if (r == 0 || r == -ENOENT)
		r = error_set(err, -EPROTO,
			      "container '%s': '%s' and '%s' cannot be read, and it has no cgroup '%s': its "
			      "processes "
			      "may be left; end them, then remove its directory in the state root",
			      id, STATE_FILE, STATE_PLACE,
			      state.cgroup.path ? state.cgroup.path :
			      state.cgroup.unit ? state.cgroup.unit :
						  "of its own");
	cgroup_place_done(&state.cgroup);
	return r;
}

static bool is_absent(int dir_fd, const char *name)
{
	return faccessat(dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
}

/*
 * What a directory without a readable state holds, which is locked. Without either file it is what a create left that was killed in its
 * first steps, before there was a cgroup.
 */
static int delete_unreadable(const struct container_host *host, int dir_fd, const char *id, struct error *err)
{
	if (is_absent(dir_fd, STATE_FILE) && is_absent(dir_fd, STATE_PLACE))
		return state_dir_remove(host, dir_fd, id, err);
	return delete_by_config(host, dir_fd, id, err);
}

/*
 * Somebody is at work on the container, and may wait for what it will never do, a checkpoint for km's answer, say. With the death of
 * its process that work ends, and the lock is free. Without one (it is being made) the lock is waited for.
 */
static void kill_busy(const struct container_host *host, const char *id)
{
	struct state state;
	struct error err;
	auto_close int dir_fd = state_dir_open(host, id, &err);

	if (dir_fd < 0 || !state_dir_is_locked(dir_fd) || state_load_some(dir_fd, id, &state, &err) < 0)
		return;
	if (container_kill_init(&state, &err) < 0)
		log_debug("%s", err.text);
	state_done(&state);
}

static int delete_known(const struct container_host *host, int dir_fd, const struct state *state,
			struct error *err)
{
	auto_close int log_fd = monitor_log_open(dir_fd, state);

	/* It goes with the state: this is the last time that anybody sees it. */
	monitor_log_to_debug(log_fd, 0);
	return container_remove(host, dir_fd, state, NULL, err);
}

/* Whatever its status is; a container that is not there is deleted. */
static int delete_by_force(const struct container_host *host, const char *id, struct error *err)
{
	auto_close int dir_fd = -1;
	struct state state;
	int r;

	kill_busy(host, id);
	dir_fd = state_dir_open(host, id, err);
	r = dir_fd < 0 ? dir_fd : state_dir_lock(dir_fd, id, err);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = state_load_some(dir_fd, id, &state, err);
	if (r < 0)
		return error_is_shortage(r) ? error_prefix(err, "container '%s'", id) :
					      delete_unreadable(host, dir_fd, id, err);
	r = delete_known(host, dir_fd, &state, err);
	state_done(&state);
	return r;
}

int container_delete(const struct container_host *host, const char *id, bool force, struct error *err)
{
	struct handle handle;
	int r;

	if (force)
		return delete_by_force(host, id, err);
	r = handle_open(host, id, true, &handle, err);
	if (r < 0)
		return r;
	/* We hold the lock, so nobody is making it any more: "creating" is what a killed create left. */
	if (handle.status != STATUS_CREATING)
		r = status_check(handle.status, OP_DELETE, id, err);
	if (r == 0)
		r = delete_known(host, handle.dir_fd, &handle.state, err);
	handle_done(&handle);
	return r;
}

/* ---- pause, resume, ps ---------------------------------------------------------------------------- */

static int freeze(const struct container_host *host, const char *id, enum operation operation,
		  struct error *err)
{
	struct handle handle;
	int r = handle_open(host, id, true, &handle, err);

	if (r < 0)
		return r;
	r = status_check(handle.status, operation, id, err);
	if (r == 0)
		r = pause_set(&handle.state, operation == OP_PAUSE, err);
	handle_done(&handle);
	return r;
}

int container_pause(const struct container_host *host, const char *id, struct error *err)
{
	return freeze(host, id, OP_PAUSE, err);
}

int container_resume(const struct container_host *host, const char *id, struct error *err)
{
	return freeze(host, id, OP_RESUME, err);
}

int container_pids(const struct container_host *host, const char *id, pid_t **ret, size_t *ret_len,
		   struct error *err)
{
	struct handle handle;
	int r = handle_open(host, id, false, &handle, err);

	if (r < 0)
		return r;
	if (handle.status == STATUS_CREATING ||
	    (handle.status == STATUS_STOPPED && !handle.state.cgroup.path)) {
		*ret = calloc(1, sizeof(**ret));
		*ret_len = 0;
		r = *ret ? 0 : error_oom(err);
	} else {
		r = members_list(&handle.state, ret, ret_len, err);
	}
	handle_done(&handle);
	return r;
}
