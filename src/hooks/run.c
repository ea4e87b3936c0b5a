/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hooks/hooks.h"
#include "syscall/process.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/interrupt.h"
#include "util/io.h"
#include "util/log.h"
#include "util/path.h"
#include "util/trace.h"

/* LEFT_MAX limits reading after a hook's end: a process that it left behind may write for ever. */
enum { OUTPUT_TAIL = 1024, LEFT_MAX = 1024 * 1024 };

/* The files of hooks_output_open(), by stream. */
static int files[3] = { -1, -1, -1 };
/* stdout has a file of its own. Stays true after hooks_output_close(), for hooks_context.say. */
static bool stdout_apart;

/* One hook while it runs. */
struct run {
	pid_t pid;
	int pidfd;
	int input_fd;  /* the state is written to it; -1: all is written, or there is no reader */
	int output_fd; /* its stderr, and its stdout when that has no file; -1: end of file */
	int stdout_fd; /* its stdout when that has a file; -1: none, or end of file */
	const struct hooks_context *context;
	struct error *words;	/* why it was not executed; shared memory */
	const char *state;	/* the part that is not written yet */
	char tail[OUTPUT_TAIL]; /* the end of its output */
	size_t tail_len;
};

static void enter_directory(const char *directory)
{
	if (directory && chdir(directory) == 0)
		return;
	if (chdir("/") < 0)
		_exit(127);
}

/*
 * @words: memory shared with the parent, because a filter that confines the hook may forbid write(2) and even
 * exit_group(2).
 */
static _Noreturn void child(const struct spec_hook *hook, const struct hooks_context *context,
			    const int fds[3], struct error *words)
{
	struct error err = { 0 };
	char *const *env = hook->env ? hook->env : context->env ? context->env : environ;
	char *default_args[] = { (char *)(uintptr_t)hook->path, NULL };
	char *const *args = hook->args && hook->args[0] ? hook->args : default_args;

	sys_reset_signals();
	/* A process group of its own: a timeout kills the hook's children, too. */
	setpgid(0, 0);
	for (int i = 0; i < 3; i++)
		if (dup2(fds[i], i) < 0)
			_exit(127);
	sys_close_range(3, ~0U, 0);
	enter_directory(context->directory);
	sys_restore_files();
	if (!context->confine || context->confine(context->data, &err) == 0) {
		execve(hook->path, args, env);
		error_sys(&err, -errno, "execute it");
	}
	*words = err;
	_exit(127);
}

static void keep_tail(struct run *run, const char *data, size_t len)
{
	if (len >= OUTPUT_TAIL) {
		data += len - OUTPUT_TAIL;
		len = OUTPUT_TAIL;
		run->tail_len = 0;
	} else if (run->tail_len + len > OUTPUT_TAIL) {
		size_t drop = run->tail_len + len - OUTPUT_TAIL;

		memmove(run->tail, run->tail + drop, run->tail_len - drop);
		run->tail_len -= drop;
	}
	memcpy(run->tail + run->tail_len, data, len);
	run->tail_len += len;
}

static ssize_t read_output(struct run *run, int stream)
{
	int *fd = stream == STDOUT_FILENO ? &run->stdout_fd : &run->output_fd;
	char data[4096];
	ssize_t n = read(*fd, data, sizeof(data));

	if (n > 0) {
		if (stream == STDERR_FILENO)
			keep_tail(run, data, (size_t)n);
		if (run->context->say)
			run->context->say(run->context->data, stream, data, (size_t)n);
		else
			hooks_output_write(stream, data, (size_t)n);
	}
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		cleanup_close(fd);
	return n;
}

/* Reads the rest of the output of a hook that has ended. Its children may hold the pipe and go on writing. */
static void read_left(struct run *run, int stream)
{
	const int *fd = stream == STDOUT_FILENO ? &run->stdout_fd : &run->output_fd;

	for (size_t left = LEFT_MAX; *fd >= 0 && left > 0;) {
		const ssize_t n = read_output(run, stream);

		if (n < 0 && errno != EINTR)
			return;
		left -= n > 0 && (size_t)n < left ? (size_t)n : n > 0 ? left : 0;
	}
}

/* A hook need not read its state: EPIPE is not an error (SIGPIPE is ignored here). */
static void write_input(struct run *run)
{
	ssize_t n = write(run->input_fd, run->state, strlen(run->state));

	if (n > 0)
		run->state += n;
	if ((n < 0 && errno != EAGAIN && errno != EINTR) || *run->state == '\0')
		cleanup_close(&run->input_fd);
}

