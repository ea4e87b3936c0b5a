/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <errno.h>

#include "util/array.h"
#include "util/strv.h"

static void test_strv_stays_terminated(void **state)
{
	struct strv list = { 0 };

	(void)state;
	assert_int_equal(strv_len(list.items), 0);
	assert_int_equal(strv_add(&list, "one"), 0);
	assert_int_equal(strv_add_format(&list, "two=%d", 2), 0);
	assert_int_equal(strv_add(&list, NULL), -ENOMEM);
	assert_int_equal(list.len, 2);
	assert_null(list.items[2]);
	assert_true(strv_contains(list.items, "two=2"));
	assert_false(strv_contains(list.items, "two"));
	strv_done(&list);
	assert_null(list.items);
}

static void test_strv_env_get_takes_the_last(void **state)
{
	char *env[] = { (char[]){ "A=1" }, (char[]){ "AB=2" }, (char[]){ "A=3" }, (char[]){ "E=" }, NULL };

	(void)state;
	assert_string_equal(strv_env_get(env, "A"), "3");
	assert_string_equal(strv_env_get(env, "E"), "");
	assert_null(strv_env_get(env, "B"));
	assert_null(strv_env_get(NULL, "A"));
}

static void test_strv_env_put_replaces_or_adds(void **state)
{
	struct strv env = { 0 };

	(void)state;
	assert_int_equal(strv_env_put(&env, "A=1"), 0);
	assert_int_equal(strv_env_put(&env, "AB=2"), 0);
	assert_int_equal(strv_env_put(&env, "A=3"), 0);
	assert_int_equal(env.len, 2);
	assert_string_equal(env.items[0], "A=3");
	assert_string_equal(env.items[1], "AB=2");
	assert_null(env.items[2]);
	strv_done(&env);
}

static void test_strv_env_unique_keeps_the_last(void **state)
{
	char texts[][8] = { "A=1", "AB=2", "A=", "B", "AB=3", "B=4", "C=5", "A==6" };
	char *env[ARRAY_LEN(texts) + 1] = { NULL };
	static const char *const expect[] = { "AB=3", "B=4", "C=5", "A==6" };
	char *none[] = { NULL }, *one[] = { texts[0], NULL };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		env[i] = texts[i];
	assert_int_equal(strv_env_unique(env), 0);
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(env[i], expect[i]);
	assert_null(env[4]);
	assert_int_equal(strv_env_unique(none), 0);
	assert_null(none[0]);
	assert_int_equal(strv_env_unique(one), 0);
	assert_string_equal(one[0], "A=1");
	assert_null(one[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strv_stays_terminated),
		cmocka_unit_test(test_strv_env_get_takes_the_last),
		cmocka_unit_test(test_strv_env_put_replaces_or_adds),
		cmocka_unit_test(test_strv_env_unique_keeps_the_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
