/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init/start.h"
#include "init/sync.h"
#include "util/error.h"

static char top[] = "/tmp/krun-start-XXXXXX";
static int dir_fd = -1;

static int make_directory(void **state)
{
	(void)state;
	if (!mkdtemp(top))
		return -1;
	dir_fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir_fd < 0 ? -1 : 0;
}

static int remove_directory(void **state)
{
	(void)state;
	unlinkat(dir_fd, START_SOCKET, 0);
	unlinkat(dir_fd, START_FIFO, 0);
	close(dir_fd);
	return rmdir(top);
}

static int empty_directory(void **state)
{
	(void)state;
	unlinkat(dir_fd, START_SOCKET, 0);
	unlinkat(dir_fd, START_FIFO, 0);
	return 0;
}

/* Makes a process that waits at the gate, then fails with @text, or for NULL reports that it executes. */
static pid_t park(const char *text)
{
	struct error err = { 0 };
	int gate_fd = start_gate_make(dir_fd, &err), sync_fd;
	pid_t pid;

	assert_true(gate_fd >= 0);
	pid = fork();
	if (pid == 0) {
		sync_fd = start_gate_wait(gate_fd, &(bool){ false }, &err);
		if (sync_fd < 0)
			_exit(9);
		if (text) {
			error_set(&err, -EIO, "%s", text);
			sync_send_failure(sync_fd, &err);
			_exit(0);
		}
		_exit(sync_send(sync_fd, SYNC_EXECUTE, 0, -1, &err) < 0 ? 8 : 0);
	}
	close(gate_fd);
	return pid;
}

static void test_start_gate_opens(void **state)
{
	struct error err = { 0 };
	pid_t pid = park(NULL);
	int status, sync_fd;

	(void)state;
	assert_int_equal(start_gate_is_closed(dir_fd), 1);
	/* The look before has not opened the gate. */
	assert_int_equal(start_gate_is_closed(dir_fd), 1);
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	sync_fd = start_gate_open(dir_fd, &err);
	assert_true(sync_fd >= 0);
	assert_int_equal(sync_expect_execution(sync_fd, NULL, NULL, &err), SYNC_MESSAGE);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_false(start_gate_is_closed(dir_fd));
	assert_int_equal(start_gate_open(dir_fd, &err), -ESRCH);
	start_gate_remove(dir_fd);
	assert_int_equal(start_gate_is_closed(dir_fd), -ENOENT);
	assert_true(start_gate_open(dir_fd, &err) < 0);
	close(sync_fd);
}

static void test_start_gate_brings_the_error(void **state)
{
	struct error err = { 0 };
	pid_t pid = park("exec: \"x\": exec format error");
	int sync_fd = start_gate_open(dir_fd, &err);

	(void)state;
	assert_true(sync_fd >= 0);
	assert_int_equal(sync_expect_execution(sync_fd, NULL, NULL, &err), -EIO);
	assert_string_equal(err.text, "exec: \"x\": exec format error");
	waitpid(pid, NULL, 0);
	close(sync_fd);
}

static void test_start_gate_of_a_dead_process(void **state)
{
	struct error err = { 0 };
	pid_t pid = park(NULL);

	(void)state;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_false(start_gate_is_closed(dir_fd));
	assert_int_equal(start_gate_open(dir_fd, &err), -ESRCH);
}

/* End of file without SYNC_EXECUTE is told from end of file after it. */
static void test_start_gate_of_a_process_that_is_killed(void **state)
{
	struct error err = { 0 };
	int gate_fd = start_gate_make(dir_fd, &err), sync_fd;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		start_gate_wait(gate_fd, &(bool){ false }, &err);
		kill(getpid(), SIGKILL);
	}
	close(gate_fd);
	sync_fd = start_gate_open(dir_fd, &err);
	assert_true(sync_fd >= 0);
	assert_int_equal(sync_expect_execution(sync_fd, NULL, NULL, &err), SYNC_END);
	waitpid(pid, NULL, 0);
	close(sync_fd);
}

/* With an older krun's FIFO the status is known, and start says why it fails. */
static void test_start_gate_of_an_older_krun(void **state)
{
	struct error err = { 0 };
	int fd;

	(void)state;
	assert_int_equal(mkfifoat(dir_fd, START_FIFO, 0600), 0);
	assert_int_equal(start_gate_is_closed(dir_fd), -ENOENT);
	fd = openat(dir_fd, START_FIFO, O_RDWR | O_CLOEXEC);
	assert_int_equal(start_gate_is_closed(dir_fd), 1);
	assert_int_equal(start_gate_open(dir_fd, &err), -EOPNOTSUPP);
	close(fd);
	assert_int_equal(start_gate_is_closed(dir_fd), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_start_gate_opens, empty_directory),
		cmocka_unit_test_setup(test_start_gate_brings_the_error, empty_directory),
		cmocka_unit_test_setup(test_start_gate_of_a_dead_process, empty_directory),
		cmocka_unit_test_setup(test_start_gate_of_a_process_that_is_killed, empty_directory),
		cmocka_unit_test_setup(test_start_gate_of_an_older_krun, empty_directory),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
