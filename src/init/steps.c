/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The order in which a process comes into a container: its first one, the first one of a container in somebody else's mount
 * namespace, and those of exec. The tables are the documentation: names appear in errors, in the debug log and in the trace.
 * The child starts in the new namespaces that clone3(2) made, with the host's root still below it, all privileges of its user
 * namespace, and every host fd it needs already open in the plan. Then it is confined (confine.c).
 */

#include "init/ctx.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "hooks/hooks.h"
#include "init/sync.h"
#include "mount/mount.h"
#include "ns/idmap.h"
#include "ns/kinds.h"
#include "ns/setup.h"
#include "security/security.h"
#include "spec/spec.h"
#include "syscall/open.h"
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
	r = sys_become_root();
	return r < 0 ? error_sys(err, r, "become root of the user namespace") : 0;
}

/* The caller's own cpus (taskset, a service's CPUAffinity=) are not the container's; without a cgroup nothing else says which are. */
static int step_cpus(struct init_ctx *ctx, struct error *err)
{
	return ctx->plan->cgroup_fd >= 0 ? affinity_reset(err) : 0;
}

static int step_id_maps(struct init_ctx *ctx, struct error *err)
{
	int r;

	if (!ctx->plan->user_namespace)
		return 0;
	r = sync_expect(ctx->sync_fd, SYNC_ID_MAPS, NULL, err);
	sys_set_dumpable(false);
	return r < 0 ? r : 0;
}

