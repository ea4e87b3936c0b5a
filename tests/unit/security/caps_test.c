/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <linux/capability.h>
#include <string.h>

#include "security/security.h"

static void test_names_and_numbers(void **state)
{
	(void)state;
	assert_int_equal(caps_parse("CAP_CHOWN"), CAP_CHOWN);
	assert_int_equal(caps_parse("sys_admin"), CAP_SYS_ADMIN);
	assert_int_equal(caps_parse("Cap_Net_Raw"), CAP_NET_RAW);
	assert_true(caps_parse("CAP_FLY") < 0);
	assert_true(caps_parse("") < 0);
	assert_true(caps_parse("CAP_") < 0);
	assert_null(caps_name(64));
	for (int number = 0; number <= CAP_LAST_CAP; number++) {
		assert_non_null(caps_name(number));
		assert_int_equal(strncmp(caps_name(number), "CAP_", 4), 0);
		assert_int_equal(caps_parse(caps_name(number)), number);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_and_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
