/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

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

/* As many as a process may have: all of them stand in front of what krun looks for. */
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

		write(pipe_fds[1], &done, 1);
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
	/* setgroups(2) is for root. */
	if (path[0] != 'y')
		skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_proc_read_stat_of_a_name_with_parentheses),
		cmocka_unit_test(test_proc_is_alive_is_false_for_a_zombie_and_another_process),
		cmocka_unit_test(test_proc_read_status_with_many_groups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
