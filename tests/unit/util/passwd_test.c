/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <stdlib.h>

#include "util/cleanup.h"
#include "util/passwd.h"

static void test_names_of_users(void **state)
{
	static const char text[] = "root:x:0:0:root:/root:/bin/sh\nbroken\n:\nx:x:many:1\n"
				   "alice:x:1000:1000::/home/alice:/bin/sh\nbob:x:1000:1000::/:/bin/sh";
	auto_free char *root = passwd_user_name(text, 0), *alice = passwd_user_name(text, 1000);
	auto_free char *short_line = passwd_user_name("carol:x:7", 7);

	(void)state;
	assert_string_equal(root, "root");
	assert_string_equal(alice, "alice");
	assert_string_equal(short_line, "carol");
	assert_null(passwd_user_name(text, 7));
	assert_null(passwd_user_name("", 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_of_users),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
