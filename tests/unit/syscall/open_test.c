/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "syscall/open.h"
#include "util/array.h"
#include "util/cleanup.h"

/* Makes a root with traps: every link tries to lead out of it. */
static char top[] = "/tmp/krun-open-XXXXXX";
static int root_fd = -1;

static int make_root(void **state)
{
	static const struct {
		const char *name, *target;
	} links[] = {
		{ "up", "../../../../../../.." }, { "absolute", "/etc" },
		{ "dangling", "/fresh/target" },  { "loop", "loop" },
		{ "dir/out", "../../outside" },	  { "dir/absolute", "/fresh/below" },
	};
	char path[64];

	(void)state;
	if (!mkdtemp(top))
		return -1;
	snprintf(path, sizeof(path), "%s/root", top);
	mkdir(path, 0755);
	root_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (mkdirat(root_fd, "dir", 0755) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(links); i++)
		if (symlinkat(links[i].target, root_fd, links[i].name) < 0)
			return -1;
	return 0;
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
		{ "dir/absolute", OPEN_MAKE_DIRECTORY, "/root/fresh/below" },
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

static void test_two_files_are_one_by_device_and_number(void **state)
{
	const struct stat a = { .st_dev = 1, .st_ino = 2 }, b = { .st_dev = 3, .st_ino = 2 },
			  c = { .st_dev = 1, .st_ino = 3 };

	(void)state;
	assert_true(is_same_file(&a, &a));
	assert_false(is_same_file(&a, &b));
	assert_false(is_same_file(&a, &c));
}

static void test_descriptors_are_close_on_exec(void **state)
{
	const int fds[] = { open_in_root(root_fd, "dir", O_PATH),
			    open_in_root_nofollow(root_fd, "up", O_PATH),
			    open_in_root_make(root_fd, "dir", OPEN_MAKE_DIRECTORY, 0755, NULL),
			    reopen_fd(root_fd, O_RDONLY | O_DIRECTORY), open_again_here(root_fd, O_PATH) };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		assert_true(fds[i] >= 0);
		assert_int_equal(fcntl(fds[i], F_GETFD), FD_CLOEXEC);
		close(fds[i]);
	}
}

/* The links of proc lead to where no path does. */
static void test_magic_links_are_not_followed(void **state)
{
	auto_close int host_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	skip_if_emulated("links of /proc that openat2(2) does not follow");
	assert_int_equal(open_in_root(host_fd, "/proc/self/root", O_PATH), -ELOOP);
	assert_int_equal(open_in_root(host_fd, "/proc/self/cwd/x", O_PATH), -ELOOP);
}

/* Another directory has taken the place of the one that was opened. */
static void test_another_directory_at_the_same_path(void **state)
{
	auto_close int fd = open_in_root(root_fd, "dir", O_PATH | O_DIRECTORY);
	char path[64];
	int again;

	(void)state;
	snprintf(path, sizeof(path), "%s/root/dir", top);
	again = open_again_here(fd, O_PATH);
	assert_true(again >= 0);
	close(again);
	/* In a process of its own, whose mounts nobody else sees. */
	if (fork() == 0) {
		if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
			_exit(77);
		if (mount("tmpfs", path, "tmpfs", 0, NULL) < 0)
			_exit(77);
		_exit(open_again_here(fd, O_PATH) == -ESTALE ? 0 : 1);
	}
	wait(&again);
	if (WEXITSTATUS(again) == 77)
		skip_because("no mount namespace of its own");
	assert_int_equal(again, 0);
}

/* Not another file system, and not a directory of proc. */
static void test_proc_is_proc(void **state)
{
	int status, fd = open_proc();

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	if (fork() == 0) {
		if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
			_exit(77);
		if (mount("/proc/sys", "/proc", NULL, MS_BIND, NULL) < 0)
			_exit(77);
		if (open_proc() != -ENODEV)
			_exit(1);
		if (mount("tmpfs", "/proc", "tmpfs", 0, NULL) < 0)
			_exit(77);
		_exit(open_proc() == -ENODEV ? 0 : 2);
	}
	wait(&status);
	if (WEXITSTATUS(status) == 77)
		skip_because("no mount namespace of its own");
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open_in_root_never_leaves),
		cmocka_unit_test(test_open_in_root_make_makes_inside),
		cmocka_unit_test(test_open_parent_in_root_splits),
		cmocka_unit_test(test_a_file_is_known_again),
		cmocka_unit_test(test_two_files_are_one_by_device_and_number),
		cmocka_unit_test(test_descriptors_are_close_on_exec),
		cmocka_unit_test(test_magic_links_are_not_followed),
		cmocka_unit_test(test_another_directory_at_the_same_path),
		cmocka_unit_test(test_proc_is_proc),
		/* Last, because it changes a setting of the process. */
		cmocka_unit_test(test_own_links_are_used),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
