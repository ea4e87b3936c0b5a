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
	/* pid1 passes signals on to km, but it cannot catch SIGSTOP, and SIGCHLD is its own. */
	const bool to_monitor = signo == SIGSTOP || signo == SIGCHLD;
	auto_close int pidfd = to_monitor ? status_open_monitor(state, err) : status_open_process(state, err);
	int r;

	if (pidfd < 0)
		return pidfd;
	if (monitored && state->start == KM_START_PAYLOAD && signo == SIGUSR1 &&
	    !km_is_released(state_monitor(state))) {
		/*
		 * km takes it for "start". Instead krun does what an unhandled signal would do: nothing to
		 * the first process of a pid namespace, and the end to any other.
		 */
		log_debug("SIGUSR1 before the start is not sent, because km would start");
		if (state->monitor_pid && (state->namespaces & CLONE_NEWPID))
			return 0;
		signo = SIGTERM;
	}
	log_debug("signal %d to process %d", signo, to_monitor ? state_monitor(state) : state->pid);
	r = sys_pidfd_send_signal(pidfd, signo);
	if (r < 0)
		return status_lost_process(r, "send a signal to the container's process", err);
	/* A container of an older krun may have no pid1. */
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
 * Kills all processes. If the first process is pid 1 of its pid namespace, the kernel ends the others with
 * it. If not (the host's or a pod's namespace), all processes in the container's cgroup are killed, and the
 * first one by itself, because it may have left the cgroup.
 */
static int kill_everybody(const struct state *state, struct error *err)
{
	int r = processes_end_with_first(state, err), first;

	/* The first process has ended since the status was read; the others may still run. */
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

/* Signals the processes that an ended first process left behind in the pid namespace of the host or a pod. */
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
 * Signals each process. SIGKILL goes to the first one only, which ends its pid namespace. pid1 gets a signal
 * before all others: it looks at their states to decide which of them get it, and passes it on to km
 * (monitor/pid1.c).
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

/*
 * Returns whether `kill --all` may signal the cgroup as a whole. It may if the container is stopped:
 * containerd's shim kills in this way what the first process left behind. While pid1 lives, other signals
 * than SIGKILL go to pid1 first (signal_processes()).
 */
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
	/* A created container has only its first process, and signal_init() handles this signal. */
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
