/* SPDX-License-Identifier: Apache-2.0 */
#include "../directory.h"
#include "../test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/io.h"

static int write_file(const char *text)
{
	auto_close int fd = openat(dir_fd, "file", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	return fd < 0 ? -errno : io_write_all(fd, text, strlen(text));
}

static void test_io_read_file_has_a_limit(void **state)
{
	char *text = NULL;

	(void)state;
	assert_int_equal(write_file("0123456789"), 0);
	assert_int_equal(io_read_file(dir_fd, "file", 9, &text, NULL), -EFBIG);
	assert_null(text);
	assert_int_equal(io_read_file(dir_fd, "file", 10, &text, NULL), 0);
	free(text);
}

static void test_io_read_small_cuts_one_newline(void **state)
{
	char buffer[8];

	(void)state;
	assert_int_equal(write_file("max\n"), 0);
	assert_int_equal(io_read_small(dir_fd, "file", buffer, sizeof(buffer)), 3);
	assert_string_equal(buffer, "max");
	assert_int_equal(io_read_small(dir_fd, "file", buffer, 4), -EFBIG);
	assert_int_equal(io_read_small(dir_fd, "absent", buffer, sizeof(buffer)), -ENOENT);
}

static void test_io_write_existing_makes_no_file(void **state)
{
	(void)state;
	assert_int_equal(io_write_existing(dir_fd, "absent", "x"), -ENOENT);
	assert_int_equal(faccessat(dir_fd, "absent", F_OK, 0), -1);
}

static void test_io_read_start_takes_what_fits(void **state)
{
	char buffer[5];

	(void)state;
	assert_int_equal(write_file("0123456789"), 0);
	assert_int_equal(io_read_start(dir_fd, "file", buffer, sizeof(buffer)), 4);
	assert_string_equal(buffer, "0123");
	assert_int_equal(io_read_start(dir_fd, "absent", buffer, sizeof(buffer)), -ENOENT);
}

/* Opening a FIFO would block, opening a device may act, and a link may lead to either. */
static void test_io_read_regular_opens_nothing_else(void **state)
{
	char *text = NULL;

	(void)state;
	assert_int_equal(write_file("text"), 0);
	assert_int_equal(io_read_regular(dir_fd, "file", 3, &text, NULL), -EFBIG);
	assert_int_equal(io_read_regular(dir_fd, "file", 4, &text, NULL), 0);
	assert_string_equal(text, "text");
	free(text);
	text = NULL;
	unlinkat(dir_fd, "file", 0);
	assert_int_equal(mkfifoat(dir_fd, "file", 0600), 0);
	assert_int_equal(io_read_regular(dir_fd, "file", 4, &text, NULL), -EINVAL);
	unlinkat(dir_fd, "file", 0);
	assert_int_equal(symlinkat("/dev/zero", dir_fd, "file"), 0);
	assert_int_equal(io_read_regular(dir_fd, "file", 4, &text, NULL), -ELOOP);
	assert_int_equal(io_read_regular(AT_FDCWD, "/dev/null", 4, &text, NULL), -EINVAL);
	assert_null(text);
}

static void test_io_append_waits_for_no_reader(void **state)
{
	char path[64], data[4096] = { 0 };
	int fds[2], fd, r;

	(void)state;
	snprintf(path, sizeof(path), "/proc/self/fd/%d/fifo", dir_fd);
	assert_int_equal(mkfifoat(dir_fd, "fifo", 0600), 0);
	assert_int_equal(io_open_append(path, 0600), -ENXIO);
	assert_int_equal(unlinkat(dir_fd, "fifo", 0), 0);
	fd = io_open_append(path, 0600);
	assert_true(fd >= 0);
	assert_int_equal(io_append(fd, "text", 4), 0);
	close(fd);
	unlinkat(dir_fd, "fifo", 0);
	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	do
		r = io_append(fds[1], data, sizeof(data));
	while (r == 0);
	assert_int_equal(r, -EAGAIN);
	close(fds[0]);
	assert_int_equal(io_append(fds[1], data, sizeof(data)), -EPIPE);
	close(fds[1]);
}

/* open(2) of a FIFO without O_NONBLOCK would wait for its writer, without an end. */
static void test_a_fifo_is_read_when_its_writer_writes(void **state)
{
	auto_free char *text = NULL;
	pid_t pid;

	(void)state;
	assert_int_equal(mkfifoat(dir_fd, "pipe", 0600), 0);
	pid = fork();
	if (pid == 0) {
		const int fd = openat(dir_fd, "pipe", O_WRONLY);

		usleep(100000);
		_exit(write(fd, "first", 5) != 5 || usleep(100000) != 0 || write(fd, " last", 5) != 5);
	}
	assert_int_equal(io_read_file(dir_fd, "pipe", 100, &text, NULL), 0);
	assert_string_equal(text, "first last");
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	unlinkat(dir_fd, "pipe", 0);
}

static void test_a_socket_whose_other_side_does_nothing_has_a_limit(void **state)
{
	char byte = 0;
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	io_limit_socket(fds[0], 50);
	assert_int_equal(recv(fds[0], &byte, 1, 0), -1);
	assert_int_equal(io_socket_error(errno), -ETIMEDOUT);
	while (send(fds[0], &byte, 1, MSG_NOSIGNAL) == 1)
		continue;
	assert_int_equal(io_socket_error(errno), -ETIMEDOUT);
	close(fds[1]);
	assert_int_equal(send(fds[0], &byte, 1, MSG_NOSIGNAL), -1);
	assert_int_equal(io_socket_error(errno), -EPIPE);
	close(fds[0]);
}

static void a_descriptor_is_duplicated_above_a_number_or_below_the_limit(void **state)
{
	auto_close int above = -1, below = -1;
	struct rlimit before;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 1200, before.rlim_max }), 0);
	above = io_dup_above(dir_fd, 1024, 300);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 512, before.rlim_max }), 0);
	below = io_dup_above(dir_fd, 1024, 300);
	assert_int_equal(io_dup_above(dir_fd, 1024, 512), -EINVAL);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(above, 1024);
	assert_int_equal(below, 300);
	assert_int_equal(fcntl(above, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(below, F_GETFD), FD_CLOEXEC);
	assert_int_equal(io_dup_above(-1, 1024, 300), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_descriptor_is_duplicated_above_a_number_or_below_the_limit),
		cmocka_unit_test(test_io_read_file_has_a_limit),
		cmocka_unit_test(test_io_write_existing_makes_no_file),
		cmocka_unit_test(test_io_read_small_cuts_one_newline),
		cmocka_unit_test(test_io_read_start_takes_what_fits),
		cmocka_unit_test(test_io_read_regular_opens_nothing_else),
		cmocka_unit_test(test_io_append_waits_for_no_reader),
		cmocka_unit_test(test_a_fifo_is_read_when_its_writer_writes),
		cmocka_unit_test(test_a_socket_whose_other_side_does_nothing_has_a_limit),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
