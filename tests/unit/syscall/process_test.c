/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_others_are_closed),
		cmocka_unit_test(test_a_child_is_not_dumpable_from_its_birth),
		cmocka_unit_test(test_the_number_of_a_thread_is_no_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
