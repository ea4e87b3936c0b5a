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
	unlinkat(dir_fd, START_FIFO, 0);
	unlinkat(dir_fd, RESULT_FIFO, 0);
	close(dir_fd);
	return rmdir(top);
}

/* A process that waits at the gate, then fails with @text, or ends as an execve would. */
static pid_t park(const char *text)
{
	struct start_gate gate;
	struct error err = { 0 };
	pid_t pid;

	assert_int_equal(start_gate_make(dir_fd, &gate, &err), 0);
	pid = fork();
	if (pid == 0) {
		if (start_gate_wait(&gate, &err) < 0)
			_exit(9);
		if (text) {
			error_set(&err, -EIO, "%s", text);
			start_gate_fail(&gate, &err);
		}
		_exit(0);
	}
	start_gate_done(&gate);
	return pid;
}

static void test_start_gate_opens_once(void **state)
{
	struct error err = { 0 };
	pid_t pid = park(NULL);
	int status;

	(void)state;
	assert_true(start_gate_is_closed(dir_fd));
	assert_int_equal(start_gate_open(dir_fd, &err), 0);
	assert_false(start_gate_is_closed(dir_fd));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_true(start_gate_open(dir_fd, &err) < 0);
	assert_int_equal(faccessat(dir_fd, START_FIFO, F_OK, 0), -1);
}

static void test_start_gate_brings_the_error(void **state)
{
	struct error err = { 0 };
	pid_t pid = park("exec: \"x\": exec format error");

	(void)state;
	assert_int_equal(start_gate_open(dir_fd, &err), -ECANCELED);
	assert_string_equal(err.text, "exec: \"x\": exec format error");
	waitpid(pid, NULL, 0);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_start_gate_opens_once),
		cmocka_unit_test(test_start_gate_brings_the_error),
		cmocka_unit_test(test_start_gate_of_a_dead_process),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
