/* SPDX-License-Identifier: Apache-2.0 */

/* The end of the road: parked until started, then the program. */

#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hooks/hooks.h"
#include "init/ctx.h"
#include "init/sync.h"
#include "km/km.h"
#include "spec/spec.h"
#include "syscall/open.h"
#include "syscall/process.h"
#include "util/cleanup.h"
#include "util/error.h"

enum { LOG_ROOM = 1024 * 1024 };

/* NAME=VALUE strings for execve: the plan's, and HOME when nobody gave one. */
static char **final_environment(const struct init_ctx *ctx, struct error *err)
{
	char *const *env = ctx->plan->env;
	size_t len = strv_len(env);
	char **all = calloc(len + 2, sizeof(*all));
	auto_free char *home = NULL;

	if (!all) {
		error_oom(err);
		return NULL;
	}
	memcpy(all, env, len * sizeof(*all));
	if (strv_env_get(env, "HOME"))
		return all;
	home = program_home(ctx->plan->process->user.uid);
	if (!home || asprintf(&all[len], "HOME=%s", home) < 0) {
		free(all);
		error_oom(err);
		return NULL;
	}
	return all;
}

/*
 * km must not die of an early SIGUSR1, its release signal: ignored signals stay ignored across execve,
 * and km installs its own handler when it is ready.
 */
static void ignore_release_signal(void)
{
	signal(SIGUSR1, SIG_IGN);
}

/*
 * RLIMIT_FSIZE holds for km's log too, and SIGXFSZ would end km for a line in it. Where the limit leaves room for a log,
 * the signal stays: there it is the payload's.
 */
static void survive_file_size_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < LOG_ROOM)
		signal(SIGXFSZ, SIG_IGN);
}

/* Whether the program at @path is the km that krun mounted, by whatever name. */
static bool is_monitor(const char *path, const char *monitor)
{
	struct stat program, km;

	return stat(path, &program) == 0 && stat(monitor, &km) == 0 && is_same_file(&program, &km);
}

