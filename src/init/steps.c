/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The child's way into the container, theory of operation. There is a table of steps for the container's
 * first process, one for the first process in a joined mount namespace, and one for exec. The names of steps
 * appear in errors, in the debug log and in the trace. The stages of the container's first process are:
 *
 * 1. Start (spawn.c, inherit.c). clone3(2) has made the namespaces and put the child into its cgroup; its
 *    root is still that of the host. First the child closes the descriptors that its plan does not need.
 *
 * 2. Ids ("cpus" to "root of the user namespace"). The child waits for SYNC_ID_MAPS, because it cannot become
 *    root before its ids are mapped. Before it does, it opens the sources of mounts with the caller's ids, to
 *    which they are accessible. What it makes afterwards belongs to the root of its user namespace.
 *
 * 3. Namespaces ("join namespaces" to "names"). The cgroup namespace is made here and not by clone3(2), which
 *    makes namespaces before it moves the child into its cgroup.
 *
 * 4. Mounts ("propagation" to "devices"). They are made below the rootfs while the host's paths are visible.
 *    A mount that the child may not copy itself is copied by the parent (SYNC_WANT_TREE).
 *
 * 5. Hooks. The child waits until the parent's hooks have run (SYNC_HOOKS_DONE), then runs its own. They have
 *    to see the mounts, so they cannot come earlier, and the host's paths, so not after the pivot.
 *
 * 6. Console and pivot. The terminal needs the devpts of stage 4. After the pivot the host's mounts are gone.
 *
 * 7. Settings ("network" to "leave proc"), through the host's /proc, which is then closed. Sysctls come after
 *    the hooks, which may make network interfaces.
 *
 * 8. Restrictions ("make directory", "restrict"). Masked and read-only paths and a read-only root come last,
 *    because steps before them mount or write there.
 *
 * Then the child is confined (confine.c), parks, and executes its program (execute.c). In a joined mount
 * namespace stages 4 and 8 and the console are left out, and chroot(2) replaces the pivot. For exec see
 * init_exec_steps.
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

/* Becomes root of the user namespace, so that what is made from here on belongs to it, not to "nobody". */
static int become_root(struct error *err)
{
	int r = sys_setgroups(0, NULL);

	/* EPERM: setgroups(2) is denied in this user namespace; then groups cannot be dropped at all. */
	if (r < 0 && r != -EPERM)
		return error_sys(err, r, "drop supplementary groups");
	r = sys_become_root();
	return r < 0 ? error_sys(err, r, "become root of the user namespace") : 0;
}

/*
 * The caller's CPU affinity (taskset, CPUAffinity= of a service) is not the container's, whose cgroup says
 * which CPUs it has. Without a cgroup the affinity stays.
 */
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
	/* config.json does not have the maps of a joined namespace. */
	if (spec->namespaces[NS_USER].path || idmap_has_root(spec->id_maps.uids, spec->id_maps.uids_len))
		r = become_root(err);
	init_stay_hidden();
	return r;
}

static int step_join(struct init_ctx *ctx, struct error *err)
{
	/* Not CLONE_NEWPID, which takes effect for children only: the stage has joined it (spawn.c). */
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

/* Not a flag of clone3(2): its new cgroup namespace would have the command's cgroup as its root. */
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

/* The parent makes it after the clone, so it comes before anything that the child asks for. */
static int enter_network(void *data, struct error *err)
{
	struct init_ctx *ctx = data;
	struct sync_message message;
	int r;

	if (ctx->has_network || !ctx->plan->ns->network_later)
		return 0;
	r = sync_expect(ctx->sync_fd, SYNC_NETWORK, &message, err);
	if (r < 0)
		return r;
	if (setns(message.fd, CLONE_NEWNET) < 0)
		r = error_sys(err, -errno, "enter the container's network namespace");
	cleanup_close(&message.fd);
	ctx->has_network = r == 0;
	return r;
}

static int step_network_namespace(struct init_ctx *ctx, struct error *err)
{
	return enter_network(ctx, err);
}

static int copy_again(void *data, size_t index, struct error *err)
{
	const struct init_ctx *ctx = data;
	struct sync_message message;
	int r = enter_network(data, err);

	if (r == 0)
		r = sync_send(ctx->sync_fd, SYNC_WANT_TREE, (int)index, -1, err);
	if (r == 0)
		r = sync_expect(ctx->sync_fd, SYNC_TREE, &message, err);
	if (r < 0)
		return r;
	return message.fd < 0 ? error_set(err, -EPROTO, "no mount came with a sync message") : message.fd;
}

/* A hook in the container is to have the capabilities that it has everywhere: then this waits (confine.c). */
static int step_bounding_early(struct init_ctx *ctx, struct error *err)
{
	if (!ctx->plan->ns->network_later || ctx->plan->spec->hooks[HOOK_CREATE_CONTAINER].len > 0)
		return 0;
	return init_step_bounding(ctx, err);
}

static int step_mounts(struct init_ctx *ctx, struct error *err)
{
	return mount_do_mounts(
		ctx->plan->mounts,
		&(struct mount_parent){ .copy_again = copy_again, .network = enter_network, .data = ctx },
		err);
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

/* Makes a pty in dev/pts of @root_fd. Its master goes to the parent at once, and never into the container. */
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
	if (!ctx->plan->ns->new_network)
		return 0;
	return ns_loopback_up(err);
}

static int step_sysctl(struct init_ctx *ctx, struct error *err)
{
	const struct spec *spec = ctx->plan->spec;

	return sysctl_apply(ctx->proc_fd, spec->sysctl, spec->sysctl_len, err);
}

/*
 * In a new or joined user namespace, and for an ordinary user, this process may not write its score: then
 * the parent has done it.
 */
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

	/* Takes back krun's higher RLIMIT_NOFILE, unless config.json sets it. */
	mount_close(ctx->plan->mounts);
	if (!sets_files(ctx->plan->process))
		sys_restore_files();
	return r;
}

