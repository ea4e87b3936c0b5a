/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The last restrictions: limits that krun's own steps could run into, and the seccomp filter. A filter is
 * written for the program, not for krun, so krun makes only two system calls after it: execve(2), and, if
 * CAP_SYS_ADMIN was kept to load the filter without no_new_privs, capset(2) to drop that. The exception is a
 * filter that allows, whatever the arguments, all that this process does between its park and its
 * execve(2). It is loaded in front of the wait there, because the kernel needs some time to translate a
 * large one, and nobody waits yet.
 *
 * If the filter refuses capset(2), the call is left out. That is safe: execve(2) computes the program's
 * capabilities from the inheritable, ambient and bounding sets, and the permitted set before plays no part
 * (capabilities(7), "Transformation of capabilities during execve()"). With no_new_privs it could, but then
 * nothing was kept.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "init/ctx.h"
#include "init/sync.h"
#include "km/km.h"
#include "km/requirements.h"
#include "monitor/monitor.h"
#include "security/security.h"
#include "spec/spec.h"
#include "syscall/process.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/error.h"

static const uint64_t ADMIN = UINT64_C(1) << CAP_SYS_ADMIN;

/* ---- what the filter will allow ---------------------------------------------------------------------- */

/*
 * The arguments that are tried, for all six at once. Arguments of krun's calls are small numbers and
 * addresses; a filter that treats these two alike is taken to treat all alike.
 */
static const uint64_t arguments[] = { 0, UINT64_C(0x7fff00001000) };

static bool answers(const struct seccomp_program *filter, const struct seccomp_data *data,
		    bool (*wanted)(uint32_t action))
{
	uint32_t action;

	if (km_filter_run(filter->instructions, filter->len, data, &action) < 0)
		action = SECCOMP_RET_KILL_PROCESS;
	return wanted(action & SECCOMP_RET_ACTION_FULL);
}

/* True if the filter's action for @call is @wanted for any of the arguments. */
static bool any_answer(const struct seccomp_program *filter, int call, bool (*wanted)(uint32_t action))
{
	for (size_t i = 0; i < ARRAY_LEN(arguments); i++) {
		const uint64_t a = arguments[i];
		const struct seccomp_data data = {
			.nr = call,
			.arch = seccomp_arch_native(),
			.args = { a, a, a, a, a, a },
		};

		if (answers(filter, &data, wanted))
			return true;
	}
	return false;
}

static bool is_no_plain_yes(uint32_t action)
{
	return action != SECCOMP_RET_ALLOW && action != SECCOMP_RET_LOG;
}

/* An agent or a tracer may allow the call. */
static bool is_no_refusal(uint32_t action)
{
	return !is_no_plain_yes(action) || action == SECCOMP_RET_USER_NOTIF || action == SECCOMP_RET_TRACE;
}

bool init_filter_allows(const struct seccomp_program *filter, int call)
{
	return !filter || !any_answer(filter, call, is_no_plain_yes);
}

bool init_filter_allows_command(const struct seccomp_program *filter, int call, int command)
{
	const struct seccomp_data data = {
		.nr = call,
		.arch = seccomp_arch_native(),
		.args = { 3, (uint64_t)command },
	};

	return !filter || !answers(filter, &data, is_no_plain_yes);
}

static bool refuses(const struct seccomp_program *filter, int call)
{
	return !any_answer(filter, call, is_no_refusal);
}

int init_filter_check(const struct init_plan *plan, struct error *err)
{
	const struct seccomp_program *filter = plan->seccomp;
	const bool path = filter && refuses(filter, SYS_execve), fd = filter && refuses(filter, SYS_execveat);
	const char *call = plan->program == INIT_PROGRAM_FD ? "execveat" : "execve";

	if (plan->program == INIT_PROGRAM_FD ? !fd : !path || (plan->program == INIT_PROGRAM_KM && !fd))
		return 0;
	return error_at(err, -EINVAL, "/linux/seccomp",
			"the filter forbids %s(2), by which krun executes %s "
			"under it: allow that",
			call, plan->program == INIT_PROGRAM_KM ? "km" : "the program");
}

/*
 * What a process without km does between its park and its execve(2): the wait, HOME, limits, messages, a
 * failure, its end, and what libc does for them.
 */
static const int parked_calls[] = {
	SYS_brk,
	SYS_capset,
	SYS_clock_gettime,
	SYS_close,
	SYS_exit_group,
	SYS_fcntl,
	SYS_fstat,
	SYS_futex,
	SYS_getpid,
	SYS_getrandom,
	SYS_gettid,
	SYS_lseek,
	SYS_madvise,
	SYS_mmap,
	SYS_mprotect,
	SYS_mremap,
	SYS_munmap,
	SYS_newfstatat,
	SYS_openat,
	SYS_ppoll,
	SYS_pread64,
	SYS_prlimit64,
	SYS_read,
	SYS_readv,
	SYS_recvmsg,
	SYS_rt_sigaction,
	SYS_rt_sigprocmask,
	SYS_rt_sigreturn,
	SYS_sendmsg,
	SYS_statx,
	SYS_tgkill,
	SYS_write,
	SYS_writev,
	SYS_restart_syscall,
};

