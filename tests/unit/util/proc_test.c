/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/array.h"
#include "util/cleanup.h"
#include "util/proc.h"

static void test_proc_read_stat_of_a_name_with_parentheses(void **state)
{
	struct proc_stat stat = { 0 };

	(void)state;
	assert_int_equal(prctl(PR_SET_NAME, "a) Z 1 (b"), 0);
	assert_int_equal(proc_read_stat(getpid(), &stat), 0);
	assert_int_equal(stat.state, 'R');
	assert_true(stat.start_time > 0);
}

static void test_proc_is_alive_is_false_for_a_zombie_and_another_process(void **state)
{
	struct proc_stat stat;
	siginfo_t info;
	pid_t pid;

	(void)state;
	assert_int_equal(proc_read_stat(getpid(), &stat), 0);
	assert_true(proc_is_alive(getpid(), stat.start_time));
	assert_false(proc_is_alive(getpid(), stat.start_time + 1));
	assert_false(proc_is_alive(0, 0));
	pid = fork();
	if (pid == 0)
		_exit(0);
	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
	assert_int_equal(proc_read_stat(pid, &stat), 0);
	assert_int_equal(stat.state, 'Z');
	assert_false(proc_is_alive(pid, stat.start_time));
	waitpid(pid, NULL, 0);
	assert_int_equal(proc_read_stat(pid, &stat), -ESRCH);
}

static void *go_on(void *data)
{
	pause();
	return data;
}

static char letter_of(pid_t pid)
{
	struct proc_stat stat = { 0 };

	assert_int_equal(proc_read_stat(pid, &stat), 0);
	return stat.state;
}

/* The state is that of the first thread, but the process runs while any thread does. */
static void test_proc_is_alive_while_any_thread_is(void **state)
{
	struct proc_stat stat;
	siginfo_t info;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		pthread_t thread;

		pthread_create(&thread, NULL, go_on, NULL);
		syscall(SYS_exit, 0);
	}
	while (letter_of(pid) != 'Z')
		usleep(1000);
	assert_int_equal(proc_read_stat(pid, &stat), 0);
	assert_int_equal(proc_is_alive(pid, stat.start_time), 1);
	kill(pid, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(proc_is_alive(pid, stat.start_time), 0);
	waitpid(pid, NULL, 0);
}

/* A process whose state cannot be read has not ended. */
static void test_proc_is_alive_without_a_descriptor_is_unknown(void **state)
{
	struct rlimit limit, none = { 0 };
	struct proc_stat stat;
	int alive, executed;

	(void)state;
	assert_int_equal(proc_read_stat(getpid(), &stat), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none.rlim_max = limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	alive = proc_is_alive(getpid(), stat.start_time);
	executed = proc_has_executed(getpid());
	setrlimit(RLIMIT_NOFILE, &limit);
	assert_int_equal(alive, -EMFILE);
	assert_int_equal(executed, -EMFILE);
	assert_false(proc_is_gone(alive));
}

static pid_t end_by_signal(bool execute)
{
	char *const argv[] = { (char[]){ "sh" }, (char[]){ "-c" }, (char[]){ "kill -9 $$" }, NULL };
	siginfo_t info;
	pid_t pid = fork();

	if (pid == 0) {
		if (execute)
			execv("/bin/sh", argv);
		raise(SIGKILL);
	}
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(info.si_code, CLD_KILLED);
	return pid;
}

/* A process within execve(2) is told from one that ends before it. */
static void test_proc_parse_execution(void **state)
{
	(void)state;
	assert_int_equal(proc_parse_execution("7 (a) b) R 1 7 7 0 -1 4194368 2 0"), PROC_NOT_EXECUTED);
	assert_int_equal(proc_parse_execution("7 (a) R 1 7 7 0 -1 4194372 2 0"), PROC_ENDED_BEFORE);
	assert_int_equal(proc_parse_execution("7 (a) R 1 7 7 0 -1 4194304 2 0"), PROC_EXECUTED);
	assert_int_equal(proc_parse_execution("7 (a) Z 1 7 7 0 -1 4194308 2 0"), PROC_EXECUTED);
	assert_int_equal(proc_parse_execution("7 (a) R 1 7"), -EPROTO);
	assert_int_equal(proc_parse_execution("7"), -EPROTO);
}

/* All 52 fields of Linux 6.18, the name with everything that may confuse. Each field that is read differs. */
#define STAT_HEAD "1234 (a) Z 1 ("
#define STAT_TAIL                                                                                           \
	") S 1 2 3 4 -1 4194304 8 9 10 11 12 13 14 15 20 0 77 21 9988776655 23 24 18446744073709551615 26 " \
	"27 28 29 30 0 528 33 1073742338 35 36 37 17 39 40 41 42 43 44 45 46 47 48 49 50 51 52"

static void test_proc_parse_stat(void **state)
{
	static const char text[] = STAT_HEAD STAT_TAIL;
	static const char *const needed[] = { "77", "9988776655", "528", "1073742338" };
	char cut[sizeof(text)];
	struct proc_stat stat = { 0 };

	(void)state;
	assert_int_equal(proc_parse_stat(text, &stat), 0);
	assert_int_equal(stat.state, 'S');
	assert_int_equal(stat.threads, 77);
	assert_int_equal(stat.start_time, 9988776655);
	assert_int_equal(stat.blocked, 528);
	assert_int_equal(stat.caught, 1073742338);
	/* Cut off behind each character: an error until the last field that is needed has begun. */
	for (size_t len = 0; text + len <= strstr(text, "1073742338"); len++) {
		memcpy(cut, text, len);
		cut[len] = '\0';
		assert_int_equal(proc_parse_stat(cut, &stat), -EPROTO);
	}
	assert_int_equal(stat.threads, 77);
	for (size_t i = 0; i < ARRAY_LEN(needed); i++) {
		char *number;

		memcpy(cut, text, sizeof(text));
		number = strstr(cut, needed[i]);
		memset(number, 'x', strlen(needed[i]));
		assert_int_equal(proc_parse_stat(cut, &stat), -EPROTO);
	}
}

static void abort_on_signal(int signo)
{
	(void)signo;
	abort();
}

/* The field numbers are those of this kernel: it shows what a process has set itself. */
static void test_proc_read_stat_has_the_signals(void **state)
{
	struct proc_stat stat = { 0 };
	sigset_t usr1, before;

	(void)state;
	skip_if_emulated("mask of the program's own, which the emulator keeps to itself");
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, &before);
	signal(SIGUSR2, abort_on_signal);
	assert_int_equal(proc_read_stat(getpid(), &stat), 0);
	assert_true(stat.blocked >> (SIGUSR1 - 1) & 1);
	assert_false(stat.blocked >> (SIGUSR2 - 1) & 1);
	assert_true(stat.caught >> (SIGUSR2 - 1) & 1);
	assert_false(stat.caught >> (SIGUSR1 - 1) & 1);
	signal(SIGUSR2, SIG_DFL);
	sigprocmask(SIG_SETMASK, &before, NULL);
}

