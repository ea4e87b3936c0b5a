/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init/program.h"
#include "util/array.h"
#include "util/error.h"

static char top[] = "/tmp/krun-program-XXXXXX";
static char path_variable[128];

static void make_file(const char *name, mode_t mode)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", top, name);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, mode);
	assert_true(fd >= 0);
	close(fd);
}

static int make_tree(void **state)
{
	char path[128];

	(void)state;
	if (!mkdtemp(top) || chdir(top) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/bin", top);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/bin/folder", top);
	mkdir(path, 0755);
	make_file("bin/tool", 0755);
	make_file("bin/plain", 0644);
	make_file("local", 0755);
	snprintf(path_variable, sizeof(path_variable), "PATH=/no/such:%s/bin", top);
	return 0;
}

static int remove_tree(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", top);
	return system(command);
}

/* The phrases are what docker and podman turn into exit status 127 and 126. */
static void test_program_find_says_what_engines_look_for(void **state)
{
	static const struct {
		const char *name;
		int expect;
		const char *text; /* a part of the path, or of the error */
	} rows[] = {
		{ "tool", 0, "/bin/tool" },
		{ "./local", 0, "./local" },
		{ "absent", -ENOENT, "exec: \"absent\": executable file not found in $PATH" },
		{ "", -ENOENT, "executable file not found in $PATH" },
		{ "plain", -EACCES, "exec: \"plain\": permission denied" },
		{ "folder", -ENOENT, "executable file not found in $PATH" },
		{ "/no/such/command", -ENOENT, "stat /no/such/command: no such file or directory" },
		{ "./bin/plain", -EACCES, "permission denied" },
		{ "/etc", -EACCES, "exec: \"/etc\": permission denied" },
		{ "./local/x", -ENOTDIR, "not a directory" },
	};
	char *env[] = { path_variable, NULL };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *args[] = { (char *)(uintptr_t)rows[i].name, (char[]){ "-x" }, NULL };
		struct program program = { 0 };
		struct error err = { 0 };

		assert_int_equal(program_find(args, env, &program, &err), rows[i].expect);
		if (rows[i].expect < 0) {
			assert_non_null(strstr(err.text, rows[i].text));
			assert_null(program.path);
			continue;
		}
		assert_non_null(strstr(program.path, rows[i].text));
		assert_string_equal(program.argv.items[0], rows[i].name);
		assert_string_equal(program.argv.items[1], "-x");
		program_done(&program);
	}
}

static void test_program_find_searches_the_working_directory_for_an_empty_element(void **state)
{
	char *args[] = { (char[]){ "local" }, NULL };
	char *env[] = { (char[]){ "PATH=/no/such:" }, NULL };
	struct program program = { 0 };
	struct error err = { 0 };

	(void)state;
	assert_int_equal(program_find(args, env, &program, &err), 0);
	assert_string_equal(program.path, "./local");
	program_done(&program);
}

static void test_program_home_of_root(void **state)
{
	struct error err = { 0 };
	char *home;

	(void)state;
	assert_int_equal(program_home(0, &home, &err), 0);
	assert_string_equal(home, "/root");
	free(home);
	assert_int_equal(program_home(4000000000U, &home, &err), 0);
	assert_string_equal(home, "/");
	free(home);
}

/* A file that cannot be opened for want of descriptors is not one without a line for the user. */
static void test_program_home_with_no_descriptor_left(void **state)
{
	struct rlimit old, none;
	struct error err = { 0 };
	char *home = NULL;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = old;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	const int r = program_home(0, &home, &err);

	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(r, -EMFILE);
	assert_null(home);
	assert_non_null(strstr(err.text, "/etc/passwd"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_program_find_says_what_engines_look_for),
		cmocka_unit_test(test_program_find_searches_the_working_directory_for_an_empty_element),
		cmocka_unit_test(test_program_home_of_root),
		cmocka_unit_test(test_program_home_with_no_descriptor_left),
	};

	return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