bool init_filter_suits_wait(const struct init_plan *plan)
{
	const struct spec_hooks *hooks = plan->spec ? &plan->spec->hooks[HOOK_START_CONTAINER] : NULL;
	uint32_t action;

	if (init_filter_time(plan) != FILTER_LAST || plan->program == INIT_PROGRAM_KM ||
	    (hooks && hooks->len > 0))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(parked_calls); i++) {
		/* Not one that logs: the audit log is about the program. */
		if (km_filter_run_for_any(plan->seccomp->instructions, plan->seccomp->len, parked_calls[i],
					  seccomp_arch_native(), &action) < 0 ||
		    action != SECCOMP_RET_ALLOW)
			return false;
	}
	return true;
}

/* ---- reporting a failure ----------------------------------------------------------------------------- */

int init_last_words_make(struct init_ctx *ctx, struct error *err)
{
	auto_close int fd = -1;
	void *memory;

	if (init_filter_time(ctx->plan) != FILTER_LAST || init_filter_allows(ctx->plan->seccomp, SYS_sendmsg))
		return 0;
	fd = sys_memfd_create("krun", 0);
	if (fd < 0)
		return error_sys(err, fd, "make memory for the command to read");
	if (ftruncate(fd, sizeof(*ctx->last_words)) < 0)
		return error_sys(err, -errno, "make memory for the command to read");
	memory = mmap(NULL, sizeof(*ctx->last_words), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		return error_sys(err, -errno, "share memory with the command");
	ctx->last_words = memory;
	/* A snapshot of km needs the numbers below for its own descriptors. */
	ctx->last_words_fd = ctx->plan->program == INIT_PROGRAM_KM ?
				     fcntl(fd, F_DUPFD_CLOEXEC, KM_PAYLOAD_DESCRIPTORS) :
				     take_fd(&fd);
	return ctx->last_words_fd < 0 ? error_sys(err, -errno, "move a descriptor out of km's way") : 0;
}

void init_report_failure(const struct init_ctx *ctx, const struct error *failure)
{
	if (ctx->last_words && ctx->confined)
		*ctx->last_words = *failure;
	else if (ctx->sync_fd >= 0)
		sync_send_failure(ctx->sync_fd, failure);
}

/* ---- when it is loaded ------------------------------------------------------------------------------- */

enum filter_time init_filter_time(const struct init_plan *plan)
{
	if (!plan->seccomp)
		return FILTER_NEVER;
	return plan->handover ? FILTER_NOTIFY : FILTER_LAST;
}

uint64_t init_filter_needs(const struct init_plan *plan)
{
	return plan->seccomp && !plan->process->no_new_privileges && !no_new_privs_is_set() ? ADMIN : 0;
}

static int send_listener(void *data, int listener_fd)
{
	const struct init_ctx *ctx = data;
	struct error ignored;

	return sync_send(ctx->sync_fd, SYNC_SECCOMP, 0, listener_fd, &ignored);
}

static int set_capabilities(const struct capability_sets *sets, struct error *err)
{
	int r = sys_capset(sets);

	return r < 0 ? error_sys(err, r, "capset(2) around the seccomp filter") : 0;
}

static int load(struct init_ctx *ctx, struct error *err)
{
	const struct init_plan *plan = ctx->plan;
	struct capability_sets privileged = ctx->capabilities;
	struct error ignored;
	int r = 0;

	privileged.permitted |= ctx->lent;
	privileged.effective |= ctx->lent;
	if (ctx->lent)
		r = set_capabilities(&privileged, err);
	if (r == 0 && plan->handover)
		seccomp_handover_set_sender(plan->handover, send_listener, ctx);
	if (r == 0)
		r = seccomp_apply(plan->seccomp, plan->handover, err);
	ctx->confined = r == 0;
	/* The process may still wait for its start. */
	if (r < 0 && ctx->lent)
		set_capabilities(&ctx->capabilities, &ignored);
	if (r < 0 || !ctx->lent || refuses(plan->seccomp, SYS_capset))
		return r;
	return set_capabilities(&ctx->capabilities, err);
}

int init_limit(struct init_ctx *ctx, struct error *err)
{
	const struct spec_process *process = ctx->plan->process;
	int r;

	if (ctx->limited)
		return 0;
	ctx->limited = true;
	r = rlimits_finish(process->rlimits, process->rlimits_len, err);
	return r == 0 && ctx->plan->program == INIT_PROGRAM_KM ? init_limit_monitor_files(err) : r;
}

int init_step_filter_notify(struct init_ctx *ctx, struct error *err)
{
	int r = 0;

	if (init_filter_time(ctx->plan) != FILTER_NOTIFY)
		return 0;
	/* The filter refuses to set limits later. */
	if (!init_filter_allows(ctx->plan->seccomp, SYS_prlimit64))
		r = init_limit(ctx, err);
	return r < 0 ? r : load(ctx, err);
}

int init_load_filter(struct init_ctx *ctx, struct error *err)
{
	return init_filter_time(ctx->plan) == FILTER_LAST && !ctx->confined ? load(ctx, err) : 0;
}