static int make_monitor_argv(const struct init_ctx *ctx, struct strv *ret, struct error *err)
{
	const struct init_plan *plan = ctx->plan;
	const char *program = ctx->program.path;
	struct km_payload payload;
	auto_free char *path = NULL;
	struct strv script = { 0 };
	auto_close int fd = -1;
	int r;

	if (is_monitor(program, plan->monitor))
		return km_argv_extend(ctx->program.argv.items, plan->monitor_waits, plan->monitor_log_fd,
				      plan->monitor_options, ret, err);
	fd = open(program, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return error_exec(err, -errno, "exec: \"%s\"", program);
	r = km_resolve_script(fd, program, ctx->program.argv.items, &path, &script, err);
	if (r < 0)
		return r;
	payload = (struct km_payload){ .path = path, .argv = script.items };
	r = km_argv_make(plan->monitor, plan->monitor_waits, plan->monitor_log_fd, plan->monitor_options,
			 &payload, ret, err);
	strv_done(&script);
	return r;
}

/*
 * A snapshot's descriptors get their numbers by dup2(2), which fails for one that km's thread for management has reserved: the
 * lowest that is free when that begins. Of krun's own only the socket to the parent is needed still.
 */
static int occupy_numbers(struct init_ctx *ctx, struct error *err)
{
	const struct init_plan *plan = ctx->plan;
	auto_close int fd = plan->monitor_numbers_len > 0 ? sys_memfd_create("krun", MFD_CLOEXEC) : -1;

	for (size_t i = 0; i < plan->monitor_numbers_len; i++) {
		const int number = plan->monitor_numbers[i];

		if (number == ctx->sync_fd) {
			ctx->sync_fd = fcntl(number, F_DUPFD_CLOEXEC, KM_PAYLOAD_DESCRIPTORS);
			if (ctx->sync_fd < 0)
				return error_sys(err, -errno, "move descriptor %d", number);
		}
		if (number == fd)
			fd = fcntl(number, F_DUPFD_CLOEXEC, KM_PAYLOAD_DESCRIPTORS);
		if (fd < 0 || dup2(fd, number) < 0)
			return error_sys(err, -errno, "occupy descriptor %d", number);
	}
	return 0;
}

static int execute_monitor(struct init_ctx *ctx, char **env, struct error *err)
{
	const struct init_plan *plan = ctx->plan;
	struct strv argv = { 0 };
	struct stat st;
	char self[8];
	int r = make_monitor_argv(ctx, &argv, err);

	if (r < 0)
		return r;
	/* km looks for its file by name; and a file that was replaced on the host has none any more, though it is mounted here. */
	if (stat(plan->monitor, &st) == 0 && st.st_nlink == 0)
		return error_set(err, -ESTALE,
				 "km '%s' was replaced on the host after this container was made, and cannot "
				 "start another process in it: make the container anew",
				 plan->monitor);
	/* km would end in a segmentation fault. */
	if (readlink("/proc/self/exe", self, sizeof(self)) < 0)
		return error_set(err, -ENOENT, "km needs /proc in the container, and there is none");
	survive_file_size_limit();
	r = occupy_numbers(ctx, err);
	if (r < 0)
		return r;
	if (plan->monitor_waits)
		ignore_release_signal();
	execve(plan->monitor, argv.items, env);
	return error_sys(err, -errno, "execute km '%s'", plan->monitor);
}

static int execute_program(struct init_ctx *ctx, struct error *err)
{
	char **env = final_environment(ctx, err);

	if (!env)
		return err->code;
	switch (ctx->plan->program) {
	case INIT_PROGRAM_KM:
		return execute_monitor(ctx, env, err);
	case INIT_PROGRAM_FD:
		return error_exec(
			err,
			sys_execveat(ctx->plan->program_fd, "", ctx->plan->process->args, env, AT_EMPTY_PATH),
			"exec: \"%s\"", ctx->plan->process->args[0]);
	case INIT_PROGRAM_NATIVE:
	default:
		execve(ctx->program.path, ctx->program.argv.items, env);
		return error_exec(err, -errno, "exec: \"%s\"", ctx->program.path);
	}
}

/* km gets the terminal to itself: what the keyboard sends must not reach the shim and be forwarded again. */
static void take_terminal(void)
{
	sigset_t block, old;

	setpgid(0, 0);
	sigemptyset(&block);
	sigaddset(&block, SIGTTOU);
	sigprocmask(SIG_BLOCK, &block, &old);
	tcsetpgrp(STDIN_FILENO, getpid());
	sigprocmask(SIG_SETMASK, &old, NULL);
}

/* Process 1 becomes the shim, its only child goes on to km. Returns in the child only. */
static int put_shim_in_front(struct init_ctx *ctx, struct error *err)
{
	char number[16];
	char *const argv[] = { (char[]){ "krun-init" }, number, NULL };
	char *const env[] = { NULL };
	/* The payload's seccomp filter is in force: docker's default one knows no clone3(2). */
	pid_t pid = fork();

	if (pid < 0)
		return error_sys(err, -errno, "start km's process");
	if (pid == 0) {
		if (ctx->plan->process->terminal)
			take_terminal();
		return 0;
	}
	snprintf(number, sizeof(number), "%d", pid);
	/* Process 1 stays when the command ends; its child does so in park(). */
	prctl(PR_SET_PDEATHSIG, 0);
	return error_sys(err, sys_execveat(ctx->plan->shim_fd, "", argv, env, AT_EMPTY_PATH),
			 "execute the init process for km");
}

static int park(struct init_ctx *ctx, struct error *err)
{
	int r = 0;

	/* The parent may end now without taking us along. */
	if (prctl(PR_SET_PDEATHSIG, 0) < 0)
		return error_sys(err, -errno, "detach from the parent");
	if (ctx->plan->park == INIT_PARK_NONE)
		return 0;
	r = sync_send(ctx->sync_fd, SYNC_READY, 0, -1, err);
	if (r < 0)
		return r;
	if (ctx->plan->park == INIT_PARK_SOCKET)
		return sync_expect(ctx->sync_fd, SYNC_START, NULL, err);
	if (ctx->plan->park == INIT_PARK_GATE) {
		/* The parent of `create` ends: from here on the FIFO is the only way to it. */
		cleanup_close(&ctx->sync_fd);
		return start_gate_wait(&ctx->plan->gate, err);
	}
	return 0;
}

void init_hook_said(void *data, int stream, const char *text, size_t len)
{
	const struct init_ctx *ctx = data;

	if (ctx->sync_fd >= 0)
		sync_send_text(ctx->sync_fd, SYNC_HOOK_SAID, stream, text, len);
	else
		start_gate_say(&ctx->plan->gate, stream, text, len);
}

/* A program of the image: it learns what the container's own learns. */
static int run_start_hooks(struct init_ctx *ctx, struct error *err)
{
	static char *const nothing[] = { NULL };
	const struct spec *spec = ctx->plan->spec;
	const struct hooks_context context = {
		.env = spec->process->env ? spec->process->env : nothing,
		.directory = "/",
		.say = init_hook_said,
		.data = ctx,
	};

	return hooks_run(HOOK_START_CONTAINER, &spec->hooks[HOOK_START_CONTAINER],
			 ctx->state + strlen(ctx->state) + 1, &context, err);
}

int init_execute(struct init_ctx *ctx, struct error *err)
{
	const struct spec *spec = ctx->plan->spec;
	int r = 0;

	/* With a monitor that waits itself, the process that says "ready" has to be the monitor's. */
	if (ctx->plan->park == INIT_PARK_MONITOR && ctx->plan->shim_fd >= 0)
		r = put_shim_in_front(ctx, err);
	if (r == 0)
		r = park(ctx, err);
	if (r < 0)
		return r;
	if (spec && spec->hooks[HOOK_START_CONTAINER].len > 0) {
		r = run_start_hooks(ctx, err);
		if (r < 0)
			return r;
	}
	if (ctx->plan->park != INIT_PARK_MONITOR && ctx->plan->shim_fd >= 0)
		r = put_shim_in_front(ctx, err);
	return r < 0 ? r : execute_program(ctx, err);
}
