/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/lock.h"

static char path[] = "/tmp/krun-lock-XXXXXX";

static int make_file(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

/* Starts a process that takes the lock, keeps it for @ms and then ends; it stops itself for @ms < 0. */
static pid_t hold(int ms)
{
	int fds[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		const struct timespec nap = { .tv_nsec = ms * 1000000L };
		int fd = open(path, O_RDONLY | O_CLOEXEC);

		if (fd < 0 || flock(fd, LOCK_EX) < 0 || write(fds[1], "x", 1) != 1)
			_exit(1);
		if (ms < 0)
			raise(SIGSTOP);
		nanosleep(&nap, NULL);
		_exit(0);
	}
	close(fds[1]);
	assert_int_equal(read(fds[0], &byte, 1), 1);
	close(fds[0]);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_a_free_lock_is_taken_at_once(void **state)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), other = open(path, O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(lock_holder(fd), 0);
	assert_int_equal(lock_wait(fd, 0), 0);
	assert_int_equal(lock_holder(other), getpid());
	assert_int_equal(lock_wait(other, 0), -EWOULDBLOCK);
	close(fd);
	assert_int_equal(lock_wait(other, 0), 0);
	close(other);
}

static void test_a_lock_that_becomes_free_is_taken(void **state)
{
	const pid_t pid = hold(200);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(lock_wait(fd, 60000), 0);
	end(pid);
	close(fd);
}

static void test_a_stopped_holder_is_not_waited_for_without_end(void **state)
{
	const int64_t start = clock_ms();
	const pid_t pid = hold(-1);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(lock_wait(fd, 300), -EWOULDBLOCK);
	assert_true(clock_ms() - start >= 300);
	assert_int_equal(lock_holder(fd), pid);
	end(pid);
	close(fd);
}

static void test_what_cannot_be_locked_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(lock_wait(-1, 60000), -EBADF);
	assert_int_equal(lock_holder(-1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_free_lock_is_taken_at_once),
		cmocka_unit_test(test_a_lock_that_becomes_free_is_taken),
		cmocka_unit_test(test_a_stopped_holder_is_not_waited_for_without_end),
		cmocka_unit_test(test_what_cannot_be_locked_is_an_error),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
