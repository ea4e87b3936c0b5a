/* SPDX-License-Identifier: Apache-2.0 */
#include "../directory.h"
#include "../test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "syscall/replace.h"
#include "util/cleanup.h"
#include "util/io.h"

static void test_file_replace_is_read_back(void **state)
{
	auto_free char *text = NULL;
	size_t size = 0;

	(void)state;
	assert_int_equal(file_replace(dir_fd, "file", 0600, "first", 5), 0);
	assert_int_equal(file_replace(dir_fd, "file", 0600, "second\n", 7), 0);
	assert_int_equal(io_read_file(dir_fd, "file", 100, &text, &size), 0);
	assert_string_equal(text, "second\n");
	assert_int_equal(size, 7);
}

static void test_file_replace_own_is_read_back(void **state)
{
	char buffer[8];

	(void)state;
	assert_int_equal(file_replace_own(dir_fd, "file", 0600, "first", 5), 0);
	assert_int_equal(file_replace_own(dir_fd, "file", 0600, "second\n", 7), 0);
	assert_int_equal(io_read_small(dir_fd, "file", buffer, sizeof(buffer)), 6);
	assert_string_equal(buffer, "second");
}

static void assert_text(const char *name, const char *expected)
{
	char buffer[16];

	assert_true(io_read_small(dir_fd, name, buffer, sizeof(buffer)) >= 0);
	assert_string_equal(buffer, expected);
}

static void test_file_move_over(void **state)
{
	struct stat new, moved;

	(void)state;
	unlinkat(dir_fd, "file", 0);
	assert_int_equal(file_move_over(dir_fd, "absent", "file"), -ENOENT);
	assert_int_equal(file_replace(dir_fd, "new", 0600, "1", 1), 0);
	assert_int_equal(file_move_over(dir_fd, "new", "file"), 0);
	assert_text("file", "1");
	assert_int_equal(file_replace(dir_fd, "new", 0600, "2", 1), 0);
	assert_int_equal(fstatat(dir_fd, "new", &new, 0), 0);
	assert_int_equal(file_move_over(dir_fd, "new", "file"), 0);
	assert_text("file", "2");
	assert_int_equal(fstatat(dir_fd, "file", &moved, 0), 0);
	assert_int_equal(moved.st_ino, new.st_ino);
	assert_int_equal(faccessat(dir_fd, "new", F_OK, 0), -1);
}

static void test_file_move_over_a_directory(void **state)
{
	(void)state;
	assert_int_equal(mkdirat(dir_fd, "taken", 0700), 0);
	assert_int_equal(file_replace(dir_fd, "new", 0600, "1", 1), 0);
	assert_int_equal(file_move_over(dir_fd, "new", "taken"), -EISDIR);
	assert_text("new", "1");
	assert_int_equal(file_replace_own(dir_fd, "taken", 0600, "2", 1), -EISDIR);
	assert_int_equal(file_replace(dir_fd, "taken", 0600, "2", 1), -EISDIR);
	assert_int_equal(unlinkat(dir_fd, "new", 0), 0);
	assert_int_equal(unlinkat(dir_fd, "taken", AT_REMOVEDIR), 0);
}

static void test_file_replace_leaves_nothing_on_failure(void **state)
{
	(void)state;
	assert_int_equal(file_replace(dir_fd, "no/file", 0600, "x", 1), -ENOENT);
}

/* RLIMIT_FSIZE's signal comes in the middle of the write. */
static void test_file_replace_leaves_nothing_when_killed(void **state)
{
	const struct rlimit four = { 4, 4 }, no_core = { 0 };
	struct dirent *entry;
	DIR *dir;
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &no_core);
		setrlimit(RLIMIT_FSIZE, &four);
		_exit(file_replace(dir_fd, "killed", 0600, "0123456789", 10) < 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	dir = fdopendir(openat(dir_fd, ".", O_RDONLY | O_DIRECTORY));
	assert_non_null(dir);
	while (io_next_entry(dir, &entry) > 0)
		assert_null(strstr(entry->d_name, "killed"));
	closedir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_file_replace_is_read_back),
		cmocka_unit_test(test_file_replace_own_is_read_back),
		cmocka_unit_test(test_file_move_over),
		cmocka_unit_test(test_file_move_over_a_directory),
		cmocka_unit_test(test_file_replace_leaves_nothing_on_failure),
		cmocka_unit_test(test_file_replace_leaves_nothing_when_killed),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
