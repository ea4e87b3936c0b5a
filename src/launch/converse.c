/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The conversation between the command and the child that it has made (init/sync.h), and what the command
 * does for the child.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "hooks/hooks.h"
#include "init/sync.h"
#include "krun/annotations.h"
#include "launch/agent.h"
#include "launch/launch.h"
#include "monitor/log.h"
#include "monitor/pid1.h"
#include "mount/mount.h"
#include "ns/idmap.h"
#include "ns/netdev.h"
#include "security/security.h"
#include "syscall/process.h"
#include "terminal/terminal.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"
#include "util/log.h"
#include "util/proc.h"
#include "util/trace.h"

/* How long pid1 may take to say what became of km, and to end, once km has ended. */
enum { FRONT_MS = 1000 };
enum { EXECUTED_NAPS = 200, EXECUTED_NAP_NS = 1000000 };

int launch_run_hooks(struct launch *launch, struct error *err)
{
	static const enum hook_kind kinds[] = { HOOK_PRESTART, HOOK_CREATE_RUNTIME };
	auto_free char *text = state_text(&launch->state, "creating", launch->child.pid, false);
	int r = 0;

	if (!text)
		return error_oom(err);
	launch->hooks_ran = true;
	for (size_t i = 0; r == 0 && i < 2; i++)
		if (launch->spec->hooks[kinds[i]].len > 0)
			r = hooks_run(kinds[i], &launch->spec->hooks[kinds[i]], text,
				      &(struct hooks_context){ .directory = launch->state.bundle }, err);
	return r;
}

static int run_parent_hooks(struct launch *launch, struct error *err)
{
	auto_close int state_fd = -1;
	int r = launch_run_hooks(launch, err);

	if (r < 0)
		return r;
	state_fd = launch_state_fd(launch, err);
	if (state_fd < 0)
		return state_fd;
	return sync_send(launch->child.sync_fd, SYNC_HOOKS_DONE, 0, state_fd, err);
}

int launch_take_console(struct launch *launch, int master_fd, struct error *err)
{
	return console_take(master_fd, &launch->console_fd, &launch->master_fd, err);
}

void launch_give_streams(int proc_fd, pid_t pid, const struct spec_process *process)
{
	uid_t uid;

	if (!process->terminal && idmap_user_of(proc_fd, pid, process->user.uid, &uid))
		init_give_streams(uid);
}

static int give_id_maps(struct launch *launch, struct error *err)
{
	const struct spec_process *process = &launch->process;
	int r = 0;

	if (!launch->plan.user_namespace)
		return 0;
	if (!launch->spec->namespaces[NS_USER].path)
		r = idmap_write(launch->proc_fd, launch->child.pid, &launch->spec->id_maps, err);
	if (r == 0)
		r = rlimits_prepare(launch->child.pid, process->rlimits, process->rlimits_len, err);
	if (r == 0)
		r = scheduling_apply(launch->child.pid, process, err);
	if (r == 0 && process->oom_score_adj.set && geteuid() == 0)
		r = oom_score_apply(launch->proc_fd, launch->child.pid, process->oom_score_adj.value, err);
	if (r == 0) {
		launch_give_streams(launch->proc_fd, launch->child.pid, process);
		r = sync_send(launch->child.sync_fd, SYNC_ID_MAPS, 0, -1, err);
	}
	return r;
}

/* The child may not have joined its network namespace yet, which has a descriptor then. */
static int move_net_devices(struct launch *launch, struct error *err)
{
	const struct spec *spec = launch->spec;
	const int joined_fd = launch->ns.join[NS_NETWORK];
	auto_close int netns_fd = -1;
	char own[32];

	if (spec->net_devices_len == 0)
		return 0;
	snprintf(own, sizeof(own), "%d/ns/net", launch->child.pid);
	netns_fd = joined_fd >= 0 ? fcntl(joined_fd, F_DUPFD_CLOEXEC, 3) :
				    openat(launch->proc_fd, own, O_RDONLY | O_CLOEXEC);
	if (netns_fd < 0)
		return error_sys(err, -errno, "open the container's network namespace");
	return netdev_move(spec->net_devices, spec->net_devices_len, netns_fd, err);
}

/* A memory limit that is too low kills km, or krun's process before it, without any message. */
static int explain_death(const struct launch *launch, struct error *err)
{
	char text[512], limit[32];
	const char *kills;

	if (launch->cgroup.dir_fd < 0 ||
	    io_read_small(launch->cgroup.dir_fd, "memory.events", text, sizeof(text)) <= 0)
		return err->code;
	kills = strstr(text, "oom_kill ");
	if (!kills || strtoul(kills + strlen("oom_kill "), NULL, 10) == 0)
		return err->code;
	if (io_read_small(launch->cgroup.dir_fd, "memory.max", limit, sizeof(limit)) <= 0 ||
	    strcmp(limit, "max") == 0)
		return error_prefix(err, "memory ran out, by a limit above the container's cgroup");
	return error_prefix(err, "the container's memory limit is too low (%s bytes)", limit);
}

