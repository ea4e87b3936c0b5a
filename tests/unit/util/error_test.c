/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <errno.h>
#include <string.h>

#include "util/array.h"
#include "util/error.h"

static void test_error_set_returns_its_code(void **state)
{
	struct error err = { 0 };

	(void)state;
	assert_int_equal(error_set(&err, -EINVAL, "option '%s'", "x"), -EINVAL);
	assert_int_equal(err.code, -EINVAL);
	assert_string_equal(err.text, "option 'x'");
}

/* Engines turn these three phrases into "the command is missing / not executable". */
static void test_error_sys_avoids_the_phrases_of_exec(void **state)
{
	static const int codes[] = { -ENOENT, -EACCES, -EPERM };
	static const char *const phrases[] = { "no such file", "permission denied",
					       "operation not permitted" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		struct error err = { 0 };

		error_sys(&err, codes[i], "open 'x'");
		for (size_t j = 0; j < ARRAY_LEN(phrases); j++)
			assert_null(strcasestr(err.text, phrases[j]));
		error_exec(&err, codes[i], "exec: \"x\"");
		assert_non_null(strstr(err.text, phrases[i]));
	}
}

static void test_error_prefix_goes_in_front(void **state)
{
	struct error err = { 0 };

	(void)state;
	error_sys(&err, -EBUSY, "mount '/x'");
	assert_int_equal(error_prefix(&err, "init step '%s'", "mounts"), -EBUSY);
	assert_string_equal(err.text, "init step 'mounts': mount '/x': device or resource busy");
}

static void test_error_prefix_survives_a_full_buffer(void **state)
{
	struct error err = { 0 };
	char longer[2 * ERROR_TEXT_MAX];

	(void)state;
	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	error_set(&err, -EINVAL, "%s", longer);
	error_prefix(&err, "%s", "front");
	assert_int_equal(strlen(err.text), ERROR_TEXT_MAX - 1);
	assert_memory_equal(err.text, "front: aaa", 10);
}

static void test_error_keeps_errno(void **state)
{
	struct error err = { 0 };

	(void)state;
	errno = EXDEV;
	error_sys(&err, -ENOENT, "x");
	assert_int_equal(errno, EXDEV);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_error_set_returns_its_code),
		cmocka_unit_test(test_error_sys_avoids_the_phrases_of_exec),
		cmocka_unit_test(test_error_prefix_goes_in_front),
		cmocka_unit_test(test_error_prefix_survives_a_full_buffer),
		cmocka_unit_test(test_error_keeps_errno),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
