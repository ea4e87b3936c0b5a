/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "terminal/terminal.h"
#include "util/error.h"

static char dir[] = "/tmp/krun-unit-XXXXXX";

static int setup(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	return rmdir(dir);
}

static void test_the_terminal_has_its_size_and_owner(void **state)
{
	int root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), master_fd, slave_fd;
	struct winsize size;
	struct error err = { 0 };
	struct stat st;

	(void)state;
	skip_if_emulated("TIOCGPTPEER of ioctl(2)");
	if (access("/dev/pts/ptmx", R_OK | W_OK) < 0 && access("/dev/ptmx", R_OK | W_OK) < 0)
		skip_because("there is no /dev/ptmx");
	assert_int_equal(terminal_open(root_fd, getuid(), 12, 34, &master_fd, &slave_fd, &err), 0);
	assert_int_equal(ioctl(slave_fd, TIOCGWINSZ, &size), 0);
	assert_int_equal(size.ws_row, 12);
	assert_int_equal(size.ws_col, 34);
	assert_int_equal(fstat(slave_fd, &st), 0);
	assert_int_equal(st.st_uid, getuid());
	assert_int_equal(fcntl(master_fd, F_GETFD) & fcntl(slave_fd, F_GETFD), FD_CLOEXEC);
	close(master_fd);
	close(slave_fd);
	if (getuid() == 0) {
		assert_int_equal(terminal_open(root_fd, 1234, 0, 0, &master_fd, &slave_fd, &err), 0);
		assert_int_equal(fstat(slave_fd, &st), 0);
		assert_int_equal(st.st_uid, 1234);
		close(master_fd);
		close(slave_fd);
	}
	close(root_fd);
}

/* The root of the image decides what is at that name: nothing, or anything but a ptmx. */
static void test_only_a_ptmx_is_a_ptmx(void **state)
{
	int root_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC), master_fd = -1, slave_fd = -1;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(terminal_open(root_fd, 0, 0, 0, &master_fd, &slave_fd, &err), -ENOENT);
	assert_string_equal(err.text, "open the container's 'dev/pts/ptmx': missing (ENOENT)");
	assert_int_equal(mkdirat(root_fd, "dev", 0755), 0);
	close(openat(root_fd, "dev/ptmx", O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	assert_int_equal(terminal_open(root_fd, 0, 0, 0, &master_fd, &slave_fd, &err), -ENOTTY);
	assert_string_equal(err.text, "the container's 'dev/pts/ptmx' is another device");
	assert_int_equal(master_fd, -1);
	assert_int_equal(slave_fd, -1);
	assert_int_equal(unlinkat(root_fd, "dev/ptmx", 0), 0);
	assert_int_equal(unlinkat(root_fd, "dev", AT_REMOVEDIR), 0);
	close(root_fd);
}

/* Runs terminal_attach() in a process of its own; returns its status: 0, or 1 with an error. */
static int attach(int slave_fd, int leads_session)
{
	struct error err;
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		if (leads_session)
			setsid();
		if (terminal_attach(slave_fd, &err) < 0)
			_exit(1);
		_exit(isatty(0) && isatty(1) && isatty(2) && tcgetsid(0) == getpid() ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_attach(void **state)
{
	int master_fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), slave_fd;

	(void)state;
	assert_true(master_fd >= 0);
	assert_int_equal(unlockpt(master_fd), 0);
	slave_fd = ioctl(master_fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(slave_fd >= 0);
	assert_int_equal(attach(slave_fd, 0), 1);
	assert_int_equal(attach(slave_fd, 1), 0);
	close(slave_fd);
	close(master_fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_terminal_has_its_size_and_owner),
		cmocka_unit_test(test_only_a_ptmx_is_a_ptmx),
		cmocka_unit_test(test_attach),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
