/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The order in which a process becomes a container. This table is the documentation: names appear in
 * errors, in the debug log and in the trace. The child starts in the new namespaces that clone3(2) made,
 * with the host's root still below it, all privileges of its user namespace, and every host fd it needs
 * already open in the plan.
 */

#include "init/ctx.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <stdio.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "hooks/hooks.h"
#include "init/sync.h"
#include "mount/setup.h"
#include "ns/idmap.h"
#include "ns/kinds.h"
#include "ns/setup.h"
#include "security/security.h"
#include "spec/spec.h"
#include "syscall/process.h"
#include "terminal/terminal.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"

enum { STATE_TEXT_MAX = 16 * 1024 * 1024 };

/* Root of a user namespace: what is mounted and made from here on belongs to it, not to "nobody". */
static int become_root(struct error *err)
{
	int r = sys_setgroups(0, NULL);

	/* EPERM: the namespace has given setgroups(2) up; then there is nothing to drop either. */
	if (r < 0 && r != -EPERM)
		return error_sys(err, r, "drop supplementary groups");
	r = sys_setresgid(0);
	if (r == 0)
		r = sys_setresuid(0);
	return r < 0 ? error_sys(err, r, "become root of the user namespace") : 0;
}

/* The caller's own cpus (taskset, a service's CPUAffinity=) are not the container's; without a cgroup nothing else says which are. */
static int step_cpus(struct init_ctx *ctx, struct error *err)
{
	return ctx->plan->cgroup_fd >= 0 ? affinity_reset(err) : 0;
}

static int step_id_maps(struct init_ctx *ctx, struct error *err)
{
	const struct spec *spec = ctx->plan->spec;
	int r;

	if (!ctx->plan->user_namespace)
		return 0;
	r = sync_expect(ctx->sync_fd, SYNC_ID_MAPS, NULL, err);
	if (r < 0)
		return r;
	/* A joined namespace has maps of its own that config.json does not repeat. */
	if (spec->namespaces[NS_USER].path || idmap_has_root(spec->id_maps.uids, spec->id_maps.uids_len))
		return become_root(err);
	return 0;
}

static int step_join(struct init_ctx *ctx, struct error *err)
{
	/* Not CLONE_NEWPID: that one was joined by the intermediate process, for its child. */
	return ns_plan_join(ctx->plan->ns, ~(uint64_t)CLONE_NEWPID, true, err);
}

static int step_session(struct init_ctx *ctx, struct error *err)
{
	(void)ctx;
	return setsid() < 0 ? error_sys(err, -errno, "start a session") : 0;
}

static int step_keyring(struct init_ctx *ctx, struct error *err)
{
	if (!ctx->plan->keyring)
		return 0;
	return keyring_apply(ctx->plan->keyring, ctx->plan->selinux, err);
}

/* Not a clone3 flag: the namespace's root is the cgroup we are in, and clone3 moves us there after the copy. */
static int step_cgroup_namespace(struct init_ctx *ctx, struct error *err)
{
	if (!ctx->plan->ns->new_cgroup)
		return 0;
	return unshare(CLONE_NEWCGROUP) < 0 ? error_sys(err, -errno, "make the cgroup namespace") : 0;
}

static int step_names(struct init_ctx *ctx, struct error *err)
{
	return ns_names_apply(ctx->plan->spec->hostname, ctx->plan->spec->domainname, err);
}

static int step_propagation(struct init_ctx *ctx, struct error *err)
{
	return mount_do_propagation(ctx->plan->mounts, err);
}

static int step_rootfs(struct init_ctx *ctx, struct error *err)
{
	return mount_do_rootfs(ctx->plan->mounts, err);
}

static int step_mounts(struct init_ctx *ctx, struct error *err)
{
	return mount_do_mounts(ctx->plan->mounts, err);
}

static int step_devices(struct init_ctx *ctx, struct error *err)
{
	return mount_do_devices(ctx->plan->mounts, err);
}

static int receive_state(struct init_ctx *ctx, struct error *err)
{
	struct sync_message message;
	int r = sync_expect(ctx->sync_fd, SYNC_HOOKS_DONE, &message, err);

	if (r < 0)
		return r;
	if (message.fd >= 0) {
		r = io_read_all(message.fd, STATE_TEXT_MAX, &ctx->state, NULL);
		close(message.fd);
	}
	return r < 0 ? error_sys(err, r, "read the state for hooks") : 0;
}

static int step_hooks(struct init_ctx *ctx, struct error *err)
{
	const struct spec_hooks *hooks = ctx->plan->spec->hooks;
	int r;

	/* From here on what they say goes through the parent. */
	hooks_output_close();
	if (!ctx->plan->hooks)
		return 0;
	r = sync_send(ctx->sync_fd, SYNC_WANT_HOOKS, 0, -1, err);
	if (r == 0)
		r = receive_state(ctx, err);
	if (r < 0 || hooks[HOOK_CREATE_CONTAINER].len == 0)
		return r;
	return hooks_run(HOOK_CREATE_CONTAINER, &hooks[HOOK_CREATE_CONTAINER], ctx->state,
			 &(struct hooks_context){
				 .env = ctx->plan->hooks_env,
				 .directory = ctx->plan->bundle,
				 .say = init_hook_said,
				 .data = ctx,
			 },
			 err);
}