/* Runs until the hook's process has ended, not until end of file: its children may hold the pipe. */
static int pump(struct run *run, int64_t deadline)
{
	for (;;) {
		struct pollfd fds[] = {
			{ .fd = run->pidfd, .events = POLLIN },
			{ .fd = run->output_fd, .events = POLLIN },
			{ .fd = run->input_fd, .events = POLLOUT },
			{ .fd = run->stdout_fd, .events = POLLIN },
		};
		const int64_t left = deadline - clock_ms();
		int n;

		if (left <= 0)
			return -ETIMEDOUT;
		n = poll(fds, 4, left > INT32_MAX ? INT32_MAX : (int)left);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n <= 0)
			continue;
		if (fds[1].revents)
			read_output(run, STDERR_FILENO);
		if (fds[2].revents)
			write_input(run);
		if (fds[3].revents)
			read_output(run, STDOUT_FILENO);
		if (fds[0].revents) {
			read_left(run, STDOUT_FILENO);
			read_left(run, STDERR_FILENO);
			return 0;
		}
	}
}

/* The last line of the output, for the error. */
static const char *last_line(struct run *run)
{
	static const char nothing[] = "no output";
	char *text = run->tail;
	size_t len = run->tail_len < OUTPUT_TAIL ? run->tail_len : OUTPUT_TAIL - 1;
	char *newline;

	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == ' '))
		len--;
	text[len] = '\0';
	newline = strrchr(text, '\n');
	text = newline ? newline + 1 : text;
	return *text ? text : nothing;
}

static int make_pipes(int input[2], int output[2], int apart[2], struct error *err)
{
	if (pipe2(input, O_CLOEXEC) < 0 || pipe2(output, O_CLOEXEC) < 0 ||
	    (stdout_apart && pipe2(apart, O_CLOEXEC) < 0))
		return error_sys(err, -errno, "make pipes for a hook");
	/* This end of each pipe must not block. */
	if (fcntl(input[1], F_SETFL, O_NONBLOCK) < 0 || fcntl(output[0], F_SETFL, O_NONBLOCK) < 0 ||
	    (stdout_apart && fcntl(apart[0], F_SETFL, O_NONBLOCK) < 0))
		return error_sys(err, -errno, "make pipes for a hook");
	return 0;
}

static int start(const struct spec_hook *hook, struct run *run, struct error *err)
{
	int input[2] = { -1, -1 }, output[2] = { -1, -1 }, apart[2] = { -1, -1 };
	int r = make_pipes(input, output, apart, err);

	if (r == 0)
		/* fork(2): docker's default seccomp filter, which may be in force, forbids clone3(2). */
		run->pid = fork();
	if (run->pid < 0)
		run->pid = -errno;
	if (r == 0 && run->pid == 0)
		child(hook, run->context, (int[]){ input[0], stdout_apart ? apart[1] : output[1], output[1] },
		      run->words);
	cleanup_close(&input[0]);
	cleanup_close(&output[1]);
	cleanup_close(&apart[1]);
	run->input_fd = input[1];
	run->output_fd = output[0];
	run->stdout_fd = apart[0];
	if (r < 0)
		return r;
	if (run->pid < 0)
		return error_sys(err, run->pid, "start a hook");
	run->pidfd = sys_pidfd_open(run->pid);
	return run->pidfd < 0 ? error_sys(err, run->pidfd, "open a hook's pidfd") : 0;
}

/* By a time-out of krun's own a poststart hook would cost a program that runs its life. */
static int64_t seconds_of(enum hook_kind kind, const struct spec_hook *hook)
{
	if (hook->timeout.set)
		return hook->timeout.value;
	return kind == HOOK_POSTSTART ? INT32_MAX : HOOK_TIMEOUT_S;
}

int64_t hooks_seconds(const struct spec_hooks *hooks)
{
	int64_t seconds = 0;

	for (size_t i = 0; i < hooks->len; i++)
		seconds += seconds_of(HOOK_START_CONTAINER, &hooks->items[i]);
	return seconds;
}

static int finish(struct run *run, int64_t seconds, int result, struct error *err)
{
	int status = 0;

	if (result < 0) {
		kill(-run->pid, SIGKILL);
		sys_kill_and_wait(run->pid);
	} else {
		sys_wait(run->pid, &status, 0);
	}
	if (result == -ETIMEDOUT)
		return error_set(err, result, "timed out after %lld s", (long long)seconds);
	if (result < 0)
		return error_sys(err, result, "wait for it");
	if (run->words->code < 0)
		return error_set(err, -ECANCELED, "%s", run->words->text);
	if (WIFSIGNALED(status))
		return error_set(err, -ECANCELED, "killed by signal %d: %s", WTERMSIG(status),
				 last_line(run));
	if (WEXITSTATUS(status) != 0)
		return error_set(err, -ECANCELED, "exited with status %d: %s", WEXITSTATUS(status),
				 last_line(run));
	return 0;
}

