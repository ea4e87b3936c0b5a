/* SPDX-License-Identifier: Apache-2.0 */

/*
 * How a process that is in the container already gives up what the container may not have. The first process and each that exec
 * brings do the same, by the same table; its order is the design:
 *
 *   streams                while the links to our own descriptors can still be used, and as root, who may give them away
 *   limits, bounding set   while CAP_SYS_RESOURCE and CAP_SETPCAP are there
 *   labels                 through files that were opened on the host; they hold from the execve on
 *   descriptors            from here on nothing of the host is open, and nothing is looked up but in the container
 *   working directory      by an fd below the root, when no descriptor is left that its path could lead through; with root's rights,
 *                          because a working directory that only root may enter is entered (config.md, "process.cwd")
 *   monitor                before any filter, which need not allow the look at km's file
 *   seccomp (privileged)   without no_new_privs the kernel takes a filter from CAP_SYS_ADMIN only
 *   identity, capabilities first the ids, with the capabilities kept, because the kernel drops them with the ids
 *   ... (user)             as the user, where root's rights did not reach: no CAP_DAC_OVERRIDE, a network file system
 *   program                as the user, relative to the working directory
 *   seccomp                last, so that it need not allow what stands above; init_execute() loads it after the park, where the
 *                          only calls left are its own
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "init/ctx.h"
#include "init/sync.h"
#include "security/security.h"
#include "spec/spec.h"
#include "syscall/open.h"
#include "util/cleanup.h"
#include "util/error.h"

static int step_limits(struct init_ctx *ctx, struct error *err)
{
	const struct spec_process *process = ctx->plan->process;
	int r;

	/* In a user namespace the parent (create) or the step "host side" (exec) has done it. */
	if (ctx->plan->user_namespace)
		return 0;
	r = rlimits_apply(0, process->rlimits, process->rlimits_len, err);
	return r < 0 ? r : scheduling_apply(0, process, err);
}

static int step_bounding(struct init_ctx *ctx, struct error *err)
{
	return caps_limit_bounding(ctx->plan->process->capabilities, err);
}

static int step_labels(struct init_ctx *ctx, struct error *err)
{
	int r = 0;

	if (ctx->plan->apparmor)
		r = apparmor_apply(&ctx->files, ctx->plan->apparmor, err);
	if (r == 0 && ctx->plan->selinux)
		r = selinux_apply(&ctx->files, ctx->plan->selinux, err);
	return r;
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

/* ---- the working directory -------------------------------------------------------------------------------------- */

/* The first process makes it while it is still root, as engines expect it of `-w /new/dir`. */
static int open_working_directory(const struct init_ctx *ctx, int root_fd)
{
	const char *cwd = ctx->plan->process->cwd;
	int fd = open_in_root(root_fd, cwd, O_PATH | O_DIRECTORY);

	if (fd == -ENOENT && ctx->plan->spec)
		fd = open_in_root_make(root_fd, cwd, OPEN_MAKE_DIRECTORY, 0755, NULL);
	return fd;
}

/*
 * By a descriptor of what was found below the root: a path like /proc/self/fd/7 leads nowhere, because magic links are not followed
 * and nothing of the host is open.
 */
static int enter_working_directory(const struct init_ctx *ctx)
{
	/* Whoever has just come in stands there. */
	if (strcmp(ctx->plan->process->cwd, "/") == 0)
		return 0;

	auto_close int root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_close int fd = root_fd < 0 ? -errno : open_working_directory(ctx, root_fd);

	if (fd < 0)
		return fd;
	return fchdir(fd) < 0 ? -errno : 0;
}

static int step_directory_as_root(struct init_ctx *ctx, struct error *err)
{
	int r = enter_working_directory(ctx);

	ctx->in_directory = r == 0;
	/* The user may have rights there that root has not. */
	return r == 0 || r == -EACCES || r == -EPERM ?
		       0 :
		       error_exec(err, r, "working directory '%s'", ctx->plan->process->cwd);
}

static int step_directory(struct init_ctx *ctx, struct error *err)
{
	int r = ctx->in_directory ? 0 : enter_working_directory(ctx);

	return r < 0 ? error_exec(err, r, "working directory '%s'", ctx->plan->process->cwd) : 0;
}

/* ---- who it is ---------------------------------------------------------------------------------------------------- */

static int step_identity(struct init_ctx *ctx, struct error *err)
{
	return identity_apply(&ctx->plan->process->user, ctx->plan->set_groups, err);
}

static int step_capabilities(struct init_ctx *ctx, struct error *err)
{
	int r = caps_apply(ctx->plan->process->capabilities, err);

	init_stay_hidden();
	return r;
}

static int step_no_new_privs(struct init_ctx *ctx, struct error *err)
{
	return ctx->plan->process->no_new_privileges ? no_new_privs_apply(err) : 0;
}

static int step_program(struct init_ctx *ctx, struct error *err)
{
	if (ctx->plan->program == INIT_PROGRAM_FD || ctx->plan->program == INIT_PROGRAM_NONE)
		return 0;
	return program_find(ctx->plan->process->args, ctx->plan->env, &ctx->program, err);
}

/* ---- seccomp ------------------------------------------------------------------------------------------------------ */

static int send_listener(void *data, int listener_fd)
{
	const struct init_ctx *ctx = data;
	struct error ignored;

	return sync_send(ctx->sync_fd, SYNC_SECCOMP, 0, listener_fd, &ignored);
}

enum filter_time init_filter_time(const struct init_plan *plan)
{
	if (!plan->seccomp)
		return FILTER_NEVER;
	if (!plan->process->no_new_privileges)
		return FILTER_PRIVILEGED;
	return plan->handover ? FILTER_NOTIFY : FILTER_LAST;
}

int init_load_filter(struct init_ctx *ctx, enum filter_time now, struct error *err)
{
	if (init_filter_time(ctx->plan) != now)
		return 0;
	if (ctx->plan->handover)
		seccomp_handover_set_sender(ctx->plan->handover, send_listener, ctx);
	return seccomp_apply(ctx->plan->seccomp, ctx->plan->handover, err);
}

static int step_seccomp_privileged(struct init_ctx *ctx, struct error *err)
{
	return init_load_filter(ctx, FILTER_PRIVILEGED, err);
}

static int step_seccomp_notify(struct init_ctx *ctx, struct error *err)
{
	return init_load_filter(ctx, FILTER_NOTIFY, err);
}

const struct init_step init_confine_steps[] = {
	{ "streams", init_step_streams },
	{ "limits", step_limits },
	{ "bounding set", step_bounding },
	{ "labels", step_labels },
	{ "execution domain", step_execution_domain },
	{ "memory policy", step_memory_policy },
	{ "descriptors", init_step_descriptors },
	{ "working directory", step_directory_as_root },
	{ "monitor", init_step_monitor },
	{ "seccomp (privileged)", step_seccomp_privileged },
	{ "identity", step_identity },
	{ "capabilities", step_capabilities },
	{ "no new privileges", step_no_new_privs },
	{ "working directory (user)", step_directory },
	{ "program", step_program },
	{ "seccomp (notify)", step_seccomp_notify },
	{ NULL, NULL },
};
