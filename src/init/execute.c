/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The child's last part: it parks until it is started, then executes the program. With km this file has the
 * child's side of km's start protocol (monitor/protocol.c).
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hooks/hooks.h"
#include "init/ctx.h"
#include "init/sync.h"
#include "km/km.h"
#include "monitor/monitor.h"
#include "security/security.h"
#include "spec/spec.h"
#include "syscall/open.h"
#include "syscall/process.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/trace.h"

enum { LOG_ROOM = 1024 * 1024, STACK_SIZE = 256 * 1024 };

/* The environment for execve(2): the plan's, with LISTEN_PID and HOME, which only this process knows. */
static char **final_environment(const struct init_ctx *ctx, struct error *err)
{
	char *const *env = ctx->plan->env;
	struct strv all = { 0 };
	auto_free char *home = NULL;
	int r = 0;

	for (size_t i = 0; r == 0 && env[i]; i++)
		r = strv_add(&all, env[i]);
	if (r == 0 && ctx->plan->listens)
		r = strv_add_format(&all, "LISTEN_PID=%d", getpid());
	if (r == 0 && !strv_env_get(env, "HOME")) {
		if (program_home(ctx->plan->process->user.uid, &home, err) < 0) {
			strv_done(&all);
			return NULL;
		}
		r = strv_add_format(&all, "HOME=%s", home);
	}
	if (r == 0)
		return all.items;
	strv_done(&all);
	error_oom(err);
	return NULL;
}

/*
 * A SIGUSR1 before km waits for its release must not kill it. An ignored signal stays ignored across
 * execve(2), until km installs its own handlers.
 */
static void ignore_release_signal(void)
{
	signal(SIGUSR1, SIG_IGN);
}

/*
 * RLIMIT_FSIZE is in force for km's log, too, and SIGXFSZ would kill km for a line in it. If the limit
 * leaves room for a log, the signal is left to the payload.
 */
static void survive_file_size_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < LOG_ROOM)
		signal(SIGXFSZ, SIG_IGN);
}

/* True if the program at @path is the same file as km, under whatever name. */
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
 * km restores a snapshot's descriptors with dup2(2), which fails for the number that its thread for
 * management has reserved in accept(2): the lowest free one. So the snapshot's numbers are occupied. Of
 * krun's own descriptors there only the sync socket is still needed; it moves out of the way.
 */
