/* SPDX-License-Identifier: Apache-2.0 */

/* Who the process is, where it stands, and what it has open, right before it executes. */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hooks/hooks.h"
#include "init/ctx.h"
#include "spec/spec.h"
#include "syscall/open.h"
#include "km/km.h"
#include "syscall/process.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/log.h"

/*
 * km keeps its own descriptors in 727..1023 and tells its payload that it may use the rest: 1024 is the
 * soft limit that makes both fit, whatever the container asks for.
 */
enum { MONITOR_NOFILE = 1024, MONITOR_NOFILE_MIN = 737 };

static int limit_monitor_files(struct error *err)
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

int init_step_limits(struct init_ctx *ctx, struct error *err)
{
	const struct spec_process *process = ctx->plan->process;

	int r;

	/* In a user namespace the parent (create) or the step "host side" (exec) has done it. */
	if (ctx->plan->user_namespace)
		return 0;
	r = rlimits_apply(0, process->rlimits, process->rlimits_len, err);
	return r < 0 ? r : scheduling_apply(0, process, err);
}

/* The directory is made while we are still root, as engines expect it of `-w /new/dir`. */
static int make_working_directory(const char *cwd, struct error *err)
{
	auto_close int root_fd = -1;
	int fd;

	if (access(cwd, F_OK) == 0 || errno != ENOENT)
		return 0;
	root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	fd = root_fd < 0 ? -errno : open_in_root_make(root_fd, cwd, OPEN_MAKE_DIRECTORY, 0755, NULL);
	if (fd < 0)
		return error_sys(err, fd, "make working directory '%s'", cwd);
	close(fd);
	return 0;
}

int init_step_identity(struct init_ctx *ctx, struct error *err)
{
	if (ctx->plan->spec) {
		int r = make_working_directory(ctx->plan->process->cwd, err);

		if (r < 0)
			return r;
	}
	return identity_apply(&ctx->plan->process->user, ctx->plan->set_groups, err);
}

int init_step_working_directory(struct init_ctx *ctx, struct error *err)
{
	const char *cwd = ctx->plan->process->cwd;
	char real[PATH_MAX];

	if (chdir(cwd) < 0)
		return error_sys(err, -errno, "working directory '%s'", cwd);
	/*
	 * A working directory such as /proc/self/fd/7 could lead out of the root through a descriptor of
	 * ours; the kernel reports a directory that is not below our root as unreachable.
	 */
	if (!getcwd(real, sizeof(real)))
		return error_set(err, -EINVAL, "working directory '%s': outside of the container's root",
				 cwd);
	return 0;
}

/*
 * Closes everything from @first on but the few descriptors that are still needed, which are close-on-exec
 * already. Closing, not only marking: a parked container must not hold what the engine leaked into us, nor
 * any directory of the host.
 */
static int close_others(const struct init_ctx *ctx, unsigned int first)
{
	const struct init_plan *plan = ctx->plan;
	int keep[] = {
		ctx->sync_fd,
		plan->gate.start_fd,
		plan->gate.result_fd,
		plan->shim_fd,
		plan->program_fd,
		plan->monitor_log_fd,
		log_fd(),
		log_trace_fd(),
		-1,
		-1,
		-1,
		-1,
	};
	int r = 0;

	_Static_assert(KM_SPARE_SOCKETS == 4, "so many are the last of them");
	for (size_t i = 0; plan->monitor_sockets && i < KM_SPARE_SOCKETS; i++)
		keep[ARRAY_LEN(keep) - 1 - i] = plan->monitor_sockets[i];

	for (size_t i = 1; i < ARRAY_LEN(keep); i++)
		for (size_t j = i; j > 0 && keep[j] < keep[j - 1]; j--) {
			int swap = keep[j];

			keep[j] = keep[j - 1];
			keep[j - 1] = swap;
		}
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(keep); i++) {
		if (keep[i] < (int)first)
			continue;
		if (keep[i] > (int)first)
			r = sys_close_range(first, (unsigned int)keep[i] - 1, 0);
		first = (unsigned int)keep[i] + 1;
	}
	return r < 0 ? r : sys_close_range(first, ~0U, 0);
}

int init_step_descriptors(struct init_ctx *ctx, struct error *err)
{
	const struct init_plan *plan = ctx->plan;
	int r;

	r = close_others(ctx, 3 + plan->preserve_fds);
	if (r < 0)
		return error_sys(err, r, "close descriptors");
	/*
	 * The caller's descriptors below that are open already, and stay open; one of krun's own, in a gap between
	 * them, is close-on-exec and is not preserved.
	 */
	if (plan->program != INIT_PROGRAM_KM)
		return 0;
	/* km opens its log by this number after its execve. */
	if (plan->monitor_log_fd >= 0 && fcntl(plan->monitor_log_fd, F_SETFD, 0) < 0)
		return error_sys(err, -errno, "pass km its log");
	for (size_t i = 0; plan->monitor_sockets && i < KM_SPARE_SOCKETS; i++)
		if (fcntl(plan->monitor_sockets[i], F_SETFD, 0) < 0)
			return error_sys(err, -errno, "pass km its sockets");
	return limit_monitor_files(err);
}
