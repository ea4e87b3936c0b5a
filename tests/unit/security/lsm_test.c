/* SPDX-License-Identifier: Apache-2.0 */

/* A directory of the test stands for /proc: the files of an LSM that this kernel may lack are made in it. */

#include "../test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "security/security.h"
#include "util/array.h"
#include "util/error.h"
#include "util/io.h"

static char dir[] = "/tmp/krun-unit-XXXXXX";
static int proc_fd = -1;

static const char *const directories[] = { "thread-self", "thread-self/attr", "thread-self/attr/apparmor" };
static const char *const names[] = { "thread-self/attr/exec", "thread-self/attr/keycreate",
				     "thread-self/attr/apparmor/exec" };

static int setup(void **state)
{
	(void)state;
	proc_fd = mkdtemp(dir) ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	for (size_t i = 0; i < ARRAY_LEN(directories); i++)
		if (mkdirat(proc_fd, directories[i], 0700) < 0)
			return -1;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (size_t i = ARRAY_LEN(directories); i > 0; i--)
		unlinkat(proc_fd, directories[i - 1], AT_REMOVEDIR);
	close(proc_fd);
	return rmdir(dir);
}

static void make(size_t i)
{
	close(openat(proc_fd, names[i], O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
}

static int remove_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		unlinkat(proc_fd, names[i], 0);
	return 0;
}

static void assert_content(size_t i, const char *expect)
{
	char text[64] = "";

	assert_true(io_read_small(proc_fd, names[i], text, sizeof(text)) >= 0);
	assert_string_equal(text, expect);
}

static void test_labels_are_written_to_the_files_that_were_opened(void **state)
{
	struct lsm_files files = LSM_FILES_NONE;
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		make(i);
	assert_int_equal(lsm_files_open(proc_fd, "a-profile", "a:label", true, &files, &err), 0);
	assert_int_equal(apparmor_apply(&files, "a-profile", &err), 0);
	assert_int_equal(selinux_apply(&files, "a:label", &err), 0);
	assert_int_equal(selinux_apply_to_keys(&files, "k:label", &err), 0);
	lsm_files_done(&files);
	assert_content(0, "a:label");
	assert_content(1, "k:label");
	assert_content(2, "exec a-profile");
	/* A closed descriptor is -1: nothing is written with it. */
	assert_int_equal(apparmor_apply(&files, "a-profile", &err), 0);
	assert_int_not_equal(selinux_apply(&files, "a:label", &err), 0);
	assert_string_equal(err.text,
			    "write 'a:label' to `/proc/thread-self/attr/exec`: bad file descriptor");
	assert_int_not_equal(selinux_apply_to_keys(&files, "a:label", &err), 0);
}

/* Linux before 5.8 has attr/exec alone. Only ENOENT leads there. */
static void test_the_older_file_of_apparmor(void **state)
{
	struct lsm_files files = LSM_FILES_NONE;
	struct error err;

	(void)state;
	make(0);
	assert_int_equal(lsm_files_open(proc_fd, "a-profile", NULL, false, &files, &err), 0);
	assert_int_equal(apparmor_apply(&files, "a-profile", &err), 0);
	lsm_files_done(&files);
	assert_content(0, "exec a-profile");
	assert_int_equal(mkdirat(proc_fd, names[2], 0700), 0);
	assert_int_equal(lsm_files_open(proc_fd, "a-profile", NULL, false, &files, &err), -EISDIR);
	assert_int_equal(unlinkat(proc_fd, names[2], AT_REMOVEDIR), 0);
}

static void test_without_the_files(void **state)
{
	struct lsm_files files = LSM_FILES_NONE;
	struct error err;

	(void)state;
	assert_int_equal(lsm_files_open(proc_fd, "unconfined", NULL, false, &files, &err), 0);
	assert_int_equal(lsm_files_open(proc_fd, "a-profile", NULL, false, &files, &err), -ENOENT);
	assert_string_equal(
		err.text,
		"AppArmor profile 'a-profile': open `/proc/thread-self/attr/exec`: missing (ENOENT)");
	assert_int_equal(lsm_files_open(proc_fd, NULL, "a:label", false, &files, &err), -ENOENT);
	assert_string_equal(err.text, "open `/proc/thread-self/attr/exec`: missing (ENOENT)");
	make(0);
	assert_int_equal(lsm_files_open(proc_fd, NULL, "a:label", true, &files, &err), -ENOENT);
	assert_string_equal(err.text, "open `/proc/thread-self/attr/keycreate`: missing (ENOENT)");
	assert_int_equal(files.selinux_fd, -1);
	assert_int_equal(lsm_files_open(proc_fd, NULL, NULL, true, &files, &err), 0);
	assert_int_equal(files.keycreate_fd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_labels_are_written_to_the_files_that_were_opened,
					  remove_files),
		cmocka_unit_test_teardown(test_the_older_file_of_apparmor, remove_files),
		cmocka_unit_test_teardown(test_without_the_files, remove_files),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
