/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ns/net_stats.h"

static const char header[] =
	"Inter-|   Receive                                                |  Transmit\n"
	" face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo "
	"colls carrier compressed\n";

static void parse(const char *lines, struct net_interface **list, size_t *len)
{
	char text[2048] = "";

	strcat(text, header);
	strcat(text, lines);
	assert_int_equal(net_stats_parse(text, list, len), 0);
}

static void test_interfaces(void **state)
{
	struct net_interface *list;
	size_t len;

	(void)state;
	parse("    lo:    3267      29    0    0    0     0          0         0     3267      29    0    0  "
	      "  0     0  "
	      "     0          0\n"
	      "  eth0: 348681813    6724    1    2    3     4          5         6   272977    3474    7    "
	      "8    9    "
	      "10      11         12\n"
	      "averylongname15:18446744073709551615 1 0 0 0 0 0 0 2 3 0 0 0 0 0 0\n",
	      &list, &len);
	assert_int_equal(len, 3);
	assert_string_equal(list[0].name, "lo");
	assert_int_equal(list[0].tx.packets, 29);
	assert_string_equal(list[1].name, "eth0");
	assert_int_equal(list[1].rx.bytes, 348681813);
	assert_int_equal(list[1].rx.packets, 6724);
	assert_int_equal(list[1].rx.errors, 1);
	assert_int_equal(list[1].rx.dropped, 2);
	assert_int_equal(list[1].tx.bytes, 272977);
	assert_int_equal(list[1].tx.packets, 3474);
	assert_int_equal(list[1].tx.errors, 7);
	assert_int_equal(list[1].tx.dropped, 8);
	assert_string_equal(list[2].name, "averylongname15");
	assert_true(list[2].rx.bytes == UINT64_MAX);
	free(list);
}

static void test_lines_that_are_none(void **state)
{
	struct net_interface *list;
	size_t len;

	(void)state;
	parse("", &list, &len);
	assert_int_equal(len, 0);
	free(list);
	parse(": 1 2 3 4 5 6 7 8 9 10 11 12\nanamethatistoolong: 1 2 3 4 5 6 7 8 9 10 11 12\neth0: 1 2 x",
	      &list, &len);
	assert_int_equal(len, 0);
	free(list);
	/* Characters that a name may have. */
	parse("  a\"b\\\xff|: 1 2 3 4 5 6 7 8 9 10 11 12\n", &list, &len);
	assert_int_equal(len, 1);
	assert_string_equal(list[0].name, "a\"b\\\xff|");
	assert_int_equal(list[0].tx.dropped, 12);
	free(list);
}

/* Processor time and not the clock's, so that a busy machine is not taken for a slow reader. */
static void test_many_interfaces_take_no_longer_each(void **state)
{
	enum { INTERFACES = 200000, LINE = 64, SECONDS = 5 };
	char *text = malloc((size_t)INTERFACES * LINE), *end = text;
	const clock_t start = clock();
	struct net_interface *list;
	size_t len;

	(void)state;
	assert_non_null(text);
	for (int i = 0; i < INTERFACES; i++)
		end += sprintf(end, "v%d: 1 2 3 4 0 0 0 0 5 6 7 8 0 0 0 0\n", i);
	assert_int_equal(net_stats_parse(text, &list, &len), 0);
	assert_int_equal(len, INTERFACES);
	assert_true((clock() - start) / CLOCKS_PER_SEC < SECONDS);
	free(list);
	free(text);
}

static void test_own_process(void **state)
{
	int fd = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct net_interface *list;
	size_t len;

	(void)state;
	assert_false(net_stats_is_foreign(fd));
	assert_int_equal(net_stats_read(fd, &list, &len), 0);
	free(list);
	close(fd);
	/* False when it cannot be told. */
	assert_false(net_stats_is_foreign(-1));
	assert_true(net_stats_read(-1, &list, &len) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_interfaces),
		cmocka_unit_test(test_lines_that_are_none),
		cmocka_unit_test(test_many_interfaces_take_no_longer_each),
		cmocka_unit_test(test_own_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