/*
 * Finds a device that km perhaps cannot open. A caller who may not make device nodes gets the host's, with
 * the host's mode; the container's user is in the node's group only if it keeps the caller's groups.
 */
static const struct km_device *find_closed_device(const struct launch *launch)
{
	for (size_t i = 0; i < launch->km.devices_len; i++) {
		struct stat st;

		if (proc_is_ordinary_user() && !launch->state.keep_groups &&
		    fstat(launch->km.devices[i].fd, &st) == 0 && st.st_uid != geteuid() &&
		    (st.st_mode & 0006) != 0006)
			return &launch->km.devices[i];
	}
	return NULL;
}

/* Adds likely reasons for an early end of km that are not in its log. */
static int explain_settings(const struct launch *launch, int r, struct error *err)
{
	const struct km_device *device = find_closed_device(launch);

	if (launch->km.settings.log)
		return error_prefix(err, "with \"log\" set to '%s'", launch->km.settings.log);
	if (device)
		return error_append(err,
				    "the container's user may not be allowed to open '%s': then change its "
				    "mode on the host, or "
				    "keep the caller's groups (annotation " KRUN_ANNOTATION_KEEP_GROUPS
				    "=1, which \"allowKeepGroups\" of the host's settings lets act; "
				    "--group-add keep-groups)",
				    device->path);
	return r;
}

/*
 * Holds a connection to km's management socket (monitor/held.c). A failure is no error: the payload runs
 * without it.
 */
static void hold_management(const struct launch *launch, pid_t monitor, int pidfd)
{
	struct error err;
	auto_close int fd = km_management_open(launch->proc_fd, monitor, &err);
	int r = fd < 0 ? fd : km_management_hold_by(launch->monitor_sockets[0], fd, monitor, pidfd);

	if (r < 0)
		log_debug("no connection to km's management socket is held: %s", error_reason(r));
	else
		km_management_wait_held(monitor);
}

static int wait_for_monitor(struct launch *launch, pid_t monitor, struct error *err)
{
	auto_close int pidfd = sys_pidfd_open(monitor);
	const struct km_process km = {
		.pid = monitor,
		.pidfd = pidfd,
		.child = launch->child.pid,
	};
	int r;

	if (launch->pid1_fd >= 0)
		launch->state.monitor_pid = monitor;
	r = launch_save_place(launch, err);
	if (r < 0)
		return r;
	/* execve closes the child's end of the socket; if it failed, the reason comes first. */
	r = sync_expect_execution(launch->child.sync_fd, NULL, NULL, err);
	if (r < 0)
		return r;
	r = km_wait_ready(&km, launch->km.settings.start_timeout_ms, err);
	if (r == -ECHILD && monitor_log_size(launch->monitor_log_fd) == 0)
		km_probe_explain(launch->km.km_fd, err);
	else if (r < 0)
		monitor_log_explain(launch->monitor_log_fd, err);
	monitor_log_to_debug(launch->monitor_log_fd, 0);
	if (r == -ECHILD)
		return explain_settings(launch, explain_death(launch, err), err);
	if (r == 0 && launch->state.management)
		hold_management(launch, monitor, pidfd);
	return r < 0 ? r : monitor_log_bound(launch->monitor_log_fd, err);
}

static int give_tree(const struct launch *launch, int index, struct error *err)
{
	auto_close int fd = -1;

	if (index < 0 || !launch->mounts)
		return error_set(err, -EPROTO, "the child asked for a copy of mount %d", index);
	fd = mount_setup_copy_again(launch->mounts, (size_t)index, err);
	return fd < 0 ? fd : sync_send(launch->child.sync_fd, SYNC_TREE, 0, fd, err);
}

