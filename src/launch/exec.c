/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Theory of operation: a process is added to a running container by the steps of two tables (`prepare_steps`,
 * `begin_steps`), in the process of the command. Only the new process has to be undone.
 *
 *   1. Find the container, without its lock: other commands may use it meanwhile. The pidfd of its first
 *      process comes before the status, so that the status is that of this process; the cgroup is opened
 *      for it. A paused container is refused here, because a process born in it would be frozen.
 *   2. Decide in memory: the process, its environment and groups. A mistake has no effect here. Of the
 *      stored config.json only the process is read, if nothing else of it is needed.
 *   3. Open what the process needs: a cgroup below, the root, and then, from that root, the list of
 *      exceptions that decides whether the program runs without km; seccomp filter, console, program of
 *      pid1. The first process may have changed its root by itself: then there are no exceptions.
 *   4. Join the pid namespace, last of the preparation: setns(2) moves only later children there, and an
 *      ordinary user has to join the user namespace with it and loses access to the host. Every child of this
 *      command is born in the container from here on.
 *   5. Record an exception (container/exec.c). It comes before the clone: no record, no process.
 *   6. Clone into the cgroup. If the first process has moved to a cgroup below (-EBUSY, the "no internal
 *      processes" rule of cgroup v2), clone once more, there. The child joins the other namespaces by itself
 *      (init/steps.c).
 *   7. Serve the child (seccomp listener, terminal) until it executes the program. The end of its socket is
 *      no proof: launch_expect_execution().
 *   8. Report the pid file last, because an engine takes a missing one as the sign of failure. A km that
 *      waits is waited for before that and released after it. Any other program runs already: it does not
 *      wait for the report.
 *
 * Until the program executes a signal ends the command and the process; afterwards it is for the program
 * (spare_program()).
 */

#include "launch/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "init/init.h"
#include "init/sync.h"
#include "km/exceptions.h"
#include "km/requirements.h"
#include "launch/activation.h"
#include "launch/agent.h"
#include "launch/launch.h"
#include "launch/report.h"
#include "launch/request.h"
#include "monitor/log.h"
#include "ns/idmap.h"
#include "security/security.h"
#include "spec/spec.h"
#include "state/enter.h"
#include "state/runtime_options.h"
#include "state/state.h"
#include "state/state_dir.h"
#include "state/status.h"
#include "syscall/open.h"
#include "syscall/process.h"
#include "syscall/socket.h"
#include "terminal/terminal.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/interrupt.h"
#include "util/io.h"
#include "util/log.h"
#include "util/proc.h"

enum { DYING_MS = 1000 };

void exec_done(struct exec *exec)
{
	cleanup_close(&exec->dir_fd);
	cleanup_close(&exec->pidfd);
	cleanup_close(&exec->proc_fd);
	cleanup_close(&exec->joined_root_fd);
	cleanup_close(&exec->root_fd);
	if (exec->cgroup_fd != exec->cgroup.dir_fd)
		cleanup_close(&exec->cgroup_fd);
	cgroup_done(&exec->cgroup);
	cleanup_close(&exec->monitor_log_fd);
	cleanup_close(&exec->pid1_fd);
	cleanup_close(&exec->console_fd);
	cleanup_close(&exec->child.sync_fd);
	cleanup_close(&exec->master_fd);
	seccomp_program_done(&exec->seccomp);
	seccomp_handover_free(exec->handover);
	km_exception_done(&exec->exception);
	exec_process_done(&exec->process);
	state_done(&exec->state);
	spec_keep(exec->spec);
}

/* Opens the cgroup, too, if it is there; open_cgroup() says why it is not. */
static int look_at(struct exec *exec, enum status *ret, struct error *err)
{
	const struct state *state = &exec->state;
	int r;

	if (exec->pidfd < 0)
		return status_of(exec->dir_fd, state, ret, err);
	r = state->cgroup.path ? cgroup_open(&state->cgroup, &exec->cgroup, err) : -ENOENT;
	return status_of_living(exec->dir_fd, state, r < 0 ? r : exec->cgroup.dir_fd, ret, err);
}

static int find_container(struct exec *exec, struct error *err)
{
	const struct exec_request *request = exec->request;
	enum status status;
	int r;

	exec->dir_fd = state_open(request->runtime, request->id, false, &exec->state, err);
	if (exec->dir_fd < 0)
		return exec->dir_fd;
	exec->pidfd = status_open_process(&exec->state, err);
	if (exec->pidfd < 0 && exec->pidfd != -ESRCH)
		return exec->pidfd;
	/* The pidfd was opened before: the status is that of its process. */
	r = look_at(exec, &status, err);
	if (r < 0)
		return r;
	if (!(status == STATUS_PAUSED && request->ignore_paused)) {
		r = status_check(status, OP_EXEC, request->id, err);
		if (r < 0)
			return status == STATUS_STOPPED ? state_log_explain(exec->dir_fd, &exec->state, err) :
							  r;
	}
	if (exec->pidfd < 0)
		return error_set(err, -ESRCH, "container not running");
	exec->unprivileged = geteuid() != 0;
	exec->proc_fd = open_proc();
	return exec->proc_fd < 0 ? error_sys(err, exec->proc_fd, "open '/proc'") : 0;
}

/* A seccomp profile alone may be most of config.json, and its filter is in a file of its own. */
static int load_config(struct exec *exec, struct error *err)
{
	if (!exec->state.exec_reads_config &&
	    spec_load_process_only(exec->dir_fd, STATE_CONFIG, &exec->spec, err) == 0)
		return 0;
	return state_load_config(exec->dir_fd, &exec->state, &exec->spec, err);
}

static int choose_process(struct exec *exec, struct error *err)
{
	const struct exec_request *request = exec->request;
	int r = 0;

	if (!request->process || exec->state.exec_reads_config)
		r = load_config(exec, err);
	if (r == 0 && !request->process && !exec->spec->process)
		r = error_at(err, -EINVAL, "/process",
			     "missing, so that user and directory are unknown: "
			     "--process is needed");
	if (r == 0)
		r = exec_process_make(request,
				      request->process ? request->process->process : exec->spec->process,
				      &exec->process, err);
	if (r == 0)
		r = activation_environment(&exec->process.env, &exec->listens, err);
	if (r < 0)
		return r;
	if (request->process)
		spec_warn(request->process);
	if (exec->process.process.terminal && request->detach && !request->console_socket)
		return error_set(err, -EINVAL, "a terminal of a detached process needs --console-socket");
	if (!exec->process.process.terminal && request->console_socket)
		return error_set(err, -EINVAL, "--console-socket is given but the process has no terminal");
	return 0;
}

static int open_cgroup(struct exec *exec, struct error *err)
{
	const char *below = exec->request->cgroup;
	int r;

	if (!exec->state.cgroup.path)
		return below ? error_set(err, -EOPNOTSUPP,
					 "--cgroup: the container has no cgroup of its own") :
			       0;
	r = exec->cgroup.dir_fd < 0 ? cgroup_open(&exec->state.cgroup, &exec->cgroup, err) : 0;
	if (r < 0)
		return r;
	exec->cgroup_fd = exec->cgroup.dir_fd;
	if (!below && exec->state.cgroup_below) {
		exec->cgroup_fd = cgroup_open_process(&exec->cgroup, exec->proc_fd, exec->state.pid, err);
		return exec->cgroup_fd < 0 ? exec->cgroup_fd : 0;
	}
	if (!below)
		return 0;
	while (*below == '/')
		below++;
	exec->cgroup_fd = sys_openat2(exec->cgroup.dir_fd, *below ? below : ".", O_RDONLY | O_DIRECTORY, 0,
				      RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	if (exec->cgroup_fd < 0)
		return error_sys(err, exec->cgroup_fd, "--cgroup '%s'", exec->request->cgroup);
	return 0;
}

static int open_root(struct exec *exec, struct error *err)
{
	exec->root_fd = enter_open_root(exec->proc_fd, &exec->state, err);
	if (exec->root_fd < 0)
		return exec->root_fd;
	if (!exec->state.joined_mounts)
		return 0;
	exec->joined_root_fd = open(exec->state.rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return exec->joined_root_fd < 0 ? error_sys(err, -errno, "open the root '%s'", exec->state.rootfs) :
					  0;
}

static int check_requirements(const struct exec *exec, struct error *err)
{
	const struct spec *own = exec->request->process;
	struct json_findings warnings = { 0 };
	struct rlimit files;
	int r;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return error_sys(err, -errno, "read RLIMIT_NOFILE");
	r = km_requirements_check_process(
		&(struct km_requirements){
			.process = &exec->process.process,
			.preserve_fds = activation_preserved(exec->request->preserve_fds),
			.nofile = files.rlim_max,
		},
		&warnings, err);
	if (r == 0)
		json_findings_warn(&warnings, own ? own->document : STATE_CONFIG, own ? own->base : "");
	json_findings_done(&warnings);
	return r;
}

/* Returns whether the command is km itself, which then runs with its own options and does not wait. */
static bool names_monitor(const struct exec *exec)
{
	const char *name = exec->process.process.args[0], *base = strrchr(exec->state.monitor, '/') + 1;

	return strcmp(name, strchr(name, '/') ? exec->state.monitor : base) == 0;
}

/*
 * The first process may have changed its root to a directory with a list of exceptions and programs of its
 * choice.
 */
static bool has_its_own_root(const struct exec *exec)
{
	struct stat st;

	return fstat(exec->root_fd, &st) == 0 && file_id_matches(&exec->state.root_file, &st);
}

/*
 * In km mode: an approved program (km/exceptions.h) runs without km; any other program gets a km of its own.
 */
static int choose_program(struct exec *exec, struct error *err)
{
	struct km_settings settings;
	int r;

	if (exec->state.mode != MODE_KM)
		return 0;
	km_environment_clean(exec->process.env.items, true);
	exec->process.env.len = strv_len(exec->process.env.items);
	for (size_t i = 0; i < exec->state.monitor_environment.len; i++)
		if (strv_env_put(&exec->process.env, exec->state.monitor_environment.items[i]) < 0)
			return error_oom(err);
	/* The host's settings of today apply, not those of the container's create. */
	r = km_settings_load(exec->request->runtime->config_file, &settings, err);
	if (r < 0)
		return r;
	if (!has_its_own_root(exec)) {
		log_warning("the container's first process has changed its root: no program runs without km");
		settings.exceptions = KM_EXCEPTIONS_DENY;
	}
	r = km_exception_find(exec->root_fd, idmap_root_of(exec->proc_fd, exec->state.pid), &settings,
			      exec->process.process.args[0], &exec->exception, err);
	exec->audit_syslog = settings.exceptions_audit == KM_AUDIT_SYSLOG;
	km_settings_done(&settings);
	if (r < 0 || exec->exception.fd >= 0)
		return r;
	r = check_requirements(exec, err);
	if (r < 0)
		return r;
	/* km truncates its log when it starts: each process gets a log of its own, which ends with it. */
	exec->monitor_waits = exec->state.start == KM_START_PAYLOAD && !names_monitor(exec) &&
			      !km_listens_first(exec->process.env.items);
	exec->monitor_log_fd = monitor_log_make_unnamed(exec->dir_fd, exec->monitor_waits, err);
	return exec->monitor_log_fd < 0 ? exec->monitor_log_fd : 0;
}

/* setns(2) into a pid namespace affects later children only, so the parent does it. */
static int join_pid_namespace(struct exec *exec, struct error *err)
{
	exec->namespaces = exec->state.namespaces;
	/* Joining the caller's own user namespace is an error (EINVAL). */
	if ((exec->namespaces & CLONE_NEWUSER) && idmap_is_ours(exec->proc_fd, exec->state.pid))
		exec->namespaces &= ~(uint64_t)CLONE_NEWUSER;
	if (!(exec->namespaces & CLONE_NEWPID))
		return 0;
	if (setns(exec->pidfd, CLONE_NEWPID) == 0)
		return 0;
	if (errno == EPERM && (exec->namespaces & CLONE_NEWUSER) &&
	    setns(exec->pidfd, CLONE_NEWUSER | CLONE_NEWPID) == 0) {
		exec->namespaces &= ~(uint64_t)CLONE_NEWUSER;
		return 0;
	}
	return error_sys(err, -errno, "enter the container's pid namespace");
}

static int open_rest(struct exec *exec, struct error *err)
{
	const char *socket = exec->request->console_socket;
	int r = seccomp_program_load(exec->dir_fd, STATE_SECCOMP, &exec->seccomp, err);

	if (r < 0 && (r != -ENOENT || exec->state.has_seccomp))
		return r;
	exec->has_seccomp = r == 0;
	r = exec->has_seccomp && exec->spec ?
		    agent_prepare(exec->spec, &exec->seccomp, &exec->handover, err) :
		    0;
	if (r < 0)
		return r;
	if (socket) {
		exec->console_fd = socket_connect(socket, err);
		if (exec->console_fd < 0)
			return exec->console_fd;
	}
	return 0;
}

/*
 * pid1 is executed by its fd with execveat(2), never by a name below /proc, where the container could put
 * another program. If the filter forbids execveat(2) there is no pid1, and km and its payload notice signals
 * late.
 */
static int choose_pid1(struct exec *exec, struct error *err)
{
	if (exec->monitor_log_fd < 0)
		return 0;
	if (!init_filter_allows(exec->has_seccomp ? &exec->seccomp : NULL, SYS_execveat)) {
		log_debug("no pid1 in front of km: the seccomp filter does not allow execveat(2)");
		return 0;
	}
	exec->pid1_fd = km_init_fd(err);
	return exec->pid1_fd < 0 ? exec->pid1_fd : 0;
}

/* As in plan.c. A user namespace that was made without privilege denies setgroups(2), user_namespaces(7). */
static bool may_set_groups(const struct exec *exec)
{
	char path[32], word[16];

	snprintf(path, sizeof(path), "%d/setgroups", exec->state.pid);
	if (exec->state.keep_groups)
		return false;
	return io_read_small(exec->proc_fd, path, word, sizeof(word)) <= 0 || strncmp(word, "deny", 4) != 0;
}

static int check_groups(struct exec *exec, struct error *err)
{
	int r;

	exec->set_groups = may_set_groups(exec);
	r = identity_check_groups(&exec->process.process.user, exec->set_groups || exec->state.keep_groups,
				  err);
	return r < 0 ? error_prefix(err, "additional groups") : 0;
}

static int spawn_once(struct exec *exec, struct error *err)
{
	const struct spec_process *process = &exec->process.process;
	const struct init_plan plan = {
		.id = exec->request->id,
		.process = process,
		.env = exec->process.env.items,
		.joined_root_fd = exec->joined_root_fd,
		.root_fd = exec->root_fd,
		.root_file = exec->state.root_file,
		.target_pidfd = exec->pidfd,
		.target_namespaces = exec->namespaces,
		.cgroup_fd = exec->cgroup_fd,
		.cgroup = exec->cgroup.place.unit ? &exec->cgroup : NULL,
		.proc_fd = exec->proc_fd,
		.keyring = exec->state.keyring,
		.apparmor = process->apparmor_profile,
		.selinux = process->selinux_label,
		.seccomp = exec->has_seccomp ? &exec->seccomp : NULL,
		.handover = exec->handover,
		.set_groups = exec->set_groups,
		.execution_domain = (long)exec->state.execution_domain,
		.memory_policy = exec->spec ? exec->spec->memory_policy : NULL,
		.user_namespace = exec->state.namespaces & CLONE_NEWUSER,
		.unprivileged = exec->unprivileged,
		.listens = exec->listens,
		.preserve_fds = activation_preserved(exec->request->preserve_fds),
		.park = INIT_PARK_NONE,
		.gate_fd = -1,
		.program = exec->state.mode != MODE_KM ? INIT_PROGRAM_NATIVE :
			   exec->exception.fd >= 0     ? INIT_PROGRAM_FD :
							 INIT_PROGRAM_KM,
		.monitor = exec->state.monitor,
		.monitor_file = exec->state.monitor_file,
		.monitor_options = exec->state.monitor_options.items,
		.monitor_waits = exec->monitor_waits,
		.monitor_log_fd = exec->monitor_log_fd,
		.pid1_fd = exec->pid1_fd,
		.program_fd = exec->exception.fd,
	};

	if (plan.user_namespace)
		launch_give_streams(exec->proc_fd, exec->state.pid, process);
	return init_spawn(&plan, &exec->child, err);
}

/* Answers a message that may come before the program executes. */
static int answer(struct exec *exec, const struct sync_message *message, struct error *err)
{
	int fd = message->fd;

	switch ((int)message->kind) {
	case SYNC_SECCOMP:
		return agent_deliver(exec->spec, exec->handover, &exec->state, "running", exec->child.pid, fd,
				     err);
	case SYNC_CONSOLE:
		return console_take(fd, &exec->console_fd, &exec->master_fd, err);
	default:
		cleanup_close(&fd);
		return error_set(err, -EPROTO, "unexpected sync message %d", (int)message->kind);
	}
}

static int converse(struct exec *exec, struct error *err)
{
	struct sync_message message;
	int r;

	/* Only a terminal or a seccomp agent needs answers. */
	if (!exec->process.process.terminal && !exec->handover)
		return launch_expect_execution(exec->child.sync_fd, NULL, exec->child.pid, exec->pid1_fd >= 0,
					       err);
	while ((r = sync_receive(exec->child.sync_fd, &message, err)) == SYNC_MESSAGE) {
		if (message.kind == SYNC_EXECUTE)
			break;
		r = answer(exec, &message, err);
		if (r < 0)
			return r;
	}
	return r < 0 ? r :
		       launch_expect_execution(exec->child.sync_fd, r == SYNC_MESSAGE ? &message : NULL,
					       exec->child.pid, exec->pid1_fd >= 0, err);
}

/* From here on a signal does not kill the child: it is the program. */
static void spare_program(const struct exec *exec)
{
	if (!exec->request->detach)
		interrupt_spare_program();
}

/* Clones into the container's cgroup, or into the one below it that the first process has moved to. */
static int spawn(struct exec *exec, struct error *err)
{
	int r;

	/* Without km the child executes the program at once. */
	if (exec->monitor_log_fd < 0)
		spare_program(exec);
	r = spawn_once(exec, err);
	if (r != -EBUSY || exec->request->cgroup || exec->cgroup_fd < 0)
		return r;
	exec->cgroup_fd = cgroup_open_process(&exec->cgroup, exec->proc_fd, exec->state.pid, err);
	return exec->cgroup_fd < 0 ? exec->cgroup_fd : spawn_once(exec, err);
}

/*
 * Waits until km has loaded the program and waits right before it, as at the start of a container. A km that
 * ends before that has failed: its exit status is not the program's.
 */
static int wait_for_monitor(struct exec *exec, pid_t monitor, int pidfd, struct error *err)
{
	const struct km_process km = {
		.pid = monitor,
		.pidfd = pidfd,
		.child = exec->child.pid,
	};
	int r = km_wait_ready(&km, exec->state.start_timeout_ms, err);

	return r < 0 ? r : monitor_log_bound(exec->monitor_log_fd, err);
}

static int report(struct exec *exec, struct error *err)
{
	return report_process(exec->child.pid, exec->request->pidfd_socket, exec->request->pid_file, err);
}

/* Reports the process. If km waits, the caller knows the pid before the program runs. */
static int bring_up(struct exec *exec, struct error *err)
{
	auto_close int pidfd = -1;
	pid_t monitor;
	int r;

	if (!exec->monitor_waits) {
		spare_program(exec);
		return report(exec, err);
	}
	/* Before the payload runs km is the only child of pid1. */
	monitor = exec->pid1_fd < 0 ? exec->child.pid : proc_child(exec->child.pid);
	pidfd = monitor > 0 ? sys_pidfd_open(monitor) : -ESRCH;
	/* Checked once more: km may have ended before the pidfd was open, and its pid may be another's. */
	if (pidfd >= 0 && exec->pid1_fd >= 0 && proc_child(exec->child.pid) != monitor) {
		cleanup_close(&pidfd);
		pidfd = -ESRCH;
	}
	r = wait_for_monitor(exec, monitor, pidfd, err);
	if (r == 0) {
		r = report(exec, err);
		if (r < 0)
			return r;
		spare_program(exec);
		r = km_release(monitor, pidfd, exec->state.start_timeout_ms, err);
	}
	if (r < 0)
		monitor_log_explain(exec->monitor_log_fd, err);
	if (r < 0 || exec->request->detach)
		monitor_log_to_debug(exec->monitor_log_fd, 0);
	return r;
}

static int join_rdt_class(struct exec *exec, struct error *err)
{
	return launch_join_rdt_class(&exec->state, exec->child.pid, err);
}

static void end_process(struct exec *exec)
{
	interrupt_watch(INTERRUPT_CHILD, 0);
	if (exec->child.pid > 0)
		sys_kill_and_wait(exec->child.pid);
	exec->child.pid = 0;
}

static const struct exec_step prepare_steps[] = {
	{ "container", find_container },
	{ "process", choose_process },
	{ "groups", check_groups },
	{ "cgroup", open_cgroup },
	{ "root", open_root },
	{ "program", choose_program },
	{ "seccomp and console", open_rest },
	{ "process in front of km", choose_pid1 },
	{ "pid namespace", join_pid_namespace },
	{ NULL },
};

static const struct exec_step begin_steps[] = {
	{ "spawn", spawn, end_process },
	{ "resctrl", join_rdt_class },
	{ "child", converse },
	{ "release", bring_up },
	{ NULL },
};

/*
 * What is missing after the container's end, such as its cgroup, is not the reason but its result. A pid
 * namespace whose first process dies takes no more processes: clone(2) says ENOMEM then, a moment before the
 * process is dead.
 */
static int explain_end(const struct exec *exec, struct error *err)
{
	struct pollfd item = { .fd = exec->pidfd, .events = POLLIN };
	const bool full = err->code == -ENOMEM;

	if ((!full && err->code != -ENOENT && err->code != -ENODEV) || exec->pidfd < 0 ||
	    poll(&item, 1, full ? DYING_MS : 0) <= 0)
		return err->code;
	return state_dir_is_removed(exec->dir_fd) ? state_dir_absent(NULL, exec->request->id, err) :
						    error_set(err, -ESRCH, "container not running");
}

int exec_prepare(struct exec *exec, const struct exec_request *request, struct error *err)
{
	size_t begun = 0;

	*exec = (struct exec){
		.request = request,
		.dir_fd = -1,
		.pidfd = -1,
		.proc_fd = -1,
		.joined_root_fd = -1,
		.root_fd = -1,
		.cgroup = { .dir_fd = -1, .holder_fd = -1 },
		.cgroup_fd = -1,
		.exception = { .fd = -1 },
		.monitor_log_fd = -1,
		.pid1_fd = -1,
		.console_fd = -1,
		.child = { .sync_fd = -1 },
		.master_fd = -1,
	};
	return exec_steps_run(prepare_steps, &begun, exec, err) < 0 ? explain_end(exec, err) : 0;
}

int exec_begin(struct exec *exec, struct error *err)
{
	size_t begun = 0;
	int r = exec_steps_run(begin_steps, &begun, exec, err);

	if (r < 0)
		exec_steps_undo(begin_steps, begun, exec);
	return r < 0 ? explain_end(exec, err) : 0;
}

void exec_abandon(struct exec *exec)
{
	exec_steps_undo(begin_steps, ARRAY_LEN(begin_steps) - 1, exec);
}

int exec_name_document(const struct exec *exec, struct error *err)
{
	if (exec->request->process)
		spec_name_document(exec->request->process, err);
	return error_document(err, STATE_CONFIG);
}
