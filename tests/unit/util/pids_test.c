/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <stdlib.h>

#include "util/pids.h"

static void test_sorted_pids_are_found(void **state)
{
	struct pids pids = { 0 };

	(void)state;
	for (pid_t pid = 200; pid > 0; pid -= 2)
		assert_int_equal(pids_add(&pids, pid), 0);
	assert_int_equal(pids_finish(&pids), 0);
	for (pid_t pid = 0; pid <= 202; pid++)
		assert_int_equal(pids_have(pids.items, pids.len, pid), pid % 2 == 0 && pid > 0 && pid <= 200);
	free(pids.items);
}

static void test_nobody_is_among_none(void **state)
{
	struct pids pids = { 0 };

	(void)state;
	assert_int_equal(pids_finish(&pids), 0);
	assert_false(pids_have(pids.items, pids.len, 1));
	free(pids.items);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sorted_pids_are_found),
		cmocka_unit_test(test_nobody_is_among_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
