/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <errno.h>
#include <string.h>

#include "state/status.h"
#include "util/array.h"
#include "util/error.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status_table),
		cmocka_unit_test(test_status_check_of_kill_on_a_stopped_container),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
