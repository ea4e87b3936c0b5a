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
		/* /a may be a symbolic link. */
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

static void test_path_below(void **state)
{
	static const struct {
		const char *path, *directory, *rest;
	} rows[] = {
		{ "/b/rootfs/dev/shm", "/b/rootfs", "dev/shm" },
		{ "//b/./rootfs//dev/", "/b//rootfs/.", "dev" },
		{ "/b/rootfs/..dev/x", "/b/rootfs", "..dev/x" },
		/* The directory itself, another one, and its parent. */
		{ "/b/rootfs", "/b/rootfs", NULL },
		{ "/b/rootfs2/x", "/b/rootfs", NULL },
		{ "/b", "/b/rootfs", NULL },
		/* Everything would be below "/". */
		{ "/b/x", "/", NULL },
		{ "/b/x", "/.", NULL },
		/* Where ".." leads depends on symbolic links. */
		{ "/b/rootfs/../x", "/b/rootfs", NULL },
		{ "/b/rootfs/a/../x", "/b/rootfs", NULL },
		{ "/b/rootfs/x", "/a/../b/rootfs", NULL },
	};
	char rest[64], longer[PATH_MAX + 2];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(path_below(rows[i].path, rows[i].directory, rest, sizeof(rest)),
				 rows[i].rest != NULL);
		if (rows[i].rest)
			assert_string_equal(rest, rows[i].rest);
	}
	assert_false(path_below("/b/rootfs/dev", "/b/rootfs", rest, 3));
	assert_true(path_below("/b/rootfs/dev", "/b/rootfs", rest, 4));
	memset(longer, 'a', sizeof(longer) - 1);
	longer[0] = '/';
	longer[sizeof(longer) - 1] = '\0';
	assert_false(path_below(longer, "/b", rest, sizeof(rest)));
	assert_false(path_below("/b", longer, rest, sizeof(rest)));
}

static void test_path_list_next(void **state)
{
	static const struct {
		const char *list, *paths[4];
	} rows[] = {
		{ "/bin:/usr/bin", { "/bin/sh", "/usr/bin/sh" } },
		{ "/bin", { "/bin/sh" } },
		/* An empty directory is the working directory, at each place. */
		{ ":/bin", { "./sh", "/bin/sh" } },
		{ "/bin:", { "/bin/sh", "./sh" } },
		{ "/bin::bin", { "/bin/sh", "./sh", "bin/sh" } },
		{ "", { "./sh" } },
		/* Too long for the buffer, by one byte and not. */
		{ "/234567890123:/b:/23456789012", { "/b/sh", "/23456789012/sh" } },
		{ NULL, { NULL } },
	};
	char path[16];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *list = rows[i].list;

		for (size_t at = 0; rows[i].paths[at]; at++) {
			assert_true(path_list_next(&list, "sh", path, sizeof(path)));
			assert_string_equal(path, rows[i].paths[at]);
		}
		assert_false(path_list_next(&list, "sh", path, sizeof(path)));
		assert_null(list);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_path_normalize),
		cmocka_unit_test(test_path_list_next),
		cmocka_unit_test(test_path_is_same_place),
		cmocka_unit_test(test_path_below),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
