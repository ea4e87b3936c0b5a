/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checkpoint/criu_files.h"
#include "checkpoint/directory.h"
#include "util/array.h"
#include "util/error.h"
#include "util/strv.h"

static char dir[] = "/tmp/krun-unit-XXXXXX";
static int dir_fd = -1;

static int setup(void **state)
{
	(void)state;
	dir_fd = mkdtemp(dir) ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	return dir_fd < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	unlinkat(dir_fd, CHECKPOINT_CRIU_FILE, 0);
	close(dir_fd);
	return rmdir(dir);
}

static void put(const char *name, const char *text)
{
	int fd = openat(dir_fd, name, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void test_what_is_written_is_read(void **state)
{
	static char name[] = "file[1:2]", below[] = "/data\tsub";
	char *below_items[] = { below, NULL };
	const struct checkpoint_criu image = {
		.stdio = { [1] = name },
		.below = { .items = below_items, .len = 1 },
		.has_notify = true,
		.empty_network = true,
	};
	struct checkpoint_criu read;
	struct error err;

	(void)state;
	/* A checkpoint of another runtime. */
	assert_int_equal(checkpoint_criu_read(dir_fd, &read, &err), 0);
	assert_false(read.has_notify || read.empty_network || read.has_cgroups || read.below.len);
	checkpoint_criu_done(&read);

	assert_int_equal(checkpoint_criu_write(dir_fd, &image, &err), 0);
	put("cgroup.img", "");
	assert_int_equal(checkpoint_criu_read(dir_fd, &read, &err), 0);
	assert_true(read.has_notify && read.empty_network && read.has_cgroups);
	assert_null(read.stdio[0]);
	assert_string_equal(read.stdio[1], name);
	assert_int_equal(read.below.len, 1);
	assert_string_equal(read.below.items[0], below);
	checkpoint_criu_done(&read);
	assert_int_equal(unlinkat(dir_fd, "cgroup.img", 0), 0);
	assert_int_equal(checkpoint_criu_write(-1, &image, &err), -EBADF);
}

static void test_files_of_others_are_refused(void **state)
{
	static const struct {
		const char *text;
		int r;
	} rows[] = {
		{ "", -EINVAL },
		{ "krun-checkpoint-criu 2\nnotify\n", -EINVAL },
		{ "krun-checkpoint-criu 1\nnotify\nmore\n", -EBADMSG },
		{ "krun-checkpoint-criu 1\nstdio 3 x\n", -EBADMSG },
		{ "krun-checkpoint-criu 1\nstdio 1\n", -EBADMSG },
		{ "krun-checkpoint-criu 1\nstdio 1 a\nstdio 1 b\nbelow no-tab\n", -EBADMSG },
		{ "krun-checkpoint-criu 1\nstdio 1 a\nstdio 1 b\n", 0 },
	};
	struct checkpoint_criu read;
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		put(CHECKPOINT_CRIU_FILE, rows[i].text);
		assert_int_equal(checkpoint_criu_read(dir_fd, &read, &err), rows[i].r);
		if (rows[i].r == 0)
			assert_string_equal(read.stdio[1], "b");
		else
			assert_null(read.stdio[1]);
		checkpoint_criu_done(&read);
	}
	assert_int_equal(unlinkat(dir_fd, CHECKPOINT_CRIU_FILE, 0), 0);
	assert_int_equal(mkfifoat(dir_fd, CHECKPOINT_CRIU_FILE, 0600), 0);
	assert_true(checkpoint_criu_read(dir_fd, &read, &err) < 0);
	assert_non_null(strstr(err.text, "of the checkpoint"));
}

/* Images of a dump that failed go, its logs stay. */
static void test_remove(void **state)
{
	(void)state;
	put("core-1.img", "");
	put(".img", "");
	put("dump.log", "");
	assert_int_equal(symlinkat("elsewhere", dir_fd, "parent"), 0);
	checkpoint_criu_remove(dir_fd);
	assert_int_equal(unlinkat(dir_fd, "core-1.img", 0), -1);
	assert_int_equal(unlinkat(dir_fd, "parent", 0), -1);
	assert_int_equal(unlinkat(dir_fd, ".img", 0), 0);
	assert_int_equal(unlinkat(dir_fd, "dump.log", 0), 0);
	checkpoint_criu_remove(-1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_written_is_read),
		cmocka_unit_test(test_files_of_others_are_refused),
		cmocka_unit_test(test_remove),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
