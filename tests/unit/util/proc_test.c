/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_proc_read_stat_of_a_name_with_parentheses),
		cmocka_unit_test(test_proc_is_alive_is_false_for_a_zombie_and_another_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
