/* SPDX-License-Identifier: Apache-2.0 */

/* Executes systemd_bus from memory. */

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cgroup/systemd.h"
#include "syscall/process.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/interrupt.h"
#include "util/io.h"

/* NOT_STARTED: of child(), and of a loader that misses a library. */
enum { OUTPUT_MAX = 64 * 1024, WORDS_MAX = 4096, NOT_STARTED = 127 };

/* The program, which the build embeds. */
extern const char krun_systemd_bus_begin[], krun_systemd_bus_end[];

bool systemd_is_built_in(void)
{
	return true;
}

static int program_fd(void)
{
	auto_close int fd = sys_memfd_create("krun-systemd", 0);
	int r;

	if (fd < 0)
		return fd;
	r = io_write_all(fd, krun_systemd_bus_begin, (size_t)(krun_systemd_bus_end - krun_systemd_bus_begin));
	return r < 0 ? r : take_fd(&fd);
}

/* Async-signal-safe calls only. The program gets no other fds of krun. */
static _Noreturn void child(int program, const char *const *argv, int output_fd, int error_fd, pid_t parent)
{
	sys_reset_signals();
	sys_die_with_parent(parent);
	if (dup2(output_fd, STDOUT_FILENO) >= 0 && dup2(error_fd, STDERR_FILENO) >= 0 &&
	    sys_close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
		sys_execveat(program, "", (char *const *)(uintptr_t)argv, environ, AT_EMPTY_PATH);
	_exit(NOT_STARTED);
}

static int read_answer(int output_fd, int error_fd, char **ret_output, char **ret_errors)
{
	int r = io_read_all(output_fd, OUTPUT_MAX, ret_output, NULL);

	return r < 0 ? r : io_read_all(error_fd, OUTPUT_MAX, ret_errors, NULL);
}

static int make_argv(const char **argv, bool user, const char *verb, const char *unit, char *const *words)
{
	const size_t len = strv_len(words);

	if (len + 5 > WORDS_MAX)
		return -E2BIG;
	argv[0] = "krun-systemd";
	argv[1] = user ? "user" : "system";
	argv[2] = verb;
	argv[3] = unit;
	for (size_t i = 0; i < len; i++)
		argv[4 + i] = words[i];
	argv[4 + len] = NULL;
	return 0;
}

static int wait_for(pid_t pid)
{
	int status, r = sys_wait(pid, &status, 0);

	if (r < 0)
		return r;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/*
 * Where krun is linked with all that it needs, this program is not. The loader's own words are left out:
 * engines would take "No such file or directory" for a missing program of the container.
 */
static int failed(int status, char *errors, struct error *err)
{
	if (status == NOT_STARTED)
		return error_set(
			err, -EIO,
			"systemd: the program that talks to it does not start: it needs libsystemd.so.0 "
			"and the C library that this is for; use --cgroup-manager cgroupfs without them");
	errors[strcspn(errors, "\n")] = '\0';
	return error_set(err, -EIO, "systemd: %s",
			 *errors ? errors : "the program that talks to it ended without an answer");
}

int systemd_call(bool user, const char *verb, const char *unit, char *const *words, char **ret_output,
		 struct error *err)
{
	auto_close int program = -1, out_read = -1, out_write = -1, err_read = -1, err_write = -1;
	auto_free char *output = NULL, *errors = NULL;
	const char *argv[WORDS_MAX];
	const pid_t self = getpid();
	int out[2], error_pipe[2], status, r;
	pid_t pid;

	r = make_argv(argv, user, verb, unit, words);
	if (r == 0)
		r = program = program_fd();
	if (r >= 0 && pipe2(out, O_CLOEXEC) < 0)
		r = -errno;
	if (r < 0)
		return error_sys(err, r, "prepare to talk to systemd");
	out_read = out[0];
	out_write = out[1];
	if (pipe2(error_pipe, O_CLOEXEC) < 0)
		return error_sys(err, -errno, "prepare to talk to systemd");
	err_read = error_pipe[0];
	err_write = error_pipe[1];
	pid = sys_clone3(0, SIGCHLD, -1);
	if (pid == 0)
		child(program, argv, out_write, err_write, self);
	if (pid < 0)
		return error_sys(err, pid, "start the program that talks to systemd");
	interrupt_watch(INTERRUPT_HOOK, pid);
	cleanup_close(&out_write);
	cleanup_close(&err_write);
	r = read_answer(out_read, err_read, &output, &errors);
	status = wait_for(pid);
	interrupt_watch(INTERRUPT_HOOK, 0);
	if (r < 0)
		return error_sys(err, r, "read the answer of systemd");
	if (status != 0)
		return failed(status, errors, err);
	*ret_output = take_pointer(output);
	return 0;
}
