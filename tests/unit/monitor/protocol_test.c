/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "monitor/monitor.h"
#include "syscall/process.h"
#include "util/error.h"

enum { PATIENCE_MS = 20000, LATER_US = 100000 };

static void on_signal(int signo)
{
	(void)signo;
}

/*
 * What km does from its set-up on: @early is how long that takes, @late how long its handlers take. Skips the
 * test under qemu-user: the host's kernel tells the emulator's system call there, with the host's number.
 */
static pid_t start_km(unsigned int early_us, unsigned int late_us)
{
	sigset_t set;
	pid_t pid;

	skip_if_emulated("system call of its own architecture in /proc/PID/syscall");
	pid = fork();
	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGUSR1, SIG_IGN);
	usleep(early_us);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	while (sigwaitinfo(&set, NULL) < 0)
		;
	usleep(late_us);
	signal(SIGUSR1, on_signal);
	for (;;)
		pause();
}

static void end_km(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void test_km_is_ready_then_released(void **state)
{
	const pid_t pid = start_km(LATER_US, LATER_US);
	const struct km_process km = { .pid = pid, .pidfd = sys_pidfd_open(pid), .child = pid };
	struct error err = { 0 };

	(void)state;
	assert_false(km_is_waiting(pid));
	assert_int_equal(km_release(pid, km.pidfd, PATIENCE_MS, &err), -EBUSY);
	assert_int_equal(km_wait_ready(&km, PATIENCE_MS, &err), 0);
	assert_true(km_is_waiting(pid));
	assert_false(km_is_released(pid));
	assert_int_equal(km_release(pid, km.pidfd, PATIENCE_MS, &err), 0);
	assert_false(km_is_waiting(pid));
	assert_true(km_is_released(pid));
	assert_int_equal(km_release(pid, km.pidfd, PATIENCE_MS, &err), -EBUSY);
	end_km(pid);
	close(km.pidfd);
}

static void test_time_limits(void **state)
{
	const pid_t slow = start_km(PATIENCE_MS * 1000, 0), late = start_km(0, PATIENCE_MS * 1000);
	const struct km_process km = { .pid = slow, .pidfd = sys_pidfd_open(slow), .child = slow };
	const struct km_process second = { .pid = late, .pidfd = sys_pidfd_open(late), .child = late };
	struct error err = { 0 };

	(void)state;
	assert_int_equal(km_wait_ready(&km, 50, &err), -ETIMEDOUT);
	assert_int_equal(km_wait_ready(&second, PATIENCE_MS, &err), 0);
	assert_int_equal(km_release(late, second.pidfd, 50, &err), -ETIMEDOUT);
	end_km(slow);
	end_km(late);
	close(km.pidfd);
	close(second.pidfd);
}

static void test_km_that_ends(void **state)
{
	pid_t pid = fork();
	const struct km_process km = { .pid = pid, .pidfd = pid ? sys_pidfd_open(pid) : -1, .child = pid };
	struct error err = { 0 };

	(void)state;
	if (pid == 0)
		_exit(7);
	assert_int_equal(km_wait_ready(&km, PATIENCE_MS, &err), -ECHILD);
	assert_string_equal(err.text, "km exited with status 7 before the payload was loaded");
	assert_false(km_is_waiting(pid));
	assert_false(km_is_released(pid));
	waitpid(pid, NULL, 0);
	close(km.pidfd);
}

static void *kill_later(void *pid)
{
	usleep(LATER_US);
	kill(*(pid_t *)pid, SIGKILL);
	return NULL;
}

/* A payload can be so short that nobody sees its km's handlers. One that ended before is not released. */
static void test_the_end_after_the_release_and_before(void **state)
{
	pid_t pid = start_km(0, PATIENCE_MS * 1000);
	const struct km_process km = { .pid = pid, .pidfd = sys_pidfd_open(pid), .child = pid };
	struct error err = { 0 };
	pthread_t thread;

	(void)state;
	assert_int_equal(km_wait_ready(&km, PATIENCE_MS, &err), 0);
	assert_int_equal(pthread_create(&thread, NULL, kill_later, &pid), 0);
	assert_int_equal(km_release(pid, km.pidfd, PATIENCE_MS, &err), 0);
	pthread_join(thread, NULL);
	assert_int_equal(km_release(pid, km.pidfd, PATIENCE_MS, &err), -EBUSY);
	waitpid(pid, NULL, 0);
	assert_int_equal(km_release(pid, km.pidfd, PATIENCE_MS, &err), -EBUSY);
	close(km.pidfd);
}

static void *give_descriptors_back(void *limit)
{
	usleep(LATER_US);
	setrlimit(RLIMIT_NOFILE, limit);
	return NULL;
}

/* That a file cannot be opened at first says nothing about km, whichever of its files it is. */
static void test_no_descriptors_for_a_while(void **state)
{
	const pid_t pid = start_km(0, 0);
	const struct km_process km = { .pid = pid, .pidfd = sys_pidfd_open(pid), .child = pid };
	const int next = dup(km.pidfd);
	struct rlimit usual, few;
	struct error err = { 0 };
	pthread_t thread;

	(void)state;
	close(next);
	assert_int_equal(km_wait_ready(&km, PATIENCE_MS, &err), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &usual), 0);
	for (int left = 0; left < 2; left++) {
		few = usual;
		few.rlim_cur = (rlim_t)(next + left);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
		assert_false(km_is_waiting(pid));
		assert_int_equal(pthread_create(&thread, NULL, give_descriptors_back, &usual), 0);
		assert_int_equal(km_wait_ready(&km, PATIENCE_MS, &err), 0);
		pthread_join(thread, NULL);
	}
	end_km(pid);
	close(km.pidfd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_km_is_ready_then_released),
		cmocka_unit_test(test_time_limits),
		cmocka_unit_test(test_km_that_ends),
		cmocka_unit_test(test_the_end_after_the_release_and_before),
		cmocka_unit_test(test_no_descriptors_for_a_while),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
