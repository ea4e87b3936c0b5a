/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Closes what a child has inherited from the command and does not need. The child may be in a container's pid
 * namespace from its start, where the container's root can look into /proc. So it does this first of all;
 * until then it is protected by not being dumpable (spawn.c).
 */

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "hooks/hooks.h"
#include "init/ctx.h"
#include "init/sync.h"
#include "km/km.h"
#include "monitor/monitor.h"
#include "mount/mount.h"
#include "security/security.h"
#include "spec/spec.h"
#include "syscall/open.h"
#include "syscall/process.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/title.h"

/*
 * km has its own descriptors in 727..1023 and leaves the numbers below to its payload. So 1024 is the soft
 * limit that suits both, whatever the container asks for.
 */
enum { MONITOR_NOFILE = 1024, MONITOR_NOFILE_MIN = 737 };

/* Descriptors that are kept up to the program's execve(2). */
static int add_program(struct fd_list *list, const struct init_plan *plan, int sync_fd)
{
	const int fds[] = {
		sync_fd, plan->gate_fd, plan->pid1_fd, plan->program_fd, plan->monitor_log_fd,
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(fds); i++)
		r = fd_list_add(list, fds[i]);
	for (size_t i = 0; r == 0 && plan->monitor_sockets && i < KM_SPARE_SOCKETS; i++)
		r = fd_list_add(list, plan->monitor_sockets[i]);
	return r;
}

/* Descriptors that the steps need. */
static int add_steps(struct fd_list *list, const struct init_plan *plan)
{
	int r = fd_list_add(list, plan->proc_fd);

	if (r == 0)
		r = fd_list_add(list, plan->target_pidfd);
	if (r == 0)
		r = fd_list_add(list, plan->root_fd);
	if (r == 0)
		r = fd_list_add(list, plan->joined_root_fd);
	for (int i = 0; r == 0 && plan->ns && i < NS_KIND_COUNT; i++)
		r = fd_list_add(list, plan->ns->join[i]);
	if (r == 0 && plan->mounts)
		r = mount_setup_descriptors(plan->mounts, list);
	return r;
}

/*
 * Among the numbers of the caller's preserved descriptors may be unused ones, which krun's own descriptors
 * then have. Those are told by close-on-exec: the caller's came through an execve(2).
 */
static void close_gaps(const struct fd_list *keep, unsigned int end)
{
	for (int fd = 3; fd < (int)end; fd++) {
		bool kept = false;

		for (size_t i = 0; i < keep->len; i++)
			kept |= keep->items[i] == fd;
		if (!kept && fcntl(fd, F_GETFD) == FD_CLOEXEC)
			close(fd);
	}
}

static int close_others(struct fd_list *list, int r, const struct init_plan *plan, struct error *err)
{
	const unsigned int first = 3 + plan->preserve_fds;

	if (r == 0)
		r = fd_list_close_others(list, first);
	if (r == 0)
		close_gaps(list, first);
	fd_list_done(list);
	return r < 0 ? error_sys(err, r, "close descriptors") : 0;
}

void init_stay_hidden(void)
{
	/* The kernel has cleared the one, and set the other to the sysctl fs.suid_dumpable. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sys_set_dumpable(false);
}

/* @more: one more descriptor to keep, or -1. */
static int give_up(const struct init_plan *plan, const int *sync_fd, int more, struct error *err)
{
	struct fd_list list = { 0 };
	int r;

	sync_relay_log(sync_fd);
	hooks_output_close();
	title_hide("krun-init");
	/* A command that is killed takes its half-made child along. park() in execute.c clears this. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	r = add_program(&list, plan, *sync_fd);
	if (r == 0)
		r = add_steps(&list, plan);
	if (r == 0)
		r = fd_list_add(&list, more);
	return close_others(&list, r, plan, err);
}

int init_inherit(struct init_ctx *ctx, struct error *err)
{
	const struct init_plan *plan = ctx->plan;
	int r = give_up(plan, &ctx->sync_fd, -1, err);

	if (r < 0)
		return r;
	/* Engines ignore SIGPIPE and block other signals, which a child inherits. */
	sys_reset_signals();
	ctx->proc_fd = plan->proc_fd;
	ctx->links_fd = open_own_links(ctx->proc_fd);
	if (ctx->links_fd < 0)
		return error_sys(err, ctx->links_fd, "open '/proc/self/fd'");
	open_use_own_links(ctx->links_fd);
	return lsm_files_open(ctx->proc_fd, plan->apparmor, plan->selinux, plan->keyring, &ctx->files, err);
}

int init_inherit_stage(const struct init_plan *plan, const int *sync_fd, struct error *err)
{
	return give_up(plan, sync_fd, plan->cgroup_fd, err);
}

int init_step_leave_proc(struct init_ctx *ctx, struct error *err)
{
	(void)err;
	cleanup_close(&ctx->proc_fd);
	return 0;
}

int init_limit_monitor_files(struct error *err)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return error_sys(err, -errno, "read RLIMIT_NOFILE");
	if (limit.rlim_max < MONITOR_NOFILE_MIN)
		return error_set(err, -EMFILE,
				 "RLIMIT_NOFILE: km needs a hard limit of at least %d, it is %llu",
				 MONITOR_NOFILE_MIN, (unsigned long long)limit.rlim_max);
	limit.rlim_cur = limit.rlim_max < MONITOR_NOFILE ? limit.rlim_max : MONITOR_NOFILE;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		return error_sys(err, -errno, "set RLIMIT_NOFILE for km");
	return 0;
}

/* Closes, instead of marking close-on-exec, because a parked process must hold nothing of the host. */
int init_step_descriptors(struct init_ctx *ctx, struct error *err)
{
	const struct init_plan *plan = ctx->plan;
	struct fd_list list = { 0 };
	int r = add_program(&list, plan, ctx->sync_fd);

	ctx->proc_fd = -1;
	ctx->links_fd = -1;
	ctx->files = (struct lsm_files)LSM_FILES_NONE;
	open_use_own_links(-1);
	r = close_others(&list, r, plan, err);
	/* The step "monitor" needs a descriptor above those of a snapshot. */
	return r == 0 && plan->program == INIT_PROGRAM_KM ? init_limit_monitor_files(err) : r;
}
