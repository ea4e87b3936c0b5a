/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include "cgroup/enable.h"

static void test_a_word_is_whole(void **state)
{
	static const char list[] = "cpuset cpu io memory";

	(void)state;
	assert_true(cgroup_list_has(list, "cpuset"));
	assert_true(cgroup_list_has(list, "cpu"));
	assert_true(cgroup_list_has(list, "memory"));
	assert_false(cgroup_list_has(list, "mem"));
	assert_false(cgroup_list_has(list, "set"));
	assert_false(cgroup_list_has("cpuset io", "cpu"));
	assert_false(cgroup_list_has("", "cpu"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_word_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