static int run_one(const struct spec_hook *hook, int64_t seconds, const char *state,
		   const struct hooks_context *context, struct error *words, struct error *err)
{
	struct run run = { .pidfd = -1,
			   .input_fd = -1,
			   .output_fd = -1,
			   .stdout_fd = -1,
			   .context = context,
			   .words = words,
			   .state = state };
	const int64_t deadline = clock_ms() + seconds * 1000;
	int r = start(hook, &run, err);

	if (run.pid > 0)
		interrupt_watch(INTERRUPT_HOOK, run.pid);
	if (r == 0)
		r = finish(&run, seconds, pump(&run, deadline), err);
	else if (run.pid > 0)
		finish(&run, seconds, r, &(struct error){ 0 });
	interrupt_watch(INTERRUPT_HOOK, 0);
	cleanup_close(&run.pidfd);
	cleanup_close(&run.input_fd);
	cleanup_close(&run.output_fd);
	cleanup_close(&run.stdout_fd);
	return r;
}

static int run_named(enum hook_kind kind, const struct spec_hooks *hooks, size_t index, const char *state,
		     const struct hooks_context *context, struct error *err)
{
	void (*old)(int) = signal(SIGPIPE, SIG_IGN);
	unsigned long long begin = log_clock();
	const struct spec_hook *hook = &hooks->items[index];
	struct error *words =
		mmap(NULL, sizeof(*words), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int r;

	log_debug("hook %s %zu '%s', for up to %d s", hook_kind_name(kind), index, hook->path,
		  (int)seconds_of(kind, hook));
	log_words("arguments", hook->args);
	r = words == MAP_FAILED ? error_sys(err, -errno, "share memory with a hook") :
				  run_one(&hooks->items[index], seconds_of(kind, &hooks->items[index]), state,
					  context, words, err);

	if (words != MAP_FAILED)
		munmap(words, sizeof(*words));
	signal(SIGPIPE, old);
	trace_note("hook", hooks->items[index].path);
	trace_note("error", r < 0 ? err->text : NULL);
	log_step_done(hook_kind_name(kind), begin);
	if (r < 0)
		error_prefix(err, "hook %s %zu '%s'", hook_kind_name(kind), index, hooks->items[index].path);
	return r;
}

static int open_output(const char *path, int stream, struct error *err)
{
	if (!path || !*path)
		return 0;
	files[stream] = io_open_append(path, 0600);
	if (files[stream] < 0)
		return error_sys(err, files[stream], "open '%s' for the output of hooks", path);
	return 0;
}

int hooks_output_open(const char *stdout_path, const char *stderr_path, struct error *err)
{
	int r = open_output(stdout_path, STDOUT_FILENO, err);

	stdout_apart = files[STDOUT_FILENO] >= 0;
	return r < 0 ? r : open_output(stderr_path, STDERR_FILENO, err);
}

void hooks_output_close(void)
{
	cleanup_close(&files[STDOUT_FILENO]);
	cleanup_close(&files[STDERR_FILENO]);
}

void hooks_output_write(int stream, const char *text, size_t len)
{
	if ((stream == STDOUT_FILENO || stream == STDERR_FILENO) && files[stream] >= 0)
		io_append(files[stream], text, len);
}

char *const *hooks_path_only(void)
{
	static char variable[PATH_MAX + sizeof("PATH=")];
	static char *env[2] = { variable, NULL };
	const char *path = getenv("PATH");

	if (!path || snprintf(variable, sizeof(variable), "PATH=%s", path) >= (int)sizeof(variable))
		snprintf(variable, sizeof(variable), "PATH=%s", PATH_DEFAULT);
	return env;
}

int hooks_run(enum hook_kind kind, const struct spec_hooks *hooks, const char *state,
	      const struct hooks_context *context, struct error *err)
{
	for (size_t i = 0; i < hooks->len; i++) {
		int r = run_named(kind, hooks, i, state, context, err);

		if (r < 0)
			return r;
	}
	return 0;
}

void hooks_run_all(enum hook_kind kind, const struct spec_hooks *hooks, const char *state,
		   const struct hooks_context *context)
{
	for (size_t i = 0; i < hooks->len; i++) {
		struct error err = { 0 };

		if (run_named(kind, hooks, i, state, context, &err) < 0)
			log_warning("%s", err.text);
	}
}