/* The next step may make the root read-only. A failure is reported by the step that enters the directory. */
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
	{ "cpus", step_cpus }, /* a later scheduling policy may not permit it */
	{ "id maps", step_id_maps },
	{ "sources", step_sources },				  /* still with the caller's ids and groups */
	{ "root of the user namespace", step_root_of_namespace }, /* the steps below need its ids */
	{ "join namespaces", step_join },
	{ "session", step_session },
	{ "keyring", step_keyring },
	{ "cgroup namespace", step_cgroup_namespace }, /* before a cgroup file system is mounted */
	{ "names", step_names },
	{ "propagation", step_propagation },
	{ "rootfs", step_rootfs },
	{ "bounding set (early)", step_bounding_early }, /* the network namespace is not there yet */
	{ "mounts", step_mounts },
	{ "devices", step_devices },
	{ "network namespace", step_network_namespace }, /* at the latest */
	{ "hooks", step_hooks },			 /* see the mounts, and the host's paths */
	{ "console", step_console },			 /* after devpts is mounted */
	{ "pivot", step_pivot },
	{ "network", step_network },
	{ "sysctl", step_sysctl }, /* after hooks, which may make interfaces */
	{ "oom score", step_oom_score },
	{ "leave proc", init_step_leave_proc }, /* nothing below needs it */
	{ "make directory", step_make_directory },
	{ "restrict", step_restrict }, /* last: nothing is mounted any more */
	{ NULL },
};

/* ---- create, in a joined mount namespace ------------------------------------------------------------- */

/*
 * The mounts in a joined namespace, and the root of other processes in it, must not change: no mount(2), no
 * pivot_root(2). The container's root is a directory of that namespace, and chroot(2) concerns this process
 * alone.
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
	{ "network namespace", step_network_namespace },
	{ "hooks", step_hooks },
	{ "chroot", step_chroot },
	{ "network", step_network },
	{ "sysctl", step_sysctl },
	{ "oom score", step_oom_score },
	{ "leave proc", init_step_leave_proc },
	{ NULL },
};

/* ---- exec ------------------------------------------------------------------------------------------- */

/* Still in the host's user namespace: after it limits could only be lowered, and the score only raised. */
static int step_exec_host_side(struct init_ctx *ctx, struct error *err)
{
	const struct spec_process *process = ctx->plan->process;
	int r = step_oom_score(ctx, err);

	/* The process is in the container's cgroup since its start. */
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
	/* All at once (setns(2) with a pidfd, Linux 5.8): the process is never half in the container. */
	if (setns(ctx->plan->target_pidfd, (int)rest) == 0)
		return 0;
	if (errno != EPERM || !(rest & CLONE_NEWUSER))
		return error_sys(err, -errno, "enter the container's namespaces");
	/*
	 * Some belong to the host's user namespace, others to the container's: first those that can be
	 * entered now, then the user namespace, then the rest.
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

/* As become_root(): a terminal, above all, has to belong to the user namespace's root. */
static int step_exec_root_user(struct init_ctx *ctx, struct error *err)
{
	int r;

	if (!ctx->plan->user_namespace)
		return 0;
	r = sys_become_root();
	init_stay_hidden();
	/* EINVAL: root is not mapped in it. */
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

/*
 * Limits and score are set before the user namespace is entered, because they cannot be later, and the host's
 * /proc is closed before. Then the process enters the container's namespaces and root, and becomes root of
 * its user namespace, for the terminal.
 */
const struct init_ctx_step init_exec_steps[] = {
	{ "host side", step_exec_host_side },
	{ "leave proc", init_step_leave_proc },
	{ "enter", step_enter },
	{ "root", step_exec_root }, /* entering gives the root of the mount namespace */
	{ "root user", step_exec_root_user },
	{ "session", step_session },
	{ "keyring", step_keyring },
	{ "console", step_exec_console },
	{ NULL },
};