/* @root_fd: where dev/pts is looked up. The master leaves at once: nobody in the container ever has it. */
static int open_console(struct init_ctx *ctx, int root_fd, struct error *err)
{
	const struct spec_process *process = ctx->plan->process;
	auto_close int master_fd = -1;
	int r;

	r = terminal_open(root_fd, process->user.uid, process->console_size.height,
			  process->console_size.width, &master_fd, &ctx->slave_fd, err);
	if (r < 0)
		return r;
	return sync_send(ctx->sync_fd, SYNC_CONSOLE, 0, master_fd, err);
}

static int step_console(struct init_ctx *ctx, struct error *err)
{
	int r;

	if (!ctx->plan->process->terminal)
		return 0;
	r = open_console(ctx, mount_root_fd(ctx->plan->mounts), err);
	return r < 0 ? r : mount_do_console(ctx->plan->mounts, ctx->slave_fd, err);
}

static int step_pivot(struct init_ctx *ctx, struct error *err)
{
	return mount_do_pivot(ctx->plan->mounts, err);
}

static int step_network(struct init_ctx *ctx, struct error *err)
{
	if (!(ctx->plan->ns->create & CLONE_NEWNET))
		return 0;
	return ns_loopback_up(err);
}

static int step_sysctl(struct init_ctx *ctx, struct error *err)
{
	const struct spec *spec = ctx->plan->spec;

	return sysctl_apply(ctx->plan->proc_fd, spec->sysctl, spec->sysctl_len, err);
}

static int step_oom_score(struct init_ctx *ctx, struct error *err)
{
	const struct opt_i64 *score = &ctx->plan->process->oom_score_adj;

	return score->set ? oom_score_apply(ctx->plan->proc_fd, score->value, err) : 0;
}

static int step_restrict(struct init_ctx *ctx, struct error *err)
{
	return mount_do_restrict(ctx->plan->mounts, err);
}

/* A pipe or file that the engine made belongs to its user; the payload's user must be able to open it again. */
static void give_stdio(const struct spec_user *user)
{
	for (int fd = 0; fd <= 2; fd++)
		if (user->uid != 0)
			(void)!fchown(fd, user->uid, (gid_t)-1);
}

static int step_stdio(struct init_ctx *ctx, struct error *err)
{
	if (ctx->slave_fd >= 0) {
		int r = terminal_attach(ctx->slave_fd, err);

		cleanup_close(&ctx->slave_fd);
		return r;
	}
	give_stdio(&ctx->plan->process->user);
	return 0;
}

/* While CAP_SETPCAP is still there. */
static int step_bounding(struct init_ctx *ctx, struct error *err)
{
	return caps_limit_bounding(ctx->plan->process->capabilities, err);
}

/* The labels hold from the execve on; writing them needs the trusted /proc, not the container's. */
static int step_labels(struct init_ctx *ctx, struct error *err)
{
	int r = 0;

	if (ctx->plan->apparmor)
		r = apparmor_apply(ctx->plan->proc_fd, ctx->plan->apparmor, err);
	if (r == 0 && ctx->plan->selinux)
		r = selinux_apply(ctx->plan->proc_fd, ctx->plan->selinux, err);
	return r;
}

static int load_filter(struct init_ctx *ctx, struct error *err)
{
	int r = ctx->plan->handover ? sync_send(ctx->sync_fd, SYNC_SECCOMP, 0, -1, err) : 0;

	return r < 0 ? r : seccomp_apply(ctx->plan->seccomp, ctx->plan->handover, err);
}

/* Without no_new_privs the kernel takes a filter from CAP_SYS_ADMIN only, so before that goes. */
static int step_seccomp_privileged(struct init_ctx *ctx, struct error *err)
{
	if (!ctx->plan->seccomp || ctx->plan->process->no_new_privileges)
		return 0;
	return load_filter(ctx, err);
}

static int step_capabilities(struct init_ctx *ctx, struct error *err)
{
	return caps_apply(ctx->plan->process->capabilities, err);
}

static int step_no_new_privs(struct init_ctx *ctx, struct error *err)
{
	return ctx->plan->process->no_new_privileges ? no_new_privs_apply(err) : 0;
}

static int step_execution_domain(struct init_ctx *ctx, struct error *err)
{
	if (ctx->plan->execution_domain < 0)
		return 0;
	return personality((unsigned long)ctx->plan->execution_domain) < 0 ?
		       error_sys(err, -errno, "set the execution domain") :
		       0;
}

static int step_memory_policy(struct init_ctx *ctx, struct error *err)
{
	return memory_policy_apply(ctx->plan->memory_policy, err);
}

static int step_program(struct init_ctx *ctx, struct error *err)
{
	if (ctx->plan->program == INIT_PROGRAM_FD)
		return 0;
	return program_find(ctx->plan->process->args, ctx->plan->env, &ctx->program, err);
}

