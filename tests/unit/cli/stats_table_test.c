/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <stdlib.h>
#include <string.h>

#include "cli/stats_text.h"
#include "container/events.h"
#include "util/array.h"

#define SECOND UINT64_C(1000000000)
#define MIB (UINT64_C(1) << 20)

static void test_bytes(void **state)
{
	static const struct {
		uint64_t bytes;
		unsigned int base;
		const char *text;
	} rows[] = {
		{ 0, 1024, "0B" },
		{ 1023, 1024, "1023B" },
		{ 1024, 1024, "1KiB" },
		{ 1536, 1024, "1.5KiB" },
		{ 64 * MIB, 1024, "64MiB" },
		{ 1023 * MIB + MIB / 2, 1024, "0.9995GiB" },
		{ UINT64_MAX - 1, 1024, "16EiB" },
		{ 999, 1000, "999B" },
		{ 1000, 1000, "1kB" },
		{ 8388608, 1000, "8.389MB" },
		{ 999950, 1000, "1MB" },
		{ 999940, 1000, "999.9kB" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[32];

		stats_bytes(rows[i].bytes, rows[i].base, text, sizeof(text));
		assert_string_equal(text, rows[i].text);
	}
}

static void check_text(const struct stats_table *table, const char *expect)
{
	char *text = stats_table_text(table);

	assert_string_equal(text, expect);
	free(text);
}

static void test_two_samples_make_a_percentage(void **state)
{
	static struct net_interface interfaces[] = {
		{ "lo", { .bytes = 5 }, { .bytes = 5 } },
		{ "eth0", { .bytes = 1000 }, { .bytes = 2000 } },
		{ "eth1", { .bytes = 500 }, { .bytes = 0 } },
	};
	static struct cgroup_io io[] = { { .read_bytes = 1000 }, { .read_bytes = 1, .written_bytes = 3000 } };
	struct container_sample sample = {
		.id = "web",
		.time = SECOND,
		.cgroup = {
			.cpu_total = { true, SECOND },
			.memory = { .usage = { true, 20 * MIB }, .limit = { true, 64 * MIB } },
			.memory_inactive_file = { true, 4 * MIB },
			.pids = { true, 3 },
			.has_io = true,
			.io = io,
			.io_len = 2,
		},
		.interfaces = interfaces,
		.interfaces_len = 3,
	};
	struct stats_table table = { .host_memory = 1024 * MIB };

	(void)state;
	check_text(&table, "ID   CPU %   MEM USAGE / LIMIT   MEM %   NET I/O   BLOCK I/O   PIDS\n");
	assert_int_equal(stats_table_put(&table, &sample), 0);
	check_text(&table, "ID    CPU %   MEM USAGE / LIMIT   MEM %    NET I/O       BLOCK I/O       PIDS\n"
			   "web   -       16MiB / 64MiB       25.00%   1.5kB / 2kB   1.001kB / 3kB   3\n");
	/* Two processors are busy for half a second. */
	sample.time += SECOND / 2;
	sample.cgroup.cpu_total.value += SECOND;
	sample.cgroup.memory.limit.value = CGROUP_NO_LIMIT;
	assert_int_equal(stats_table_put(&table, &sample), 0);
	check_text(&table, "ID    CPU %     MEM USAGE / LIMIT   MEM %   NET I/O       BLOCK I/O       PIDS\n"
			   "web   200.00%   16MiB / 1GiB        1.56%   1.5kB / 2kB   1.001kB / 3kB   3\n");
	stats_table_done(&table);
}

static void test_what_is_not_counted_and_who_has_ended(void **state)
{
	struct container_sample first = { .id = "a-longer-one",
					  .time = 5,
					  .cgroup = { .cpu_total = { true, 7 } } };
	struct container_sample second = { .id = "b", .time = 6, .cgroup = { .cpu_total = { true, 7 } } };
	struct stats_table table = { .host_memory = 1024 * MIB };

	(void)state;
	assert_int_equal(stats_table_put(&table, &first), 0);
	assert_int_equal(stats_table_put(&table, &second), 0);
	first.time = 1005;
	first.has_ended = true;
	assert_int_equal(stats_table_put(&table, &first), 0);
	check_text(&table, "ID             CPU %   MEM USAGE / LIMIT   MEM %   NET I/O   BLOCK I/O   PIDS\n"
			   "a-longer-one   0.00%   - / -               -       - / -     - / -       -\n"
			   "b              -       - / -               -       - / -     - / -       -\n");
	stats_table_forget(&table);
	check_text(&table, "ID   CPU %   MEM USAGE / LIMIT   MEM %   NET I/O   BLOCK I/O   PIDS\n"
			   "b    -       - / -               -       - / -     - / -       -\n");
	/* A new container of the same id does not continue the samples of the old one. */
	first.has_ended = false;
	assert_int_equal(stats_table_put(&table, &first), 0);
	assert_true(table.rows[1].cpu < 0);
	stats_table_done(&table);
}

static void test_lines_on_a_terminal(void **state)
{
	(void)state;
	assert_int_equal(stats_lines("", 80), 0);
	assert_int_equal(stats_lines("a\nb\n", 80), 2);
	assert_int_equal(stats_lines("1234567890\n", 10), 1);
	assert_int_equal(stats_lines("12345678901\n\n", 10), 3);
	assert_int_equal(stats_lines("1234567890123456789012\n", 10), 3);
	assert_int_equal(stats_lines("1234567890123456789012\n", 0), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_two_samples_make_a_percentage),
		cmocka_unit_test(test_what_is_not_counted_and_who_has_ended),
		cmocka_unit_test(test_lines_on_a_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
