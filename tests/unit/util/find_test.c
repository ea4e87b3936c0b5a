/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/find.h"

static char top[] = "/tmp/krun-find-XXXXXX";

static void make(const char *name, mode_t mode)
{
	char path[PATH_MAX];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", top, name);
	if (S_ISDIR(mode)) {
		assert_int_equal(mkdir(path, 0755), 0);
		return;
	}
	file = fopen(path, "w");
	assert_non_null(file);
	fclose(file);
	assert_int_equal(chmod(path, mode), 0);
}

/* PATH is three directories: @first and @third below the top, and the top itself between them. */
static void set_path(const char *first, const char *third)
{
	char places[PATH_MAX];

	snprintf(places, sizeof(places), "%s/%s:%s:%s/%s", top, first, top, top, third);
	assert_int_equal(setenv("PATH", places, 1), 0);
}

static void test_programs(void **state)
{
	char path[PATH_MAX], expected[PATH_MAX];

	(void)state;
	assert_non_null(mkdtemp(top));
	make("a", S_IFDIR);
	make("b", S_IFDIR);
	/* A directory of the name, a file that is none to execute, then the program. */
	make("a/krun-thing", S_IFDIR);
	make("krun-thing", 0644);
	make("b/krun-thing", 0755);
	set_path("a", "b");
	assert_int_equal(find_program("krun-thing", path, sizeof(path)), 1);
	snprintf(expected, sizeof(expected), "%s/b/krun-thing", top);
	assert_string_equal(path, expected);
	set_path("a", "none");
	assert_int_equal(find_program("krun-thing", path, sizeof(path)), 0);
	/* The usual directories count without a PATH; a relative one does not. */
	assert_int_equal(setenv("PATH", ".:", 1), 0);
	assert_int_equal(find_program("sh", path, sizeof(path)), 1);
	assert_int_equal(path[0], '/');
	assert_int_equal(unsetenv("PATH"), 0);
	assert_int_equal(find_program("sh", path, sizeof(path)), 1);
	assert_int_equal(find_program("krun-thing", path, sizeof(path)), 0);
}

static int remove_all(void **state)
{
	static const char *const names[] = { "a/krun-thing", "b/krun-thing", "krun-thing", "a", "b", "" };
	char path[PATH_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", top, names[i]);
		if (remove(path) < 0)
			return -1;
	}
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_programs) };

	return cmocka_run_group_tests(tests, NULL, remove_all);
}
