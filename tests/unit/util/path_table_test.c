/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <stdio.h>
#include <string.h>

#include "util/array.h"
#include "util/path_table.h"

static void test_the_last_of_equal_paths_is_found(void **state)
{
	static const char *const paths[] = { "/b", "/a/b", "/a", "/b", "/ab", "/a/b/c" };
	struct path_row rows[ARRAY_LEN(paths)];
	struct path_table table = { .rows = rows, .len = ARRAY_LEN(rows) };
	size_t index = 99;

	(void)state;
	for (size_t i = 0; i < table.len; i++)
		rows[i] = (struct path_row){ .path = paths[i], .len = strlen(paths[i]), .index = i };
	path_table_sort(&table);
	assert_true(path_table_find(&table, "/b", 2, &index));
	assert_int_equal(index, 3);
	assert_true(path_table_find(&table, "/a/b/c/d", 4, &index));
	assert_int_equal(index, 1);
	assert_true(path_table_find(&table, "/abc", 3, &index));
	assert_int_equal(index, 4);
	assert_false(path_table_find(&table, "/a/b/", 5, &index));
	assert_false(path_table_find(&table, "/", 1, &index));
	assert_false(path_table_find(&table, "/c", 2, &index));
	assert_false(path_table_find(&table, "/", 0, &index));
}

static void test_each_of_many_is_found(void **state)
{
	enum { MANY = 1000 };
	static char paths[MANY][16];
	static struct path_row rows[MANY];
	struct path_table table = { .rows = rows, .len = MANY };

	(void)state;
	for (size_t i = 0; i < MANY; i++) {
		snprintf(paths[i], sizeof(paths[i]), "/m/%zu", (i * 7919) % MANY);
		rows[i] = (struct path_row){ .path = paths[i], .len = strlen(paths[i]), .index = i };
	}
	path_table_sort(&table);
	for (size_t i = 0; i < MANY; i++) {
		size_t index = MANY;

		assert_true(path_table_find(&table, paths[i], strlen(paths[i]), &index));
		assert_int_equal(index, i);
	}
}

static void test_an_empty_table_has_nothing(void **state)
{
	struct path_table table = { 0 };
	size_t index;

	(void)state;
	path_table_sort(&table);
	assert_false(path_table_find(&table, "/a", 2, &index));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_last_of_equal_paths_is_found),
		cmocka_unit_test(test_each_of_many_is_found),
		cmocka_unit_test(test_an_empty_table_has_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
