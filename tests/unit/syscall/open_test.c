/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "syscall/open.h"
#include "util/array.h"
#include "util/cleanup.h"

/* Makes a root with traps: every link tries to lead out of it. */
static char top[] = "/tmp/krun-open-XXXXXX";
static int root_fd = -1;

static int make_root(void **state)
{
	char path[64];

	(void)state;
	if (!mkdtemp(top))
		return -1;
	snprintf(path, sizeof(path), "%s/root", top);
	mkdir(path, 0755);
	root_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	mkdirat(root_fd, "dir", 0755);
	symlinkat("../../../../../../..", root_fd, "up");
	symlinkat("/etc", root_fd, "absolute");
	symlinkat("/fresh/target", root_fd, "dangling");
	symlinkat("loop", root_fd, "loop");
	symlinkat("../../outside", root_fd, "dir/out");
	return root_fd < 0 ? -1 : 0;
}

static int remove_root(void **state)
{
	char command[128];

	(void)state;
	close(root_fd);
	snprintf(command, sizeof(command), "rm -rf %s", top);
	return system(command);
}

/* Checks the path of @fd, relative to the test's top directory, and closes it. */
static void assert_at(int fd, const char *expect)
{
	char link[64], path[512];
	ssize_t n;

	assert_true(fd >= 0);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	assert_true(n > 0);
	path[n] = '\0';
	assert_memory_equal(path, top, strlen(top));
	assert_string_equal(path + strlen(top), expect);
	close(fd);
}

static void test_open_in_root_never_leaves(void **state)
{
	(void)state;
	assert_at(open_in_root(root_fd, "/", O_PATH), "/root");
	assert_at(open_in_root(root_fd, "", O_PATH), "/root");
	assert_at(open_in_root(root_fd, "/../../..", O_PATH), "/root");
	assert_at(open_in_root(root_fd, "up", O_PATH), "/root");
	assert_at(open_in_root(root_fd, "up/dir", O_PATH), "/root/dir");
	assert_int_equal(open_in_root(root_fd, "absolute", O_PATH), -ENOENT);
	assert_int_equal(open_in_root(root_fd, "loop", O_PATH), -ELOOP);
}

static void test_open_in_root_make_makes_inside(void **state)
{
	static const struct {
		const char *path;
		enum open_make what;
		const char *expect;
	} rows[] = {
		{ "/new/deep/er", OPEN_MAKE_DIRECTORY, "/root/new/deep/er" },
		{ "/new/file", OPEN_MAKE_FILE, "/root/new/file" },
		{ "dangling", OPEN_MAKE_FILE, "/root/fresh/target" },
		{ "absolute/passwd", OPEN_MAKE_FILE, "/root/etc/passwd" },
		{ "dir/out/x", OPEN_MAKE_DIRECTORY, "/root/outside/x" },
		{ "up/up/../beside", OPEN_MAKE_DIRECTORY, "/root/beside" },
		{ "new/../../../other/", OPEN_MAKE_DIRECTORY, "/root/other" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		bool made = false;
		int fd = open_in_root_make(root_fd, rows[i].path, rows[i].what, 0700, &made);
		struct stat st;

		assert_true(fd >= 0);
		assert_true(made);
		assert_int_equal(fstat(fd, &st), 0);
		assert_int_equal(S_ISDIR(st.st_mode), rows[i].what == OPEN_MAKE_DIRECTORY);
		assert_at(fd, rows[i].expect);
		/* The second time it exists already. */
		fd = open_in_root_make(root_fd, rows[i].path, rows[i].what, 0700, &made);
		assert_false(made);
		assert_at(fd, rows[i].expect);
	}
	assert_int_equal(open_in_root_make(root_fd, "loop/x", OPEN_MAKE_FILE, 0600, NULL), -ELOOP);
}

static void test_open_parent_in_root_splits(void **state)
{
	const char *name = NULL;

	(void)state;
	assert_at(open_parent_in_root(root_fd, "/dir/node", false, &name), "/root/dir");
	assert_string_equal(name, "node");
	assert_at(open_parent_in_root(root_fd, "top", false, &name), "/root");
	assert_string_equal(name, "top");
	assert_int_equal(open_parent_in_root(root_fd, "/", false, &name), -EINVAL);
	assert_int_equal(open_parent_in_root(root_fd, "dir/..", false, &name), -EINVAL);
	assert_int_equal(open_parent_in_root(root_fd, "absent/node", false, &name), -ENOENT);
	assert_at(open_parent_in_root(root_fd, "made/node", true, &name), "/root/made");
}

/* Only the given links are used, because another procfs may be at /proc. */
static void test_own_links_are_used(void **state)
{
	int proc_fd = open_proc(), links_fd, fd = open_in_root(root_fd, "/dir", O_PATH), again;
	char path[PATH_MAX];
	struct stat st;

	(void)state;
	assert_true(proc_fd >= 0);
	links_fd = open_own_links(proc_fd);
	assert_true(links_fd >= 0);
	open_use_own_links(links_fd);
	close(proc_fd);
	assert_int_equal(fd_path(fd, path, sizeof(path)), 0);
	assert_non_null(strstr(path, "/root/dir"));
	again = reopen_fd(fd, O_RDONLY | O_DIRECTORY);
	assert_true(again >= 0);
	close(again);
	assert_int_equal(chmod_fd(fd, 0710), 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0710);
	assert_int_equal(chmod_fd(fd, 0755), 0);
	open_use_own_links(-1);
	assert_int_equal(reopen_fd(fd, O_RDONLY | O_DIRECTORY), -ENOENT);
	assert_int_equal(fd_path(fd, path, sizeof(path)), -ENOENT);
	assert_int_equal(chmod_fd(fd, 0700), -ENOENT);
	close(links_fd);
	close(fd);
}

static void test_a_file_is_known_again(void **state)
{
	const struct file_id unknown = { 0 };
	struct file_id known;
	struct stat dir, root;

	(void)state;
	assert_int_equal(fstat(root_fd, &root), 0);
	assert_int_equal(fstatat(root_fd, "dir", &dir, 0), 0);
	known = file_id_of(&dir);
	assert_true(file_id_matches(&known, &dir));
	assert_false(file_id_matches(&known, &root));
	assert_true(file_id_matches(&unknown, &root));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open_in_root_never_leaves),
		cmocka_unit_test(test_open_in_root_make_makes_inside),
		cmocka_unit_test(test_open_parent_in_root_splits),
		cmocka_unit_test(test_a_file_is_known_again),
		/* Last, because it changes a setting of the process. */
		cmocka_unit_test(test_own_links_are_used),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
