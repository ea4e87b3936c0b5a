/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "terminal/terminal.h"
#include "util/error.h"

/* The root of an image: what it has at /dev/pts/ptmx is not trusted. */
static char root[] = "/tmp/krun-unit-XXXXXX";
static int root_fd = -1;

static int make_root(void **state)
{
	(void)state;
	if (!mkdtemp(root))
		return -1;
	root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return mkdirat(root_fd, "dev", 0755) < 0 || mkdirat(root_fd, "dev/pts", 0755) < 0 ? -1 : 0;
}

static int remove_root(void **state)
{
	(void)state;
	unlinkat(root_fd, "dev/pts/ptmx", 0);
	unlinkat(root_fd, "dev/pts", AT_REMOVEDIR);
	unlinkat(root_fd, "dev", AT_REMOVEDIR);
	close(root_fd);
	return rmdir(root);
}

static int open_terminal(struct error *err)
{
	int master, slave, r = terminal_open(root_fd, getuid(), 0, 0, &master, &slave, err);

	if (r == 0) {
		close(master);
		close(slave);
	}
	return r;
}

static void test_ptmx_that_is_something_else(void **state)
{
	struct error err = { 0 };

	(void)state;
	assert_int_equal(open_terminal(&err), -ENOENT);
	close(openat(root_fd, "dev/pts/ptmx", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	assert_int_equal(open_terminal(&err), -ENOTTY);
	assert_string_equal(err.text, "the container's 'dev/pts/ptmx' is another device");
	unlinkat(root_fd, "dev/pts/ptmx", 0);
}

/* A link is followed within the root, where there is none. */
static void test_ptmx_of_the_host(void **state)
{
	static const char *const targets[] = { "/dev/pts/ptmx", "/dev/ptmx",
					       "../../../../../../dev/pts/ptmx" };
	struct error err = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		assert_int_equal(symlinkat(targets[i], root_fd, "dev/pts/ptmx"), 0);
		assert_true(open_terminal(&err) < 0);
		unlinkat(root_fd, "dev/pts/ptmx", 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ptmx_that_is_something_else),
		cmocka_unit_test(test_ptmx_of_the_host),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
