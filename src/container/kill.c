/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>

#include "container/container.h"
#include "container/handle.h"
#include "monitor/monitor.h"
#include "state/processes.h"
#include "state/state.h"
#include "state/status.h"
#include "syscall/process.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/log.h"

static int signal_init(const struct state *state, int signo, struct error *err)
{
	bool monitored = state->mode == MODE_KM;
	/* The process in front of km passes on what it can take. */
	const bool to_monitor = signo == SIGSTOP || signo == SIGCHLD;
	auto_close int pidfd = to_monitor ? status_open_monitor(state, err) : status_open_process(state, err);
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
		km_kick(state->pid, signo);
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
	int r = processes_end_with_first(state, err), first;

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
	int r = processes_list(state, &pids, &len, err);

	if (r < 0)
		return r;
	return len == 0 ? error_set(err, -ESRCH, "container not running") : signal_cgroup(state, signo, err);
}

/*
 * The end of the first process is the end of its pid namespace; other signals go to each. The one in front of km comes before all
 * others: it looks how they are, to see who gets the signal, and passes it on to its child.
 */
static int signal_processes(const struct state *state, int signo, struct error *err)
{
	auto_free pid_t *pids = NULL;
	size_t len;
	int r = processes_list(state, &pids, &len, err);

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

/* The pid1 of containerd signals what a dead init left behind, in a pid namespace that is not its own. */
static bool goes_to_the_cgroup(const struct handle *handle, int signo)
{
	const bool in_front = handle->state.monitor_pid && handle->status != STATUS_STOPPED;

	return handle->state.cgroup.path && handle->status != STATUS_CREATING &&
	       !(in_front && signo != SIGKILL);
}

int container_kill(const struct runtime_options *runtime, const char *id, int signo, bool all,
		   struct error *err)
{
	struct handle handle;
	int r = handle_open(runtime, id, false, &handle, err);

	if (r < 0)
		return r;
	r = status_check(handle.status, OP_KILL, id, err);
	/* Its first process is all that there is, and this signal is not for everybody: signal_init(). */
	if (signo == SIGUSR1 && handle.status == STATUS_CREATED && handle.state.mode == MODE_KM)
		all = false;
	if (all && goes_to_the_cgroup(&handle, signo))
		r = signal_cgroup(&handle.state, signo, err);
	else if (r == 0 && all)
		r = signal_processes(&handle.state, signo, err);
	else if (handle.status == STATUS_STOPPED && handle.state.cgroup.path)
		r = signal_rest(&handle.state, signo, err);
	else if (r == 0 && signo == SIGKILL)
		r = kill_everybody(&handle.state, err);
	else if (r == 0)
		r = signal_init(&handle.state, signo, err);
	handle_done(&handle);
	return r;
}
