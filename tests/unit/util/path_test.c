/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <limits.h>
#include <string.h>

#include "util/path.h"

static void test_path_normalize(void **state)
{
	static const struct {
		const char *path, *expected;
	} rows[] = {
		{ "/", "/" },
		{ "//", "/" },
		{ "/.", "/" },
		{ "/./", "/" },
		{ "/dev", "/dev" },
		{ "/dev/", "/dev" },
		{ "//dev", "/dev" },
		{ "/dev/.", "/dev" },
		{ "/dev//x/./y//", "/dev/x/y" },
		{ "/..", "/" },
		{ "/../../dev", "/dev" },
		{ "/./../dev", "/dev" },
		/* /a may be a link. */
		{ "/a/../dev", "/a/../dev" },
		{ "/a/..", "/a/.." },
		{ "/a/./../b/", "/a/../b" },
		/* Names that begin with dots. */
		{ "/...", "/..." },
		{ "/.kontain", "/.kontain" },
		{ "/..dev/.x", "/..dev/.x" },
		{ "rootfs/", "rootfs" },
		{ "./rootfs", "rootfs" },
		{ "./", "." },
		{ ".", "." },
		{ "../rootfs/.", "../rootfs" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char path[64];

		strcpy(path, rows[i].path);
		path_normalize(path);
		assert_string_equal(path, rows[i].expected);
	}
}

static void test_path_is_same_place(void **state)
{
	char longer[PATH_MAX + 2];

	(void)state;
	assert_true(path_is_same_place("/dev", "//dev/."));
	assert_true(path_is_same_place("/", "/.."));
	assert_true(path_is_same_place("/a/../dev", "/dev"));
	assert_true(path_is_same_place("/a/b/../../dev/x/..", "/dev"));
	assert_true(path_is_same_place("/a/..", "/"));
	assert_false(path_is_same_place("/dev", "/dev/pts"));
	assert_false(path_is_same_place("/dev", "/de"));
	assert_false(path_is_same_place("/dev/..x", "/"));
	memset(longer, 'a', sizeof(longer) - 1);
	longer[0] = '/';
	longer[sizeof(longer) - 1] = '\0';
	assert_true(path_is_same_place(longer, longer));
	assert_false(path_is_same_place(longer, "/dev"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_path_normalize),
		cmocka_unit_test(test_path_is_same_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
