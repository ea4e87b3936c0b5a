/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "state/state.h"
#include "state/status.h"
#include "util/array.h"
#include "util/error.h"
#include "util/proc.h"

static void test_status_table(void **state)
{
	static const struct {
		enum status status;
		const char *word;
		/*
		 * One letter for each: start, exec, kill, delete, pause, resume, update, mounts, checkpoint,
		 * watch.
		 */
		const char *allowed;
	} rows[] = {
		{ STATUS_CREATING, "creating", "----------" }, { STATUS_CREATED, "created", "sek-p-um-w" },
		{ STATUS_RUNNING, "running", "-ek-p-umcw" },   { STATUS_PAUSED, "paused", "--k--rumcw" },
		{ STATUS_STOPPED, "stopped", "---d------" },
	};

	(void)state;
	assert_int_equal(ARRAY_LEN(rows), STATUS_COUNT);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_string_equal(status_word(rows[i].status), rows[i].word);
		for (int operation = 0; operation < OP_COUNT; operation++)
			assert_int_equal(status_allows(rows[i].status, (enum operation)operation),
					 rows[i].allowed[operation] != '-');
	}
}

/* containerd's shim takes exactly this text as "already gone". */
static void test_status_check_of_kill_on_a_stopped_container(void **state)
{
	struct error err = { 0 };

	(void)state;
	assert_int_equal(status_check(STATUS_STOPPED, OP_KILL, "web", &err), -ESRCH);
	assert_string_equal(err.text, "container not running");
	assert_int_equal(status_check(STATUS_RUNNING, OP_START, "web", &err), -EBUSY);
	assert_string_equal(err.text, "cannot start container 'web': it is running");
	assert_int_equal(status_check(STATUS_CREATED, OP_START, "web", &err), 0);
	assert_int_equal(status_check(STATUS_STOPPED, OP_WATCH, "web", &err), -ESRCH);
	assert_string_equal(err.text, "cannot watch container 'web': container not running");
	assert_int_equal(status_check(STATUS_CREATING, OP_WATCH, "web", &err), -EBUSY);
}

/* What cannot be looked at is neither stopped nor running. */
static void test_a_process_that_cannot_be_looked_at(void **state)
{
	struct rlimit limit, none = { 0 };
	struct proc_stat stat;
	struct state container = { .id = (char *)"web" };
	enum status status;
	struct error err = { 0 };
	int looked, opened;

	(void)state;
	assert_int_equal(proc_read_stat(getpid(), &stat), 0);
	container.pid = getpid();
	container.start_time = stat.start_time;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none.rlim_max = limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	looked = status_of(-1, &container, &status, &err);
	opened = status_open_process(&container, &err);
	setrlimit(RLIMIT_NOFILE, &limit);
	assert_int_equal(looked, -EMFILE);
	assert_int_equal(opened, -EMFILE);
	assert_int_equal(status_lost_process(-EMFILE, "look", &err), -EMFILE);
	assert_int_equal(status_lost_process(-ENOENT, "look", &err), -ESRCH);
}

/* The pid of a process that has ended may be that of another one by now. */
static void test_a_process_that_took_the_pid(void **state)
{
	struct state container = { .id = (char *)"web", .pid = getpid() };
	struct proc_stat stat;
	enum status status;
	struct error err = { 0 };
	int fd;

	(void)state;
	assert_int_equal(proc_read_stat(getpid(), &stat), 0);
	container.start_time = stat.start_time;
	fd = status_open_process(&container, &err);
	assert_true(fd >= 0);
	close(fd);
	container.start_time = stat.start_time - 1;
	assert_int_equal(status_open_process(&container, &err), -ESRCH);
	assert_int_equal(status_of(-1, &container, &status, &err), 0);
	assert_int_equal(status, STATUS_STOPPED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status_table),
		cmocka_unit_test(test_status_check_of_kill_on_a_stopped_container),
		cmocka_unit_test(test_a_process_that_cannot_be_looked_at),
		cmocka_unit_test(test_a_process_that_took_the_pid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
