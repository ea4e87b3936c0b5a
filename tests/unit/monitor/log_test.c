/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "monitor/log.h"
#include "util/array.h"
#include "util/error.h"

static void test_tail(void **state)
{
	static const struct {
		const char *text, *tail;
	} rows[] = {
		{ "", "" },
		{ "one\n", "one" },
		{ "one\n\ntwo", "one; two" },
		{ "one\nkm: Waiting for kill -SIGUSR1 12\n", "one" },
		{ "a\tb\033[2J\n", "a?b?[2J" },
		{ "\303\251 \303 \302\233 \377\360\n", "\303\251 ? ?? ??" },
		{ "0123456789012345678901234567890123456789\nlast\n", "last" },
		{ "0123456789012345678901234567890123456789#0123456789012345678901234567890",
		  "23456789#0123456789012345678901234567890" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char tail[80];

		monitor_log_tail(rows[i].text, strlen(rows[i].text), tail, sizeof(tail));
		assert_string_equal(tail, rows[i].tail);
	}
}

/* Opens the log as km does: by the path of its descriptor, truncated. */
static int open_as_km(int log_fd)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", log_fd);
	return open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
}

static void test_memfd_is_bounded(void **state)
{
	char directory[] = "/tmp/krun-unit-XXXXXX", line[1000];
	int dir_fd, log_fd, km_fd;
	struct error err = { 0 };
	size_t written = 0, len;
	char *text;
	ssize_t n;

	(void)state;
	assert_non_null(mkdtemp(directory));
	dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	log_fd = monitor_log_make_unnamed(dir_fd, true, &err);
	assert_true(log_fd >= 726);
	km_fd = open_as_km(log_fd);
	assert_true(km_fd >= 0);
	assert_int_equal(write(km_fd, "begin\n", 6), 6);
	assert_int_equal(monitor_log_bound(log_fd, &err), 0);
	/* A second call does nothing. */
	assert_int_equal(monitor_log_bound(log_fd, &err), 0);
	assert_int_equal(monitor_log_size(log_fd), 6);
	memset(line, 'x', sizeof(line));
	while ((n = write(km_fd, line, sizeof(line))) > 0)
		written += (size_t)n;
	assert_int_equal(errno, EPERM);
	assert_in_range(written, MONITOR_LOG_MAX - 4096 - 6, MONITOR_LOG_MAX);
	assert_true(open_as_km(log_fd) < 0);
	assert_true(ftruncate(km_fd, 1LL << 30) < 0);
	assert_int_equal(monitor_log_read(log_fd, 0, &text, &len), 0);
	assert_int_equal(len, written + 6);
	assert_memory_equal(text, "begin\nxxx", 9);
	free(text);
	close(km_fd);
	close(log_fd);
	close(dir_fd);
	rmdir(directory);
}

static void test_a_km_that_does_not_wait_gets_none(void **state)
{
	struct error err = { 0 };
	int dir_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), log_fd;
	struct stat st, null;

	(void)state;
	log_fd = monitor_log_make_unnamed(dir_fd, false, &err);
	assert_int_equal(fstat(log_fd, &st), 0);
	assert_int_equal(stat("/dev/null", &null), 0);
	assert_int_equal(st.st_rdev, null.st_rdev);
	assert_int_equal(monitor_log_bound(log_fd, &err), 0);
	assert_int_equal(monitor_log_size(log_fd), 0);
	close(log_fd);
	close(dir_fd);
}

static void test_errors_get_the_tail(void **state)
{
	struct error err = { 0 };
	FILE *file = tmpfile();

	(void)state;
	fputs("first\nlast\n", file);
	fflush(file);
	error_set(&err, -ETIMEDOUT, "km is slow");
	assert_int_equal(monitor_log_explain(fileno(file), &err), -ETIMEDOUT);
	assert_string_equal(err.text, "km is slow; km's last words: first; last");
	error_set(&err, -EINVAL, "no log");
	monitor_log_explain(-1, &err);
	assert_string_equal(err.text, "no log");
	fclose(file);
}

/* The payload may put any file at the number of km's log. */
static void test_only_a_sealed_memfd_is_the_log_of_a_process(void **state)
{
	enum { KM_LOG_FD = 731 };
	struct rlimit limit;
	int file_fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int log_fd = memfd_create("km", MFD_CLOEXEC | MFD_ALLOW_SEALING), fd;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	if (limit.rlim_cur <= KM_LOG_FD)
		skip_because("not as many descriptors as km has");
	assert_int_equal(monitor_log_open_of(getpid()), -ENOENT);
	assert_int_equal(dup2(file_fd, KM_LOG_FD), KM_LOG_FD);
	assert_int_equal(monitor_log_open_of(getpid()), -ENOENT);
	assert_int_equal(dup2(log_fd, KM_LOG_FD), KM_LOG_FD);
	assert_int_equal(monitor_log_open_of(getpid()), -ENOENT);
	assert_int_equal(fcntl(log_fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SEAL), 0);
	fd = monitor_log_open_of(getpid());
	assert_true(fd >= 0);
	close(fd);
	close(KM_LOG_FD);
	close(log_fd);
	close(file_fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tail),
		cmocka_unit_test(test_memfd_is_bounded),
		cmocka_unit_test(test_a_km_that_does_not_wait_gets_none),
		cmocka_unit_test(test_errors_get_the_tail),
		cmocka_unit_test(test_only_a_sealed_memfd_is_the_log_of_a_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