static int occupy_numbers(struct init_ctx *ctx, struct error *err)
{
	const struct init_plan *plan = ctx->plan;
	auto_close int fd = plan->monitor_numbers_len > 0 ? sys_memfd_create("krun", 0) : -1;

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

/*
 * Opens km, and checks that it is the file that krun mounted. The payload may be able to mount another file
 * over it, or over a directory above it, which would then run without a VM.
 */
static int open_monitor(const struct init_plan *plan, struct error *err)
{
	const uint64_t how = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS;
	auto_close int root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_close int fd =
		root_fd < 0 ? -errno : sys_openat2(root_fd, plan->monitor + 1, O_PATH | O_NOFOLLOW, 0, how);
	struct statvfs fs;
	struct stat st;

	if (fd < 0)
		return error_sys(err, fd, "open km '%s' in the container", plan->monitor);
	if (fstat(fd, &st) < 0 || fstatvfs(fd, &fs) < 0)
		return error_sys(err, -errno, "look at km '%s' in the container", plan->monitor);
	if (!S_ISREG(st.st_mode) || !(fs.f_flag & ST_RDONLY) || !file_id_matches(&plan->monitor_file, &st))
		return error_set(
			err, -EPERM,
			"'%s' in the container is not the km that krun mounted there: somebody in it has "
			"put something else in its place, and nothing runs by it",
			plan->monitor);
	/* km opens its own file by name, which a file that was replaced on the host has lost, also here. */
	if (st.st_nlink == 0)
		return error_set(err, -ESTALE,
				 "km '%s' was replaced on the host after this container was made, and cannot "
				 "start another process in it: make the container anew",
				 plan->monitor);
	return take_fd(&fd);
}

/* True if km is a script, as a wrapper may be. One that may not be read does not matter: it cannot run. */
static bool is_script(const struct init_plan *plan, int path_fd)
{
	auto_close int fd = open(plan->monitor, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	struct stat known, read;
	char mark[2];

	return fd >= 0 && fstat(fd, &read) == 0 && fstat(path_fd, &known) == 0 &&
	       is_same_file(&read, &known) && pread(fd, mark, sizeof(mark), 0) == sizeof(mark) &&
	       mark[0] == '#' && mark[1] == '!';
}

int init_step_monitor(struct init_ctx *ctx, struct error *err)
{
	auto_close int fd = -1;

	if (ctx->plan->program != INIT_PROGRAM_KM)
		return 0;
	fd = open_monitor(ctx->plan, err);
	if (fd < 0)
		return fd;
	ctx->monitor_is_script = is_script(ctx->plan, fd);
	/* A snapshot needs the numbers below for its own descriptors. */
	ctx->km_fd = fcntl(fd, F_DUPFD_CLOEXEC, KM_PAYLOAD_DESCRIPTORS);
	return ctx->km_fd < 0 ? error_sys(err, -errno, "move the descriptor of km") : 0;
}

/* ---- the last call ----------------------------------------------------------------------------------- */

/* The arguments of the last execve(2). Made before the filter, which need not allow the calls for that. */
struct last_call {
	char **env;
	struct strv argv; /* of km */
	bool by_fd;	  /* the filter allows execveat(2) */
};

static int prepare(const struct init_ctx *ctx, struct last_call *ret, struct error *err)
{
	char self[8];

	ret->env = final_environment(ctx, err);
	if (!ret->env)
		return err->code;
	if (ctx->plan->program != INIT_PROGRAM_KM)
		return 0;
	/* km would end in a segmentation fault. */
	if (readlink("/proc/self/exe", self, sizeof(self)) < 0)
		return error_set(err, -ENOENT, "km needs /proc in the container, and there is none");
	/* A script's interpreter opens it by name: the descriptor is closed by then. */
	ret->by_fd = init_filter_allows(ctx->plan->seccomp, SYS_execveat) && !ctx->monitor_is_script;
	return make_monitor_argv(ctx, &ret->argv, err);
}

/*
 * Makes km end with pid1, which an engine knows by its pid and may kill. As process 1, pid1 takes all of
 * its pid namespace along anyway. Otherwise km gets SIGKILL (F_SETSIG) when pid1's end of a socket pair is
 * closed. PR_SET_PDEATHSIG would not do: it is cleared by an execve(2) that changes a label, and by a
 * setuid(2) of the payload.
 */
static int tie_to_pid1(struct init_ctx *ctx, struct error *err)
{
	struct rlimit limit = { .rlim_cur = 1024 };
	char nothing;

	if (ctx->tie_fd < 0)
		return 0;
	getrlimit(RLIMIT_NOFILE, &limit);
	/* The last number below the limit, which km would use only for its last thread of all. */
	if (fcntl(ctx->tie_fd, F_SETOWN, getpid()) < 0 || fcntl(ctx->tie_fd, F_SETSIG, SIGKILL) < 0 ||
	    fcntl(ctx->tie_fd, F_SETFL, O_ASYNC | O_NONBLOCK) < 0 ||
	    dup2(ctx->tie_fd, (int)limit.rlim_cur - 1) < 0)
		return error_sys(err, -errno, "make km end with krun's process in front of it");
	/* End of file: pid1 was killed before the signal was set up. */
	if (read(ctx->tie_fd, &nothing, 1) == 0)
		return error_set(err, -ECHILD, "krun's process in front of km was killed");
	cleanup_close(&ctx->tie_fd);
	return 0;
}

/* Prepares what km inherits. Runs in km's own process, not in pid1. */
static int prepare_monitor(struct init_ctx *ctx, struct error *err)
{
	const struct init_plan *plan = ctx->plan;
	int r;

	if (plan->program != INIT_PROGRAM_KM)
		return 0;
	/* km opens its log by this number after its execve. */
	if (plan->monitor_log_fd >= 0 && fcntl(plan->monitor_log_fd, F_SETFD, 0) < 0)
		return error_sys(err, -errno, "pass km its log");
	for (size_t i = 0; plan->monitor_sockets && i < KM_SPARE_SOCKETS; i++)
		if (fcntl(plan->monitor_sockets[i], F_SETFD, 0) < 0)
			return error_sys(err, -errno, "pass km its sockets");
	survive_file_size_limit();
	if (plan->monitor_waits)
		ignore_release_signal();
	r = tie_to_pid1(ctx, err);
	return r < 0 ? r : occupy_numbers(ctx, err);
}

static int execute_monitor(struct init_ctx *ctx, const struct last_call *last, struct error *err)
{
	const struct init_plan *plan = ctx->plan;
	int r;

	if (last->by_fd)
		r = sys_execveat(ctx->km_fd, "", last->argv.items, last->env, AT_EMPTY_PATH);
	else
		r = execve(plan->monitor, last->argv.items, last->env) < 0 ? -errno : 0;
	return error_sys(err, r, "execute km '%s'", plan->monitor);
}

static int execute_program(struct init_ctx *ctx, const struct last_call *last, struct error *err)
{
	int r;

	switch (ctx->plan->program) {
	case INIT_PROGRAM_KM:
		return execute_monitor(ctx, last, err);
	case INIT_PROGRAM_FD:
		r = sys_execveat(ctx->plan->program_fd, "", ctx->plan->process->args, last->env,
				 AT_EMPTY_PATH);
		return error_exec(err, r, "exec: \"%s\"", ctx->plan->process->args[0]);
	case INIT_PROGRAM_NONE:
		return error_set(err, -EINVAL, "there is no process in config.json");
	case INIT_PROGRAM_NATIVE:
	default:
		execve(ctx->program.path, ctx->program.argv.items, last->env);
		/* The step "program" has found the file itself. */
		if (errno == ENOENT)
			return error_set(err, -ENOENT,
					 "exec: \"%s\": no such file or directory (the interpreter or loader "
					 "that it names is missing)",
					 ctx->program.path);
		return error_exec(err, -errno, "exec: \"%s\"", ctx->program.path);
	}
}

/*
 * Becomes pid1, as confined as km, because a process under a filter may trace one without. km may run before,
 * but until its filter is loaded this process is krun's, which nobody may trace. If the filter refuses
 * execveat(2), pid1 is executed by its name in /proc: in a container that just begins nobody but config.json
 * has changed that, and an exec has no pid1 then.
 */
static int execute_pid1(struct init_ctx *ctx, pid_t pid, struct error *err)
{
	char number[16], front[16], path[32];
	char *const argv[] = { (char[]){ "krun-init" }, number, ctx->front_fd >= 0 ? front : NULL, NULL };
	char *const env[] = { NULL };
	const int fd = ctx->plan->pid1_fd;
	int r;

	snprintf(number, sizeof(number), "%d", pid);
	snprintf(front, sizeof(front), "%d", ctx->front_fd);
	if (ctx->front_fd >= 0 && fcntl(ctx->front_fd, F_SETFD, 0) < 0)
		return error_sys(err, -errno, "pass a descriptor to the process in front of km");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	/* Must not end with the command. km's process clears this in park(). */
	prctl(PR_SET_PDEATHSIG, 0);
	r = init_limit(ctx, err);
	if (r == 0)
		r = init_load_filter(ctx, err);
	if (r < 0)
		return r;
	if (init_filter_allows(ctx->plan->seccomp, SYS_execveat))
		r = sys_execveat(fd, "", argv, env, AT_EMPTY_PATH);
	else
		r = execve(path, argv, env) < 0 ? -errno : 0;
	return error_sys(err, r, "execute the process in front of km");
}

/* A filter that is in force already may refuse sendmsg(2), or kill the process for it. */
static bool may_speak(const struct init_ctx *ctx)
{
	return init_filter_time(ctx->plan) != FILTER_NOTIFY ||
	       init_filter_allows(ctx->plan->seccomp, SYS_sendmsg);
}

/*
 * A command that did not make km's process learns from pid1 whether it had executed km: km may have ended,
 * and pid1 have reaped it, before the command looks. Without this, SYNC_EXECUTE has to do, so a failure is
 * none.
 */
static void make_front(struct init_ctx *ctx)
{
	const struct init_plan *plan = ctx->plan;
	struct error ignored;

	if ((plan->park != INIT_PARK_GATE && plan->park != INIT_PARK_SOCKET) || !may_speak(ctx) ||
	    !init_filter_allows(plan->seccomp, SYS_memfd_create) ||
	    !init_filter_allows_command(plan->seccomp, SYS_fcntl, F_ADD_SEALS))
		return;
	ctx->front_fd = sys_memfd_create("krun-front", MFD_ALLOW_SEALING);
	if (ctx->front_fd >= 0 && sync_send(ctx->sync_fd, SYNC_FRONT, 0, ctx->front_fd, &ignored) < 0)
		cleanup_close(&ctx->front_fd);
}

static int park(struct init_ctx *ctx, struct error *err)
{
	struct error failure = { 0 };
	int early = 0, r = 0;
	bool traced;

	/* From here on the child outlives the command. */
	if (prctl(PR_SET_PDEATHSIG, 0) < 0)
		return error_sys(err, -errno, "detach from the parent");
	if (ctx->plan->park == INIT_PARK_NONE)
		return 0;
	r = sync_send(ctx->sync_fd, SYNC_READY, 0, -1, err);
	if (r < 0)
		return r;
	/* The command `create` ends; `start` sends a socket of its own. */
	if (ctx->plan->park == INIT_PARK_GATE)
		cleanup_close(&ctx->sync_fd);
	/* Whoever starts the container is told of a failure, because nobody may listen now. */
	if (init_filter_suits_wait(ctx->plan))
		early = init_load_filter(ctx, &failure);
	if (ctx->plan->park == INIT_PARK_SOCKET)
		r = sync_expect(ctx->sync_fd, SYNC_START, NULL, err);
	if (ctx->plan->park == INIT_PARK_GATE) {
		r = start_gate_wait(ctx->plan->gate_fd, &traced, err);
		ctx->sync_fd = r;
		trace_want(traced && may_speak(ctx));
	}
	if (r >= 0 && early < 0)
		*err = failure;
	return r < 0 ? r : early;
}

void init_hook_said(void *data, int stream, const char *text, size_t len)
{
	const struct init_ctx *ctx = data;

	sync_send_hook_said(ctx->sync_fd, stream, text, len);
}

static int confine_hook(void *data, struct error *err)
{
	int r = init_limit(data, err);

	return r < 0 ? r : init_load_filter(data, err);
}

/* These hooks are programs of the image: they get the container's environment, and are confined as it. */
static int run_start_hooks(struct init_ctx *ctx, struct error *err)
{
	static char *const nothing[] = { NULL };
	const struct spec *spec = ctx->plan->spec;
	const struct hooks_context context = {
		.env = ctx->plan->process->env ? ctx->plan->process->env : nothing,
		.directory = "/",
		.say = init_hook_said,
		.confine = confine_hook,
		.data = ctx,
	};

	if (!spec || spec->hooks[HOOK_START_CONTAINER].len == 0)
		return 0;
	return hooks_run(HOOK_START_CONTAINER, &spec->hooks[HOOK_START_CONTAINER],
			 ctx->state + strlen(ctx->state) + 1, &context, err);
}

/* ---- the process of the program ---------------------------------------------------------------------- */

/* Everything that follows the choice of the process. Returns only after a failure. */
static int go_on(struct init_ctx *ctx, const struct last_call *last, struct error *err)
{
	/* With a km that waits itself, SYNC_READY has to come from km's process: its sender is km's pid. */
	int r = ctx->plan->park == INIT_PARK_MONITOR ? park(ctx, err) : 0;

	if (r == 0)
		r = init_limit(ctx, err);
	if (r == 0)
		r = prepare_monitor(ctx, err);
	/* A failure after this is reported after SYNC_EXECUTE. */
	if (r == 0 && may_speak(ctx))
		r = sync_send(ctx->sync_fd, SYNC_EXECUTE, 0, ctx->last_words_fd, err);
	if (r == 0)
		r = init_load_filter(ctx, err);
	return r < 0 ? r : execute_program(ctx, last, err);
}

/*
 * km's process. It shares its memory with the one that becomes pid1, which waits until it has executed km or
 * ended, so it has a copy of what it changes.
 */
struct behind {
	struct init_ctx ctx;
	sigset_t mask; /* km's */
	const struct last_call *last;
	int front_end; /* pid1's end of the socket pair, or -1 */
};

static int run_behind(void *data)
{
	struct behind *behind = data;
	struct error err = { 0 };

	if (!behind->ctx.confined)
		sigprocmask(SIG_SETMASK, &behind->mask, NULL);
	cleanup_close(&behind->front_end);
	cleanup_close(&behind->ctx.front_fd);
	go_on(&behind->ctx, behind->last, &err);
	init_report_failure(&behind->ctx, &err);
	_exit(1);
}

/* With a page below that nobody may touch. NULL: no memory. */
static char *make_stack(void)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *memory = mmap(NULL, page + STACK_SIZE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

	if (memory == MAP_FAILED || mprotect(memory, page, PROT_NONE) < 0)
		return NULL;
	return memory + page + STACK_SIZE;
}

/*
 * Starts km's process. It only executes km, so it needs no copy of this process's memory: to make one, and to
 * give it up again, takes longer than all else that it does. Signals that come meanwhile wait for pid1, which
 * takes them when it begins: it would not see what the kernel drops because process 1 has no handler.
 *
 * Under a filter, which may know fork(2) only, it gets a copy. Not clone3(2): docker's default filter refuses
 * that.
 */
static pid_t start_behind(struct behind *behind)
{
	sigset_t all;
	char *stack;
	pid_t pid;

	if (behind->ctx.confined) {
		pid = fork();
		if (pid == 0)
			run_behind(behind);
		return pid;
	}
	stack = make_stack();
	if (!stack)
		return -1;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &behind->mask);
	return clone(run_behind, stack, CLONE_VM | CLONE_VFORK | SIGCHLD, behind);
}

/*
 * This process becomes pid1; its only child goes on to km. Both are in one process group, so that signals of
 * the keyboard reach both. It is an orphaned process group, as without km, so that Ctrl-Z does not stop it.
 */
static int put_pid1_in_front(struct init_ctx *ctx, const struct last_call *last, struct error *err)
{
	struct behind behind;
	int ends[2] = { -1, -1 };
	pid_t pid;

	/* Not a pipe: another process could open its end through /proc, and keep it open. */
	if (getpid() != 1 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return error_sys(err, -errno, "make a connection to km");
	/* Before km's process exists, which closes its copy and would be killed if pid1 lost this one. */
	if (ends[1] >= 0 && fcntl(ends[1], F_SETFD, 0) < 0)
		return error_sys(err, -errno, "keep the connection to km");
	make_front(ctx);
	behind = (struct behind){ .ctx = *ctx, .last = last, .front_end = ends[1] };
	behind.ctx.tie_fd = ends[0];
	pid = start_behind(&behind);
	if (pid < 0)
		return error_sys(err, -errno, "start km's process");
	return execute_pid1(ctx, pid, err);
}

int init_execute(struct init_ctx *ctx, struct error *err)
{
	const struct init_plan *plan = ctx->plan;
	struct last_call last = { 0 };
	int r = plan->park == INIT_PARK_MONITOR ? 0 : park(ctx, err);

	if (r == 0)
		r = prepare(ctx, &last, err);
	if (r == 0)
		r = run_start_hooks(ctx, err);
	if (r == 0)
		r = init_last_words_make(ctx, err);
	if (r < 0)
		return r;
	return plan->pid1_fd >= 0 ? put_pid1_in_front(ctx, &last, err) : go_on(ctx, &last, err);
}
