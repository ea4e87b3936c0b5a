/* SPDX-License-Identifier: Apache-2.0 */

/*
 * How the command makes a process in the container's namespaces.
 *
 *   command ── clone3(new namespaces, into the cgroup) ── init
 *
 * or, if a namespace takes effect only for children (a joined pid or user namespace, a new time namespace):
 *
 *   command ── clone3() ── stage: setns, unshare ── clone3(CLONE_PARENT, ...) ── init
 *
 * A network namespace may follow later, from the command (ns/network.h).
 *
 * The stage then ends. With CLONE_PARENT init is the command's child, so that the engine's subreaper
 * inherits it and its wait status. Init sends a message to tell its pid, because the stage may see another
 * number.
 *
 * An ordinary user may clone into a scope of the user's systemd only from below that systemd's cgroup, not
 * from a login session. Then there is a stage, too, which systemd moves into the scope first.
 *
 * A process that clones one with a new mount namespace has to be in the rootfs (mount_setup_stand()). The
 * command goes back to its working directory afterwards; if it could not open that, a stage goes to the
 * rootfs instead.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "init/ctx.h"
#include "init/sync.h"
#include "mount/mount.h"
#include "ns/setup.h"
#include "security/security.h"
#include "spec/spec.h"
#include "syscall/process.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/interrupt.h"
#include "util/log.h"
#include "util/trace.h"

static int run_steps(struct init_ctx *ctx, const struct init_ctx_step *steps, struct error *err)
{
	size_t begun = 0;
	int r = init_ctx_steps_run(steps, &begun, ctx, err);

	/* A JSON pointer says more than a step; engines parse the start of errors about the program. */
	if (r < 0 && err->pointer_len == 0 && steps[begun - 1].run != init_step_program)
		error_prefix(err, "init step '%s'", steps[begun - 1].name);
	return r;
}

static const struct init_ctx_step *steps_of(const struct init_plan *plan)
{
	if (!plan->spec)
		return init_exec_steps;
	return plan->mounts ? init_create_steps : init_create_joined_steps;
}

/* The child. Never returns to the caller's code. */
static _Noreturn void child_main(const struct init_plan *plan, int sync_fd, bool staged)
{
	struct init_ctx ctx = {
		.plan = plan,
		.sync_fd = sync_fd,
		.proc_fd = -1,
		.links_fd = -1,
		.files = LSM_FILES_NONE,
		.slave_fd = -1,
		.km_fd = -1,
		.tie_fd = -1,
		.front_fd = -1,
		.last_words_fd = -1,
	};
	struct error err = { 0 };
	int r;

	log_set_role(plan->spec ? "init" : "exec", NULL);
	r = init_inherit(&ctx, &err);
	if (r == 0 && staged)
		r = sync_send(sync_fd, SYNC_CHILD, 0, -1, &err);
	if (r == 0)
		r = run_steps(&ctx, steps_of(plan), &err);
	if (r == 0)
		r = run_steps(&ctx, init_confine_steps, &err);
	if (r == 0)
		init_execute(&ctx, &err);
	init_report_failure(&ctx, &err);
	_exit(1);
}

static int stage_namespaces(const struct init_plan *plan, struct error *err)
{
	struct ns_plan *ns = plan->ns;
	const bool new_user = ns->create & CLONE_NEWUSER;
	int r;

	/* Namespaces of the host's user namespace have to be joined before that is left, the others after. */
	r = ns_plan_join(ns, ~(uint64_t)CLONE_NEWUSER, !new_user && ns->join[NS_USER] < 0, err);
	if (r == 0)
		r = ns_plan_join(ns, CLONE_NEWUSER, true, err);
	if (r == 0)
		r = ns_plan_join(ns, ~(uint64_t)CLONE_NEWUSER, !new_user, err);
	if (r < 0 || !ns->new_time)
		return r;
	if (unshare(CLONE_NEWTIME) < 0)
		return error_sys(err, -errno, "make the time namespace");
	return ns_time_offsets_apply(plan->proc_fd, plan->spec, err);
}

static int stand_in_root(const struct init_plan *plan, struct error *err)
{
	int r = plan->mounts ? mount_setup_stand(plan->mounts) : 0;

	return r < 0 ? error_sys(err, r, "enter the rootfs '%s'", plan->spec->rootfs) : 0;
}

static _Noreturn void stage_main(const struct init_plan *plan, int sync_fd, bool attach)
{
	struct error err = { 0 };
	pid_t pid = -1;
	int r;

	log_set_role("stage", NULL);
	r = stand_in_root(plan, &err);
	if (r == 0)
		r = init_inherit_stage(plan, &sync_fd, &err);
	if (r == 0 && attach)
		r = sync_expect(sync_fd, SYNC_ATTACHED, NULL, &err);
	if (r == 0 && plan->spec && plan->ns->stage)
		r = stage_namespaces(plan, &err);
	if (r == 0) {
		pid = sys_clone3((plan->spec ? plan->ns->create : 0) | CLONE_PARENT, 0, plan->cgroup_fd);
		if (pid == 0)
			child_main(plan, sync_fd, true);
		if (pid < 0)
			r = error_sys(&err, pid, "make the container's namespaces");
	}
	if (r < 0)
		sync_send_failure(sync_fd, &err);
	_exit(r < 0);
}