int launch_converse(struct launch *launch, struct error *err)
{
	struct sync_message message;
	const struct spec_hooks *hooks = launch->spec->hooks;
	int r = launch_join_rdt_class(&launch->state, launch->child.pid, err);

	sync_allow(launch->child.sync_fd, hooks_seconds(&hooks[HOOK_CREATE_CONTAINER]) +
						  hooks_seconds(&hooks[HOOK_START_CONTAINER]));
	if (r == 0)
		r = move_net_devices(launch, err);
	/* It has to end with its last process, also while a `run` waits. */
	cleanup_close(&launch->ns.join[NS_NETWORK]);
	if (r == 0)
		r = give_id_maps(launch, err);
	while (r == 0) {
		r = sync_receive(launch->child.sync_fd, &message, err);
		if (r < 0)
			return r;
		if (r == SYNC_END) {
			error_set(err, -ECHILD,
				  "the container's process ended before it was complete (killed?)");
			return explain_death(launch, err);
		}
		switch ((int)message.kind) {
		case SYNC_WANT_TREE:
			r = give_tree(launch, message.value, err);
			break;
		case SYNC_WANT_HOOKS:
			r = run_parent_hooks(launch, err);
			break;
		case SYNC_CONSOLE:
			r = launch_take_console(launch, message.fd, err);
			break;
		case SYNC_SECCOMP:
			r = agent_deliver(launch->spec, launch->handover, &launch->state, "creating",
					  launch->child.pid, message.fd, err);
			break;
		case SYNC_READY:
			if (launch->plan.park == INIT_PARK_MONITOR)
				return wait_for_monitor(launch, message.sender, err);
			return 0;
		default:
			cleanup_close(&message.fd);
			return error_set(err, -EPROTO, "unexpected sync message %d", (int)message.kind);
		}
	}
	return r;
}

/*
 * With a pid1 the program's process is pid1's only child. Both have ended their part of the socket. Returns
 * what proc_execution() says of the one that is not as far.
 */
static int execution_of(pid_t pid, bool in_front)
{
	const int pid1 = in_front ? proc_execution(pid) : PROC_EXECUTED;
	const pid_t program = in_front ? proc_child(pid) : pid;

	if (pid1 == PROC_NOT_EXECUTED || pid1 == PROC_ENDED_BEFORE)
		return pid1;
	return program > 0 ? proc_execution(program) : -ESRCH;
}

/*
 * Linux 6.12.118 closes descriptors in execve(2) before all else that shows. Then it gives up the old memory,
 * which wakes pid1 (CLONE_VFORK); and on a busy machine pid1 is at the end of its own execve(2), and the
 * socket at its end, before km's process has got the processor again. That one is beyond the point of no
 * return: it becomes km, unless it is killed. It is waited for a moment, so that whoever looks next sees km.
 */
static int wait_until_executed(pid_t pid, bool in_front)
{
	const struct timespec nap = { .tv_nsec = EXECUTED_NAP_NS };
	int r;

	for (int i = 0; (r = execution_of(pid, in_front)) == PROC_NOT_EXECUTED && i < EXECUTED_NAPS; i++)
		nanosleep(&nap, NULL);
	return r < 0 ? r : r != PROC_ENDED_BEFORE;
}

/*
 * Returns false if pid1 says that its child ended before it executed km, or if pid1 itself was killed before
 * it began. A pid1 that was killed later says nothing, and one that goes on has a child that cannot be looked
 * at: then SYNC_EXECUTE has to do.
 */
static bool front_allows(int front_fd, pid_t pid1)
{
	auto_close int pidfd = -1;
	struct pollfd item = { .events = POLLIN };
	int seals = fcntl(front_fd, F_GET_SEALS), n;

	if (seals < 0)
		return true;
	if (!(seals & (PID1_EXECUTED | PID1_NOT_EXECUTED))) {
		item.fd = pidfd = sys_pidfd_open(pid1);
		while ((n = pidfd < 0 ? 1 : poll(&item, 1, FRONT_MS)) < 0 && errno == EINTR)
			continue;
		if (n == 0)
			return true;
		/* It has ended, or nobody can tell. */
		seals = fcntl(front_fd, F_GET_SEALS);
	}
	return (seals & PID1_EXECUTED) || (!(seals & PID1_NOT_EXECUTED) && (seals & PID1_BEGAN));
}

int launch_expect_execution(int sync_fd, const struct sync_message *said, pid_t pid, bool in_front,
			    struct error *err)
{
	auto_close int front_fd = -1;
	const int said_so = sync_expect_execution(sync_fd, said, &front_fd, err);
	int executed;

	if (said_so < 0)
		return said_so;
	executed = wait_until_executed(pid, in_front);
	/*
	 * `start` is not the parent of the process and may come too late to see it. If it cannot be looked
	 * at, SYNC_EXECUTE decides (which a seccomp filter may have suppressed).
	 */
	if (executed > 0 ||
	    (executed < 0 && said_so == SYNC_MESSAGE && (front_fd < 0 || front_allows(front_fd, pid)))) {
		trace_instant(pid, "executed", NULL, NULL);
		return 0;
	}
	return error_set(err, -ECHILD,
			 "the container's process ended before it executed its program (killed?)");
}