static void test_proc_parse_first(void **state)
{
	(void)state;
	assert_true(proc_parse_first("Name:\tx\nNSpid:\t812\t1\nNSpgid:\t812\t1\n"));
	assert_true(proc_parse_first("Name:\tx\nNSpid:\t812\t40\t1\n"));
	assert_false(proc_parse_first("Name:\tx\nNSpid:\t812\t2\n1\n"));
	assert_false(proc_parse_first("Name:\tx\nNSpid:\t1\n"));
	assert_false(proc_parse_first("Name:\tx\nNSpid:\t812\n1\n"));
	assert_false(proc_parse_first("Name:\tNSpid: 2 1\n"));
	assert_false(proc_parse_first("Name:\tx\nNSpid:"));
}

static void test_proc_is_identity_map(void **state)
{
	(void)state;
	assert_true(proc_is_identity_map("         0          0 4294967295"));
	assert_false(proc_is_identity_map("         0     100000      65536"));
	assert_false(proc_is_identity_map("         0          0      65536"));
	assert_false(proc_is_identity_map("         1          0 4294967295"));
	assert_false(proc_is_identity_map("         0          1 4294967295"));
	assert_false(proc_is_identity_map("         0          0"));
	assert_false(proc_is_identity_map(""));
}

/* Both processes are killed by the same signal, but only one has executed the program. */
static void test_proc_has_executed_tells_of_a_zombie(void **state)
{
	pid_t before = end_by_signal(false), after = end_by_signal(true);

	(void)state;
	assert_int_equal(proc_has_executed(getpid()), 1);
	assert_int_equal(proc_has_executed(before), 0);
	assert_int_equal(proc_execution(before), PROC_ENDED_BEFORE);
	assert_int_equal(proc_execution(after), PROC_EXECUTED);
	assert_int_equal(proc_has_executed(after), 1);
	waitpid(before, NULL, 0);
	waitpid(after, NULL, 0);
	assert_int_equal(proc_has_executed(after), -ESRCH);
}

/* As many groups as a process may have: they stand in front of the lines that krun reads. */
static void test_proc_read_status_with_many_groups(void **state)
{
	static gid_t groups[65536];
	auto_free char *text = NULL;
	char path[32];
	int pipe_fds[2];
	pid_t pid;

	(void)state;
	for (size_t i = 0; i < 65536; i++)
		groups[i] = 4000000000U + (gid_t)i;
	assert_int_equal(pipe(pipe_fds), 0);
	pid = fork();
	if (pid == 0) {
		char done = setgroups(65536, groups) == 0 ? 'y' : 'n';

		(void)!write(pipe_fds[1], &done, 1);
		pause();
		_exit(0);
	}
	assert_int_equal(read(pipe_fds[0], path, 1), 1);
	if (path[0] == 'y') {
		snprintf(path, sizeof(path), "/proc/%d/status", pid);
		assert_int_equal(proc_read_status(AT_FDCWD, path, &text), 0);
		assert_true(strlen(text) > 65536 * 11);
		assert_non_null(strstr(text, "\nSigCgt:"));
		path[0] = 'y';
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	if (path[0] != 'y')
		skip_because("setgroups(2) is for root");
}

static void test_proc_child(void **state)
{
	pid_t pid, child;

	(void)state;
	assert_int_equal(proc_child(getpid()), 0);
	pid = fork();
	if (pid == 0) {
		pause();
		_exit(0);
	}
	child = proc_child(getpid());
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(child, pid);
	assert_int_equal(proc_child(pid), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_proc_read_stat_of_a_name_with_parentheses),
		cmocka_unit_test(test_proc_is_alive_is_false_for_a_zombie_and_another_process),
		cmocka_unit_test(test_proc_is_alive_while_any_thread_is),
		cmocka_unit_test(test_proc_is_alive_without_a_descriptor_is_unknown),
		cmocka_unit_test(test_proc_parse_execution),
		cmocka_unit_test(test_proc_parse_stat),
		cmocka_unit_test(test_proc_read_stat_has_the_signals),
		cmocka_unit_test(test_proc_parse_first),
		cmocka_unit_test(test_proc_is_identity_map),
		cmocka_unit_test(test_proc_has_executed_tells_of_a_zombie),
		cmocka_unit_test(test_proc_read_status_with_many_groups),
		cmocka_unit_test(test_proc_child),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