/* @made: when, as of trace_clock(). */
static int collect_stage(const struct init_plan *plan, pid_t stage, bool attach, int sync_fd,
			 unsigned long long made, pid_t *ret_pid, struct error *err)
{
	struct sync_message message;
	int r = 0;

	if (attach)
		r = cgroup_attach(plan->cgroup, stage, err);
	if (attach && r == 0)
		r = sync_send(sync_fd, SYNC_ATTACHED, 0, -1, err);
	if (r == 0)
		r = sync_expect(sync_fd, SYNC_CHILD, &message, err);
	trace_write(&(struct trace_slice){
		.pid = stage, .role = "stage", .name = "stage", .start = made, .end = trace_clock() });
	/* Its child asks for a signal when it ends. */
	if (r < 0)
		sys_kill_and_wait(stage);
	else
		sys_wait(stage, NULL, 0);
	if (r == 0)
		*ret_pid = message.sender;
	return r;
}

/* Finds out by a process that ends at once. */
static bool may_clone_into(int cgroup_fd)
{
	pid_t pid = sys_clone3(0, SIGCHLD, cgroup_fd);

	if (pid == 0)
		_exit(0);
	if (pid > 0)
		sys_wait(pid, NULL, 0);
	return pid != -EACCES;
}

/* Clones the child, or the stage. @back_fd: the working directory. Returns the pid, in the parent only. */
static pid_t clone_child(const struct init_plan *plan, const int fds[2], bool stage, bool attach, int back_fd,
			 struct error *err)
{
	pid_t pid;
	int r = stage ? 0 : stand_in_root(plan, err);

	if (r < 0)
		return r;
	sys_set_dumpable(plan->maps_need_dumpable);
	pid = sys_clone3(stage || !plan->spec ? 0 : plan->ns->create, SIGCHLD, stage ? -1 : plan->cgroup_fd);
	if (pid == 0) {
		close(fds[0]);
		if (stage)
			stage_main(plan, fds[1], attach);
		child_main(plan, fds[1], false);
	}
	if (plan->maps_need_dumpable)
		sys_set_dumpable(false);
	if (pid < 0)
		error_sys(err, pid, "make the container's %s", plan->spec ? "namespaces" : "process");
	/* Not expected to fail: the directory was opened before. */
	if (back_fd >= 0 && fchdir(back_fd) < 0 && pid > 0) {
		kill(pid, SIGKILL);
		pid = error_sys(err, -errno, "go back to the working directory");
	}
	return pid;
}

/*
 * An ordinary user may not write oom_score_adj of a process that is not dumpable. So this process sets its
 * own score to the container's, which the child inherits, and sets it back afterwards.
 */
static int lend_oom_score(const struct init_plan *plan, int64_t *ret_own, struct error *err)
{
	const struct opt_i64 *score = &plan->process->oom_score_adj;

	if (!score->set || !plan->unprivileged)
		return 0;
	*ret_own = oom_score_read(plan->proc_fd);
	/* An earlier call of init_spawn() may have cleared the flag. */
	sys_set_dumpable(true);
	return oom_score_apply(plan->proc_fd, 0, score->value, err);
}

static void take_oom_score_back(const struct init_plan *plan, int64_t own)
{
	struct error err;

	if (!plan->process->oom_score_adj.set || !plan->unprivileged)
		return;
	sys_set_dumpable(true);
	if (oom_score_apply(plan->proc_fd, 0, own, &err) < 0)
		log_debug("krun keeps the container's oom_score_adj: %s", err.text);
	sys_set_dumpable(false);
}

int init_spawn(const struct init_plan *plan, struct init_child *ret, struct error *err)
{
	const bool attach = plan->cgroup && plan->cgroup->place.user && !may_clone_into(plan->cgroup_fd);
	auto_close int back_fd = plan->mounts ? open(".", O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	const bool stage = attach || (plan->spec && plan->ns->stage) || (plan->mounts && back_fd < 0);
	auto_close int parent_fd = -1, child_fd = -1;
	unsigned long long made;
	int64_t own_score = 0;
	int fds[2];
	pid_t pid;
	int r;

	r = init_filter_check(plan, err);
	if (r == 0)
		r = lend_oom_score(plan, &own_score, err);
	if (r == 0)
		r = sync_pair(fds, err);
	if (r < 0)
		return r;
	parent_fd = fds[0];
	child_fd = fds[1];
	made = trace_clock();
	pid = clone_child(plan, fds, stage, attach, back_fd, err);
	take_oom_score_back(plan, own_score);
	if (pid < 0)
		return pid;
	/* The child may never send a message, for example in a frozen cgroup. */
	interrupt_watch(INTERRUPT_CHILD, pid);
	cleanup_close(&child_fd);
	if (stage) {
		trace_made(pid, made, NULL);
		r = collect_stage(plan, pid, attach, parent_fd, made, &pid, err);
		interrupt_watch(INTERRUPT_CHILD, r < 0 ? 0 : pid);
		if (r < 0)
			return r;
	}
	trace_made(pid, made, NULL);
	ret->pid = pid;
	ret->sync_fd = take_fd(&parent_fd);
	return 0;
}
