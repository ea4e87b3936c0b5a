/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "syscall/process.h"

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static void run_in_child(int (*act)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(act());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static int keep_some(void)
{
	struct fd_list list = { 0 };

	for (int fd = 20; fd < 40; fd++)
		if (dup2(STDERR_FILENO, fd) < 0)
			return 1;
	/* Unsorted, with a duplicate, a closed fd, one below the first, and -1. */
	if (fd_list_add(&list, 31) < 0 || fd_list_add(&list, 22) < 0 || fd_list_add(&list, 1000) < 0 ||
	    fd_list_add(&list, 31) < 0 || fd_list_add(&list, 2) < 0 || fd_list_add(&list, -1) < 0)
		return 2;
	if (list.len != 5 || fd_list_close_others(&list, 21) < 0)
		return 3;
	for (int fd = 20; fd < 40; fd++)
		if (is_open(fd) != (fd == 20 || fd == 22 || fd == 31))
			return fd;
	fd_list_done(&list);
	return list.items || list.len ? 4 : 0;
}

static int keep_none(void)
{
	struct fd_list list = { 0 };

	return dup2(STDERR_FILENO, 30) < 0 || fd_list_close_others(&list, 3) < 0 || is_open(30) ||
	       !is_open(2);
}

static void test_others_are_closed(void **state)
{
	(void)state;
	run_in_child(keep_some);
	run_in_child(keep_none);
}

static int inherit_flag(void)
{
	int status;
	pid_t pid;

	sys_set_dumpable(false);
	pid = fork();
	if (pid == 0)
		_exit(prctl(PR_GET_DUMPABLE));
	if (waitpid(pid, &status, 0) != pid || status != 0 || prctl(PR_GET_DUMPABLE) != 0)
		return 1;
	sys_set_dumpable(true);
	return prctl(PR_GET_DUMPABLE) != 1;
}

static void test_a_child_is_not_dumpable_from_its_birth(void **state)
{
	(void)state;
	run_in_child(inherit_flag);
}

static void *wait_for_the_end(void *unused)
{
	(void)unused;
	pause();
	return NULL;
}

/* The kernel may have reused the number in a state file for a thread. */
static void test_waiting_has_a_limit(void **state)
{
	int status = 0;
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(3);
	assert_int_equal(sys_wait_within(pid, 20000, &status), 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 3);
	pid = fork();
	if (pid == 0)
		for (;;)
			pause();
	status = -1;
	assert_int_equal(sys_wait_within(pid, 50, &status), -ETIME);
	assert_int_equal(status, -1);
	/* It was waited for, too. */
	assert_int_equal(kill(pid, 0), -1);
	assert_int_equal(errno, ESRCH);
}

static void test_the_number_of_a_thread_is_no_process(void **state)
{
	pthread_t thread;
	pid_t tid = 0;
	DIR *tasks;
	struct dirent *entry;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, wait_for_the_end, NULL), 0);
	tasks = opendir("/proc/self/task");
	assert_non_null(tasks);
	while ((entry = readdir(tasks)))
		if (atoi(entry->d_name) > 0 && atoi(entry->d_name) != getpid())
			tid = atoi(entry->d_name);
	closedir(tasks);
	assert_int_not_equal(tid, 0);
	assert_int_equal(sys_pidfd_open(tid), -ESRCH);
	assert_int_equal(sys_pidfd_open(0), -EINVAL);
	assert_int_equal(pthread_cancel(thread), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

/* The parent has ended before its child asks to end with it; the test adopts the child. */
static void test_die_with_a_parent_that_is_gone(void **state)
{
	int pipes[2], status;
	char byte;

	(void)state;
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
	assert_int_equal(pipe(pipes), 0);
	const pid_t parent = fork();

	if (parent == 0) {
		const pid_t self = getpid();

		if (fork() == 0) {
			close(pipes[1]);
			while (getppid() == self)
				usleep(1000);
			sys_die_with_parent(self);
			_exit(33);
		}
		_exit(0);
	}
	close(pipes[1]);
	assert_int_equal(waitpid(parent, &status, 0), parent);
	assert_int_equal(read(pipes[0], &byte, 1), 0);
	assert_true(waitpid(-1, &status, 0) > 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), EXIT_FAILURE);
	close(pipes[0]);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0), 0);
}

static void test_die_with_a_living_parent(void **state)
{
	const pid_t self = getpid();
	int status;

	(void)state;
	const pid_t pid = fork();

	if (pid == 0) {
		int signo = 0;

		sys_die_with_parent(self);
		prctl(PR_GET_PDEATHSIG, &signo);
		_exit(signo);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), SIGKILL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_die_with_a_parent_that_is_gone),
		cmocka_unit_test(test_die_with_a_living_parent),
		cmocka_unit_test(test_others_are_closed),
		cmocka_unit_test(test_a_child_is_not_dumpable_from_its_birth),
		cmocka_unit_test(test_waiting_has_a_limit),
		cmocka_unit_test(test_the_number_of_a_thread_is_no_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
