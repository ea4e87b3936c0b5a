/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checkpoint/copy.h"
#include "util/error.h"

enum { HOLE = 1 << 20, DATA = 200 * 1000 };

/* A file with data, a hole, and data: in memory, or below /tmp. */
static int make_file(int in_memory)
{
	static char name[] = "/tmp/krun-unit-XXXXXX";
	int fd;

	if (in_memory) {
		fd = memfd_create("krun-unit", MFD_CLOEXEC);
	} else {
		strcpy(name + strlen(name) - 6, "XXXXXX");
		fd = mkostemp(name, O_CLOEXEC);
		unlink(name);
	}
	assert_true(fd >= 0);
	return fd;
}

static void fill(int fd)
{
	static char data[DATA];

	memset(data, 'x', sizeof(data));
	assert_int_equal(pwrite(fd, data, sizeof(data), 0), sizeof(data));
	assert_int_equal(pwrite(fd, "end", 3, DATA + HOLE), 3);
}

static void assert_same(int a_fd, int b_fd)
{
	static char a[DATA + HOLE + 4], b[DATA + HOLE + 4];
	const ssize_t len = DATA + HOLE + 3;

	assert_int_equal(pread(a_fd, a, sizeof(a), 0), len);
	assert_int_equal(pread(b_fd, b, sizeof(b), 0), len);
	assert_memory_equal(a, b, (size_t)len);
}

/* Between two file systems the kernel does not copy, and the bytes pass through the process. */
static void test_the_copy_is_the_same_and_holes_stay(void **state)
{
	(void)state;
	for (int kinds = 0; kinds < 4; kinds++) {
		const int from_fd = make_file(kinds & 1), to_fd = make_file(kinds >> 1);
		struct error err;
		struct stat st;

		fill(from_fd);
		assert_int_equal(checkpoint_copy(from_fd, to_fd, &err), 0);
		assert_same(from_fd, to_fd);
		assert_int_equal(fstat(to_fd, &st), 0);
		assert_true(st.st_blocks * 512 < DATA + HOLE);
		close(from_fd);
		close(to_fd);
	}
}

static void test_a_hole_at_the_end_stays(void **state)
{
	const int from_fd = make_file(1), to_fd = make_file(0);
	struct error err;
	struct stat st;

	(void)state;
	assert_int_equal(pwrite(from_fd, "data", 4, 0), 4);
	assert_int_equal(ftruncate(from_fd, HOLE), 0);
	assert_int_equal(checkpoint_copy(from_fd, to_fd, &err), 0);
	assert_int_equal(fstat(to_fd, &st), 0);
	assert_int_equal(st.st_size, HOLE);
	assert_true(st.st_blocks * 512 < HOLE);
	close(from_fd);
	close(to_fd);
}

/* A file of sysfs has one page by its size, and less in it; it knows nothing of holes. */
static void test_a_file_that_ends_early(void **state)
{
	const int from_fd = open("/sys/kernel/uevent_seqnum", O_RDONLY | O_CLOEXEC), to_fd = make_file(1);
	struct error err;

	(void)state;
	if (from_fd < 0)
		skip_because("there is no /sys/kernel/uevent_seqnum");
	assert_int_equal(checkpoint_copy(from_fd, to_fd, &err), -EIO);
	assert_string_equal(err.text, "copy the snapshot: it was truncated meanwhile");
	close(from_fd);
	close(to_fd);
}

static void test_what_cannot_be_copied(void **state)
{
	const int from_fd = make_file(1), to_fd = make_file(1);
	const int only_read_fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct error err;

	(void)state;
	fill(from_fd);
	assert_int_equal(checkpoint_copy(-1, to_fd, &err), -EBADF);
	assert_true(checkpoint_copy(from_fd, only_read_fd, &err) < 0);
	assert_non_null(strstr(err.text, "copy the snapshot"));
	close(from_fd);
	close(to_fd);
	close(only_read_fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_copy_is_the_same_and_holes_stay),
		cmocka_unit_test(test_a_hole_at_the_end_stays),
		cmocka_unit_test(test_a_file_that_ends_early),
		cmocka_unit_test(test_what_cannot_be_copied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
