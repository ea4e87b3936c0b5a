/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <sys/socket.h>
#include <unistd.h>

#include "monitor/monitor.h"

/* The payload may listen in km's place. */
static void test_only_km_is_the_peer(void **state)
{
	int fds[2], other = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_true(km_is_peer(fds[0], getpid()));
	assert_false(km_is_peer(fds[0], getpid() + 1));
	assert_false(km_is_peer(other, getpid()));
	close(fds[0]);
	close(fds[1]);
	close(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_km_is_the_peer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
