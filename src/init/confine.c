/* SPDX-License-Identifier: Apache-2.0 */

/*
 * How a process that has entered the container (steps.c) is confined. The container's first process and
 * each exec use the same table, whose order is the design:
 *
 *   streams                while krun's links to its own descriptors are open, and as root, who may change
 *                          owners
 *   limits, bounding set   while the process has CAP_SYS_RESOURCE and CAP_SETPCAP; limits that krun's own
 *                          steps could run into are set last, by init_limit(); while a network namespace is
 *                          waited for there is time for the bounding set (steps.c)
 *   labels                 through files that were opened on the host; they take effect at the execve(2)
 *   descriptors            from here on nothing of the host is open, and paths are looked up in the container
 *   working directory      by a descriptor below the root, once no descriptor is open through which its path
 *                          could lead out; as root, for a directory that only root may enter
 *   monitor                km's file, as root, too
 *   identity, capabilities the ids first, with the capabilities kept, because the kernel drops them with the
 *                          ids; CAP_SYS_ADMIN stays permitted, not effective, if loading the filter needs it
 *   working directory      as the user, if root could not enter it: no CAP_DAC_OVERRIDE, or a network file
 *     (user)               system
 *   program                found as the user, relative to the working directory
 *   seccomp (notify)       a filter with an agent, while the command that knows the agent is there
 *
 * Any other filter is loaded by init_execute(), right before its execve(2) or while it waits for the start
 * (filter.c), so that it need not allow the system calls of these steps.
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
#include "security/security.h"
#include "spec/spec.h"
#include "syscall/capability.h"
#include "syscall/open.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/log.h"
#include "util/trace.h"

static int step_limits(struct init_ctx *ctx, struct error *err)
{
	const struct spec_process *process = ctx->plan->process;
	int r;

	/* In a user namespace the parent (create) or the step "host side" (exec) has set them. */
	if (ctx->plan->user_namespace)
		return 0;
	r = rlimits_prepare(0, process->rlimits, process->rlimits_len, err);
	return r < 0 ? r : scheduling_apply(0, process, err);
}

int init_step_bounding(struct init_ctx *ctx, struct error *err)
{
	int r = ctx->bounded ? 0 : caps_limit_bounding(ctx->plan->process->capabilities, err);

	ctx->bounded = r == 0;
	return r;
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

/* ---- the working directory --------------------------------------------------------------------------- */

/* The container's first process makes it, as root: engines expect that of `-w /new/dir`. */
static int open_working_directory(const struct init_ctx *ctx, int root_fd)
{
	const char *cwd = ctx->plan->process->cwd;
	int fd = open_in_root(root_fd, cwd, O_PATH | O_DIRECTORY);

	if (fd == -ENOENT && ctx->plan->spec)
		fd = open_in_root_make(root_fd, cwd, OPEN_MAKE_DIRECTORY, 0755, NULL);
	return fd;
}

/*
 * Enters it by a descriptor of what was found below the root. A path like /proc/self/fd/7 cannot lead out,
 * because magic links are not followed and nothing of the host is open.
 */
static int enter_working_directory(const struct init_ctx *ctx)
{
	/* The process is in "/" since it entered the root. */
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
	/* The user may have rights there that root does not have: see step_directory(). */
	return r == 0 || r == -EACCES || r == -EPERM ?
		       0 :
		       error_exec(err, r, "working directory '%s'", ctx->plan->process->cwd);
}

static int step_directory(struct init_ctx *ctx, struct error *err)
{
	int r = ctx->in_directory ? 0 : enter_working_directory(ctx);

	return r < 0 ? error_exec(err, r, "working directory '%s'", ctx->plan->process->cwd) : 0;
}

/* ---- ids and capabilities ---------------------------------------------------------------------------- */

static int step_identity(struct init_ctx *ctx, struct error *err)
{
	return identity_apply(&ctx->plan->process->user, ctx->plan->set_groups, err);
}

static int step_capabilities(struct init_ctx *ctx, struct error *err)
{
	const uint64_t needs = init_filter_needs(ctx->plan);
	struct capability_sets now;
	int r = caps_apply(ctx->plan->process->capabilities, needs, &ctx->capabilities, err);

	init_stay_hidden();
	if (r < 0 || needs == 0)
		return r;
	ctx->lent = needs & ~ctx->capabilities.effective;
	r = sys_capget(&now);
	if (r < 0)
		return error_sys(err, r, "read capabilities");
	return needs & ~now.permitted ?
		       error_at(err, -EPERM, "/linux/seccomp",
				"without noNewPrivileges the kernel loads a "
				"filter only with CAP_SYS_ADMIN, which krun does not have here") :
		       0;
}

static int step_no_new_privs(struct init_ctx *ctx, struct error *err)
{
	return ctx->plan->process->no_new_privileges ? no_new_privs_apply(err) : 0;
}

int init_step_program(struct init_ctx *ctx, struct error *err)
{
	int r;

	if (ctx->plan->program == INIT_PROGRAM_FD || ctx->plan->program == INIT_PROGRAM_NONE)
		return 0;
	trace_note("program", ctx->plan->process->args[0]);
	r = program_find(ctx->plan->process->args, ctx->plan->env, &ctx->program, err);
	if (r < 0)
		return r;
	log_debug("program '%s'", ctx->program.path);
	log_words("arguments", ctx->program.argv.items);
	return 0;
}

const struct init_ctx_step init_confine_steps[] = {
	{ "streams", init_step_streams },
	{ "limits", step_limits },
	{ "bounding set", init_step_bounding },
	{ "labels", step_labels },
	{ "execution domain", step_execution_domain },
	{ "memory policy", step_memory_policy },
	{ "descriptors", init_step_descriptors },
	{ "working directory", step_directory_as_root },
	{ "monitor", init_step_monitor },
	{ "identity", step_identity },
	{ "capabilities", step_capabilities },
	{ "no new privileges", step_no_new_privs },
	{ "working directory (user)", step_directory },
	{ "program", init_step_program },
	{ "seccomp (notify)", init_step_filter_notify },
	{ NULL },
};
