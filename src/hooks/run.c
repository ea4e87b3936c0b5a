/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

enum { OUTPUT_TAIL = 1024 };

/* Of this process and what it forks; see hooks_output_open(). */
static int stdout_file = -1, stderr_file = -1;

/* One hook while it runs. */
struct run {
	pid_t pid;
	int pidfd;
	int input_fd;		/* we write the state; -1 when all is written or nobody reads */
	int output_fd;		/* its stdout and stderr; -1 at end of file */
	const char *state;	/* what is still to be written */
	char tail[OUTPUT_TAIL]; /* the end of what it said */
	size_t tail_len;
};

static _Noreturn void child(const struct spec_hook *hook, int input_fd, int output_fd)
{
	char *default_args[] = { (char *)(uintptr_t)hook->path, NULL };
	char *const *args = hook->args && hook->args[0] ? hook->args : default_args;

	sys_reset_signals();
	/* A group of its own: a time-out ends whatever the hook started, too. */
	setpgid(0, 0);
	if (dup2(input_fd, STDIN_FILENO) < 0 ||
	    dup2(stdout_file >= 0 ? stdout_file : output_fd, STDOUT_FILENO) < 0 ||
	    dup2(output_fd, STDERR_FILENO) < 0)
		_exit(127);
	sys_close_range(3, ~0U, 0);
	if (hook->env)
		execve(hook->path, args, hook->env);
	else
		execv(hook->path, args);
	dprintf(STDERR_FILENO, "%s", error_reason(-errno));
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

static void read_output(struct run *run)
{
	char data[4096];
	ssize_t n = read(run->output_fd, data, sizeof(data));

	if (n > 0) {
		keep_tail(run, data, (size_t)n);
		if (stderr_file >= 0)
			io_write_all(stderr_file, data, (size_t)n);
	}
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		cleanup_close(&run->output_fd);
}

/* A hook need not read its state: EPIPE (SIGPIPE is ignored around this) is no failure. */
static void write_input(struct run *run)
{
	ssize_t n = write(run->input_fd, run->state, strlen(run->state));

	if (n > 0)
		run->state += n;
	if ((n < 0 && errno != EAGAIN && errno != EINTR) || *run->state == '\0')
		cleanup_close(&run->input_fd);
}

/* Until the hook itself has ended: what it left behind may hold the pipe open for ever. */
static int pump(struct run *run, int64_t deadline)
{
	for (;;) {
		struct pollfd fds[] = {
			{ .fd = run->pidfd, .events = POLLIN },
			{ .fd = run->output_fd, .events = POLLIN },
			{ .fd = run->input_fd, .events = POLLOUT },
		};
		int64_t left = deadline < 0 ? -1 : deadline - clock_ms();
		int n;

		if (deadline >= 0 && left <= 0)
			return -ETIMEDOUT;
		n = poll(fds, 3, left > INT32_MAX ? INT32_MAX : (int)left);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n <= 0)
			continue;
		if (fds[1].revents)
			read_output(run);
		if (fds[2].revents)
			write_input(run);
		if (fds[0].revents) {
			while (run->output_fd >= 0) {
				struct pollfd more = { .fd = run->output_fd, .events = POLLIN };

				if (poll(&more, 1, 0) <= 0)
					break;
				read_output(run);
			}
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

static int start(const struct spec_hook *hook, struct run *run, struct error *err)
{
	int input[2] = { -1, -1 }, output[2] = { -1, -1 };

	if (pipe2(input, O_CLOEXEC) < 0 || pipe2(output, O_CLOEXEC) < 0) {
		int r = error_sys(err, -errno, "make pipes for a hook");

		cleanup_close(&input[0]);
		cleanup_close(&input[1]);
		return r;
	}
	run->pid = sys_clone3(0, SIGCHLD, -1);
	if (run->pid == 0)
		child(hook, input[0], output[1]);
	cleanup_close(&input[0]);
	cleanup_close(&output[1]);
	run->input_fd = input[1];
	run->output_fd = output[0];
	if (run->pid < 0)
		return error_sys(err, run->pid, "start a hook");
	fcntl(run->input_fd, F_SETFL, O_NONBLOCK);
	fcntl(run->output_fd, F_SETFL, O_NONBLOCK);
	run->pidfd = sys_pidfd_open(run->pid);
	return run->pidfd < 0 ? error_sys(err, run->pidfd, "open a hook's pidfd") : 0;
}

static int finish(const struct spec_hook *hook, struct run *run, int result, struct error *err)
{
	int status = 0;

	if (result < 0) {
		kill(-run->pid, SIGKILL);
		kill(run->pid, SIGKILL);
	}
	sys_wait(run->pid, &status, 0);
	if (result == -ETIMEDOUT)
		return error_set(err, result, "timed out after %lld s", (long long)hook->timeout.value);
	if (result < 0)
		return error_sys(err, result, "wait for it");
	if (WIFSIGNALED(status))
		return error_set(err, -ECANCELED, "killed by signal %d: %s", WTERMSIG(status),
				 last_line(run));
	if (WEXITSTATUS(status) != 0)
		return error_set(err, -ECANCELED, "exited with status %d: %s", WEXITSTATUS(status),
				 last_line(run));
	return 0;
}

static int run_one(const struct spec_hook *hook, const char *state, struct error *err)
{
	struct run run = { .pidfd = -1, .input_fd = -1, .output_fd = -1, .state = state };
	int64_t deadline = hook->timeout.set ? clock_ms() + hook->timeout.value * 1000 : -1;
	int r = start(hook, &run, err);

	if (run.pid > 0)
		interrupt_watch(INTERRUPT_HOOK, run.pid);
	if (r == 0)
		r = finish(hook, &run, pump(&run, deadline), err);
	else if (run.pid > 0)
		finish(hook, &run, r, &(struct error){ 0 });
	interrupt_watch(INTERRUPT_HOOK, 0);
	cleanup_close(&run.pidfd);
	cleanup_close(&run.input_fd);
	cleanup_close(&run.output_fd);
	return r;
}

static int run_named(enum hook_kind kind, const struct spec_hooks *hooks, size_t index, const char *state,
		     struct error *err)
{
	void (*old)(int) = signal(SIGPIPE, SIG_IGN);
	unsigned long long begin = log_clock();
	int r = run_one(&hooks->items[index], state, err);

	signal(SIGPIPE, old);
	log_step_done(hook_kind_name(kind), begin);
	if (r < 0)
		error_prefix(err, "hook %s %zu '%s'", hook_kind_name(kind), index, hooks->items[index].path);
	return r;
}

static int open_output(const char *path, int *ret, struct error *err)
{
	if (!path || !*path)
		return 0;
	*ret = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600);
	return *ret < 0 ? error_sys(err, -errno, "open '%s' for what hooks say", path) : 0;
}

int hooks_output_open(const char *stdout_path, const char *stderr_path, struct error *err)
{
	int r = open_output(stdout_path, &stdout_file, err);

	return r < 0 ? r : open_output(stderr_path, &stderr_file, err);
}

int hooks_stdout_fd(void)
{
	return stdout_file;
}

int hooks_stderr_fd(void)
{
	return stderr_file;
}

int hooks_run(enum hook_kind kind, const struct spec_hooks *hooks, const char *state, struct error *err)
{
	for (size_t i = 0; i < hooks->len; i++) {
		int r = run_named(kind, hooks, i, state, err);

		if (r < 0)
			return r;
	}
	return 0;
}

void hooks_run_all(enum hook_kind kind, const struct spec_hooks *hooks, const char *state)
{
	for (size_t i = 0; i < hooks->len; i++) {
		struct error err = { 0 };

		if (run_named(kind, hooks, i, state, &err) < 0)
			log_warning("%s", err.text);
	}
}