/* With no_new_privs: as late as possible, so that it need not allow what the steps above do. */
static int step_seccomp(struct init_ctx *ctx, struct error *err)
{
	if (!ctx->plan->seccomp || !ctx->plan->process->no_new_privileges)
		return 0;
	return load_filter(ctx, err);
}

const struct init_step init_create_steps[] = {
	{ "cpus", step_cpus },	     /* before a scheduler that would not let it */
	{ "id maps", step_id_maps }, /* everything below needs our ids */
	{ "join namespaces", step_join },
	{ "session", step_session },
	{ "keyring", step_keyring },
	{ "cgroup namespace", step_cgroup_namespace }, /* before a cgroup file system is mounted */
	{ "names", step_names },
	{ "propagation", step_propagation },
	{ "rootfs", step_rootfs },
	{ "mounts", step_mounts },
	{ "devices", step_devices },
	{ "hooks", step_hooks },     /* must see the mounts, and the host's paths */
	{ "console", step_console }, /* after devpts is there */
	{ "pivot", step_pivot },
	{ "network", step_network },
	{ "sysctl", step_sysctl },
	{ "oom score", step_oom_score },
	{ "restrict", step_restrict }, /* after the pivot: nothing mounts below /proc any more */
	{ "stdio", step_stdio },
	{ "limits", init_step_limits },
	{ "bounding set", step_bounding },
	{ "labels", step_labels },
	{ "execution domain", step_execution_domain },
	{ "memory policy", step_memory_policy },
	{ "seccomp (privileged)", step_seccomp_privileged },
	{ "identity", init_step_identity },
	{ "capabilities", step_capabilities },
	{ "no new privileges", step_no_new_privs },
	{ "working directory", init_step_working_directory }, /* as the user: it must be allowed in */
	{ "program", step_program }, /* likewise, and relative to the working directory */
	{ "descriptors", init_step_descriptors },
	{ "seccomp", step_seccomp },
	{ NULL, NULL },
};

/* ---- exec ------------------------------------------------------------------------------------------- */

/* In the host's user namespace: afterwards the limits could only be lowered, the score only be raised. */
static int step_exec_host_side(struct init_ctx *ctx, struct error *err)
{
	const struct spec_process *process = ctx->plan->process;
	int r = step_oom_score(ctx, err);

	/* We are in the container's cgroup since our birth. */
	if (r == 0)
		r = process->affinity.final ? affinity_apply(process->affinity.final, "final", err) :
					      step_cpus(ctx, err);
	if (r < 0 || !ctx->plan->user_namespace)
		return r;
	r = rlimits_apply(0, process->rlimits, process->rlimits_len, err);
	return r < 0 ? r : scheduling_apply(0, process, err);
}

static int step_enter(struct init_ctx *ctx, struct error *err)
{
	uint64_t rest = ctx->plan->target_namespaces & ~(uint64_t)CLONE_NEWPID;

	if (rest == 0)
		return 0;
	/* All at once, Linux 5.8: the process either is in the container or is not. */
	if (setns(ctx->plan->target_pidfd, (int)rest) == 0)
		return 0;
	if (errno != EPERM || !(rest & CLONE_NEWUSER))
		return error_sys(err, -errno, "enter the container's namespaces");
	/*
	 * Some of them belong to the host's user namespace, others to the container's: those that are ours
	 * to enter now, then the user namespace, then what is left.
	 */
	for (int i = 0; i < NS_KIND_COUNT; i++) {
		uint64_t flag = rest & ns_kinds[i].flag & ~(uint64_t)CLONE_NEWUSER;

		if (flag && setns(ctx->plan->target_pidfd, (int)flag) == 0)
			rest &= ~flag;
	}
	if (setns(ctx->plan->target_pidfd, CLONE_NEWUSER) < 0)
		return error_sys(err, -errno, "enter the container's user namespace");
	rest &= ~(uint64_t)CLONE_NEWUSER;
	if (rest && setns(ctx->plan->target_pidfd, (int)rest) < 0)
		return error_sys(err, -errno, "enter the container's namespaces");
	return 0;
}

static int step_exec_console(struct init_ctx *ctx, struct error *err)
{
	auto_close int root_fd = -1;

	if (!ctx->plan->process->terminal)
		return 0;
	root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0)
		return error_sys(err, -errno, "open the container's root");
	return open_console(ctx, root_fd, err);
}

const struct init_step init_exec_steps[] = {
	{ "host side", step_exec_host_side },
	{ "enter", step_enter },
	{ "session", step_session },
	{ "keyring", step_keyring },
	{ "console", step_exec_console },
	{ "stdio", step_stdio },
	{ "limits", init_step_limits },
	{ "bounding set", step_bounding },
	{ "labels", step_labels },
	{ "execution domain", step_execution_domain },
	{ "memory policy", step_memory_policy },
	{ "seccomp (privileged)", step_seccomp_privileged },
	{ "identity", init_step_identity },
	{ "capabilities", step_capabilities },
	{ "no new privileges", step_no_new_privs },
	{ "working directory", init_step_working_directory },
	{ "program", step_program },
	{ "descriptors", init_step_descriptors },
	{ "seccomp", step_seccomp },
	{ NULL, NULL },
};