static int step_root_of_namespace(struct init_ctx *ctx, struct error *err)
{
	const struct spec *spec = ctx->plan->spec;
	int r = 0;

	if (!ctx->plan->user_namespace)
		return 0;
	/* A joined namespace has maps of its own that config.json does not repeat. */
	if (spec->namespaces[NS_USER].path || idmap_has_root(spec->id_maps.uids, spec->id_maps.uids_len))
		r = become_root(err);
	init_stay_hidden();
	return r;
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
	return keyring_apply(ctx->plan->keyring, &ctx->files, ctx->plan->selinux, err);
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

static int step_sources(struct init_ctx *ctx, struct error *err)
{
	return mount_do_sources(ctx->plan->mounts, err);
}

static int step_propagation(struct init_ctx *ctx, struct error *err)
{
	return mount_do_propagation(ctx->plan->mounts, err);
}

static int step_rootfs(struct init_ctx *ctx, struct error *err)
{
	return mount_do_rootfs(ctx->plan->mounts, err);
}

static int copy_again(void *data, size_t index, struct error *err)
{
	const struct init_ctx *ctx = data;
	struct sync_message message;
	int r = sync_send(ctx->sync_fd, SYNC_WANT_TREE, (int)index, -1, err);

	if (r == 0)
		r = sync_expect(ctx->sync_fd, SYNC_TREE, &message, err);
	if (r < 0)
		return r;
	return message.fd < 0 ? error_set(err, -EPROTO, "no mount came with a sync message") : message.fd;
}

static int step_mounts(struct init_ctx *ctx, struct error *err)
{
	return mount_do_mounts(ctx->plan->mounts,
			       &(struct mount_parent){ .copy_again = copy_again, .data = ctx }, err);
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
	return mount_do_pivot(ctx->plan->mounts, ctx->proc_fd, err);
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

	return sysctl_apply(ctx->proc_fd, spec->sysctl, spec->sysctl_len, err);
}

/* Of a process in a user namespace, and for an ordinary user, the parent has written it: here it would not be permitted. */
static int step_oom_score(struct init_ctx *ctx, struct error *err)
{
	const struct opt_i64 *score = &ctx->plan->process->oom_score_adj;

	if (!score->set || ctx->plan->unprivileged || (ctx->plan->user_namespace && ctx->plan->spec))
		return 0;
	return oom_score_apply(ctx->proc_fd, 0, score->value, err);
}

static bool sets_files(const struct spec_process *process)
{
	for (size_t i = 0; i < process->rlimits_len; i++)
		if (process->rlimits[i].resource == RLIMIT_NOFILE)
			return true;
	return false;
}

static int step_restrict(struct init_ctx *ctx, struct error *err)
{
	int r = mount_do_restrict(ctx->plan->mounts, err);

	/* Many mounts may have needed more descriptors than the container is to have; what config.json says is set elsewhere. */
	mount_close(ctx->plan->mounts);
	if (!sets_files(ctx->plan->process))
		sys_restore_files();
	return r;
}

/* Before the root may become read-only. What cannot be made is told by who enters it. */
static int step_make_directory(struct init_ctx *ctx, struct error *err)
{
	const char *cwd = ctx->plan->process->cwd;
	auto_close int fd = -1;

	(void)err;
	if (strcmp(cwd, "/") != 0)
		fd = open_in_root_make(mount_root_fd(ctx->plan->mounts), cwd, OPEN_MAKE_DIRECTORY, 0755,
				       NULL);
	return 0;
}

const struct init_ctx_step init_create_steps[] = {
	{ "cpus", step_cpus }, /* before a scheduler that would not let it */
	{ "id maps", step_id_maps },
	{ "sources",
	  step_sources }, /* with the ids and groups of the caller still, to whom the sources are open */
	{ "root of the user namespace", step_root_of_namespace }, /* everything below needs our ids */
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
	{ "sysctl", step_sysctl }, /* after the hooks, which make network interfaces */
	{ "oom score", step_oom_score },
	{ "leave proc", init_step_leave_proc }, /* nothing below needs the host's /proc */
	{ "make directory", step_make_directory },
	{ "restrict", step_restrict }, /* after the pivot: nothing mounts below /proc any more */
	{ NULL },
};

/* ---- create, in a mount namespace that is somebody else's ------------------------------------------------------------ */

/*
 * Its mounts, and the root of the processes in it, are not ours to change: no mount(2), no pivot_root(2). The root is a directory of
 * that namespace, which chroot(2) makes ours alone.
 */
static int step_chroot(struct init_ctx *ctx, struct error *err)
{
	const struct init_plan *plan = ctx->plan;
	const bool moved =
		plan->spec ? plan->spec->namespaces[NS_MOUNT].listed : plan->target_namespaces & CLONE_NEWNS;
	auto_close int root_fd = moved ? open_again_here(plan->joined_root_fd, O_PATH | O_DIRECTORY) :
					 fcntl(plan->joined_root_fd, F_DUPFD_CLOEXEC, 3);

	if (root_fd == -ESTALE || root_fd == -ENOENT)
		return error_set(
			err, root_fd,
			"the root is not the same directory in the joined mount namespace as on the host");
	if (root_fd < 0)
		return error_sys(err, root_fd, "open the root in the joined mount namespace");
	if (fchdir(root_fd) < 0 || chroot(".") < 0 || chdir("/") < 0)
		return error_sys(err, -errno, "change the root");
	return 0;
}

const struct init_ctx_step init_create_joined_steps[] = {
	{ "cpus", step_cpus },
	{ "id maps", step_id_maps },
	{ "root of the user namespace", step_root_of_namespace },
	{ "join namespaces", step_join },
	{ "session", step_session },
	{ "keyring", step_keyring },
	{ "cgroup namespace", step_cgroup_namespace },
	{ "names", step_names },
	{ "hooks", step_hooks },
	{ "chroot", step_chroot },
	{ "network", step_network },
	{ "sysctl", step_sysctl },
	{ "oom score", step_oom_score },
	{ "leave proc", init_step_leave_proc },
	{ NULL },
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
	r = rlimits_prepare(0, process->rlimits, process->rlimits_len, err);
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

/* In a user namespace: what is made from here on, a terminal above all, belongs to its root and not to "nobody". */
static int step_exec_root_user(struct init_ctx *ctx, struct error *err)
{
	int r;

	if (!ctx->plan->user_namespace)
		return 0;
	r = sys_become_root();
	init_stay_hidden();
	/* EINVAL: it has no root. */
	return r < 0 && r != -EINVAL ? error_sys(err, r, "become root of the user namespace") : 0;
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

static int step_exec_root(struct init_ctx *ctx, struct error *err)
{
	const struct init_plan *plan = ctx->plan;

	return plan->joined_root_fd >= 0 ? step_chroot(ctx, err) :
					   ns_enter_root(plan->root_fd, &plan->root_file, err);
}

const struct init_ctx_step init_exec_steps[] = {
	{ "host side", step_exec_host_side },
	{ "leave proc",
	  init_step_leave_proc }, /* before anybody in the container can be our neighbour in /proc */
	{ "enter", step_enter },
	{ "root", step_exec_root }, /* what entering gives is the namespace's */
	{ "root user", step_exec_root_user },
	{ "session", step_session },
	{ "keyring", step_keyring },
	{ "console", step_exec_console },
	{ NULL },
};
