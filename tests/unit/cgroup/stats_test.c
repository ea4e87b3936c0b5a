/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "cgroup/events.h"
#include "cgroup/stats.h"
#include "util/array.h"
#include "util/error.h"

/* ---- parsers ------------------------------------------------------------------------------------------- */

static void test_numbers(void **state)
{
	static const struct {
		const char *text;
		bool set;
		uint64_t value;
	} rows[] = {
		{ "0", true, 0 },
		{ "4096\n", true, 4096 },
		{ "max", true, CGROUP_NO_LIMIT },
		{ "max\n", true, CGROUP_NO_LIMIT },
		{ "18446744073709551614", true, UINT64_MAX - 1 },
		{ "5 6", true, 5 },
		{ "18446744073709551616", false, 0 },
		{ "", false, 0 },
		{ "-1", false, 0 },
		{ "maximum", false, 0 },
		{ "12x", false, 0 },
		{ " 1", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cgroup_number number = cgroup_parse_number(rows[i].text);

		if (number.set != rows[i].set || number.value != rows[i].value)
			fail_msg("'%s'", rows[i].text);
	}
}

static const char cpu_stat[] = "usage_usec 221324\nuser_usec 28168\nsystem_usec 193156\n"
			       "core_sched.force_idle_usec 0\nnr_periods 8\nnr_throttled 3\n"
			       "throttled_usec 73858\nnr_bursts 0\nburst_usec 0\n";
static const char memory_stat[] = "anon 57344\nfile 8388608\nkernel 335872\nkernel_stack 0\nsock 4096\n"
				  "inactive_file 8380416\nworkingset_refault_file 7\n";

static void test_keys(void **state)
{
	(void)state;
	assert_int_equal(cgroup_parse_key(cpu_stat, "user_usec").value, 28168);
	assert_int_equal(cgroup_parse_key(cpu_stat, "burst_usec").value, 0);
	assert_true(cgroup_parse_key(cpu_stat, "burst_usec").set);
	/* A key matches neither the end nor the beginning of another one. */
	assert_false(cgroup_parse_key(cpu_stat, "usec").set);
	assert_false(cgroup_parse_key(cpu_stat, "user").set);
	assert_int_equal(cgroup_parse_key(memory_stat, "file").value, 8388608);
	assert_false(cgroup_parse_key("", "file").set);
	assert_false(cgroup_parse_key("file", "file").set);
}

static void test_entries(void **state)
{
	struct cgroup_entry *entries;
	struct arena arena = { 0 };
	size_t len;

	(void)state;
	assert_int_equal(cgroup_parse_entries(memory_stat, &arena, &entries, &len), 0);
	assert_int_equal(len, 7);
	assert_string_equal(entries[0].name, "anon");
	assert_int_equal(entries[0].value, 57344);
	assert_string_equal(entries[6].name, "workingset_refault_file");
	assert_int_equal(entries[6].value, 7);
	assert_int_equal(cgroup_parse_entries("a 1\n\nb\n 3\nc x\nd 4 5\ne 6", &arena, &entries, &len), 0);
	assert_int_equal(len, 3);
	assert_string_equal(entries[1].name, "d");
	assert_int_equal(entries[2].value, 6);
	assert_int_equal(cgroup_parse_entries("", &arena, &entries, &len), 0);
	assert_int_equal(len, 0);
	arena_done(&arena);
}

static void test_pressure(void **state)
{
	struct cgroup_pressure pressure =
		cgroup_parse_pressure("some avg10=0.59 avg60=12.07 avg300=100.00 total=83072\n"
				      "full avg10=0.00 avg60=0.00 avg300=0.10 total=18446744073709551615\n");

	(void)state;
	assert_true(pressure.some.set);
	assert_int_equal(pressure.some.avg10, 59);
	assert_int_equal(pressure.some.avg60, 1207);
	assert_int_equal(pressure.some.avg300, 10000);
	assert_int_equal(pressure.some.total, 83072);
	assert_int_equal(pressure.full.avg300, 10);
	assert_true(pressure.full.total == UINT64_MAX);
	/* Linux before 5.13 has no "full" for the processor. */
	pressure = cgroup_parse_pressure("some avg10=1.00 avg60=0.00 avg300=0.00 total=1\n");
	assert_true(pressure.some.set);
	assert_false(pressure.full.set);
	pressure = cgroup_parse_pressure("");
	assert_false(pressure.some.set || pressure.full.set);
	assert_false(cgroup_parse_pressure("some avg10=0.00 avg60=0.00\n").some.set);
}

static void test_io(void **state)
{
	struct arena arena = { 0 };
	struct cgroup_io *io;
	size_t len;

	(void)state;
	assert_int_equal(
		cgroup_parse_io("8:16 rbytes=1459200 wbytes=314773504 rios=192 wios=353 dbytes=5 dios=6\n"
				"254:0 rbytes=0 wbytes=8388608 rios=0 wios=10 dbytes=0 dios=0 cost.usage=9\n",
				&arena, &io, &len),
		0);
	assert_int_equal(len, 2);
	assert_int_equal(io[0].major, 8);
	assert_int_equal(io[0].minor, 16);
	assert_int_equal(io[0].read_bytes, 1459200);
	assert_int_equal(io[0].written_bytes, 314773504);
	assert_int_equal(io[0].discarded_bytes, 5);
	assert_int_equal(io[0].reads, 192);
	assert_int_equal(io[0].writes, 353);
	assert_int_equal(io[0].discards, 6);
	assert_int_equal(io[1].major, 254);
	assert_int_equal(io[1].writes, 10);
	/* Devices without counters, with and without a newline. */
	assert_int_equal(cgroup_parse_io("7:0 7:1 \n252:0 cost.usage=1\n8:0 wios=4\n", &arena, &io, &len), 0);
	assert_int_equal(len, 1);
	assert_int_equal(io[0].major, 8);
	assert_int_equal(io[0].writes, 4);
	assert_int_equal(cgroup_parse_io("rbytes=5 8:0x rbytes=5 8: :8\n", &arena, &io, &len), 0);
	assert_int_equal(len, 0);
	assert_int_equal(cgroup_parse_io("", &arena, &io, &len), 0);
	assert_int_equal(len, 0);
	arena_done(&arena);
}

static void test_rdma(void **state)
{
	struct arena arena = { 0 };
	struct cgroup_rdma *rdma;
	size_t len;

	(void)state;
	assert_int_equal(cgroup_parse_rdma("mlx4_0 hca_handle=2 hca_object=2000\n"
					   "ocrdma1 hca_handle=3 hca_object=max\n",
					   &arena, &rdma, &len),
			 0);
	assert_int_equal(len, 2);
	assert_string_equal(rdma[0].device, "mlx4_0");
	assert_int_equal(rdma[0].handles, 2);
	assert_int_equal(rdma[0].objects, 2000);
	assert_string_equal(rdma[1].device, "ocrdma1");
	assert_int_equal(rdma[1].objects, CGROUP_RDMA_NO_LIMIT);
	assert_int_equal(cgroup_parse_rdma("a b c d e", &arena, &rdma, &len), 0);
	assert_int_equal(len, 5);
	arena_done(&arena);
}

/* ---- a directory that looks like a cgroup -------------------------------------------------------------- */

static char dir[] = "/tmp/krun-unit-XXXXXX";
static char path[] = "/krun/box";
static struct cgroup cgroup = { .place = { .path = path }, .dir_fd = -1, .holder_fd = -1 };

static void put(const char *name, const char *text)
{
	int fd = openat(cgroup.dir_fd, name, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static int set_up(void **state)
{
	(void)state;
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	cgroup.dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return cgroup.dir_fd < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	char command[64];

	(void)state;
	close(cgroup.dir_fd);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static void test_everything_that_a_group_can_have(void **state)
{
	struct cgroup_stats stats;
	struct cgroup_usage both;
	struct error err = { 0 };

	(void)state;
	put("cpu.stat", cpu_stat);
	put("cpu.pressure", "some avg10=0.59 avg60=0.12 avg300=0.02 total=83072\n");
	put("cpuset.cpus.effective", "0-2,5\n");
	put("cpuset.mems.effective", "1\n");
	put("memory.current", "8781824\n");
	put("memory.max", "67108864\n");
	put("memory.peak", "10022912\n");
	put("memory.events", "low 0\nhigh 0\nmax 13\noom 2\noom_kill 1\noom_group_kill 0\n");
	put("memory.stat", memory_stat);
	put("memory.swap.current", "4096\n");
	put("memory.swap.max", "8192\n");
	put("memory.swap.events", "high 0\nmax 3\nfail 4\n");
	put("pids.current", "7\n");
	put("pids.max", "max\n");
	put("io.stat", "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n");
	put("hugetlb.2MB.current", "4194304\n");
	put("hugetlb.2MB.max", "8388608\n");
	put("hugetlb.2MB.events", "max 9\n");
	put("hugetlb.2MB.rsvd.current", "1\n");
	put("rdma.current", "mlx4_0 hca_handle=2 hca_object=2000\n");
	put("rdma.max", "mlx4_0 hca_handle=max hca_object=max\n");
	assert_int_equal(cgroup_stats_read(&cgroup, &stats, &err), 0);
	assert_int_equal(stats.cpu_total.value, 221324000);
	assert_int_equal(stats.cpu_user.value, 28168000);
	assert_int_equal(stats.cpu_system.value, 193156000);
	assert_int_equal(stats.cpu_periods.value, 8);
	assert_int_equal(stats.cpu_throttled_periods.value, 3);
	assert_int_equal(stats.cpu_throttled_time.value, 73858000);
	assert_int_equal(stats.cpu_pressure.some.avg10, 59);
	assert_true(stats.has_cpus && stats.has_nodes);
	assert_int_equal(stats.cpus[0], 0x27);
	assert_int_equal(stats.nodes[0], 2);
	assert_int_equal(stats.memory.usage.value, 8781824);
	assert_int_equal(stats.memory.limit.value, 67108864);
	assert_int_equal(stats.memory.peak.value, 10022912);
	assert_int_equal(stats.memory.failures.value, 13);
	assert_int_equal(stats.memory_cache.value, 8388608);
	assert_int_equal(stats.memory_inactive_file.value, 8380416);
	assert_int_equal(stats.memory_kernel.value, 335872);
	assert_int_equal(stats.memory_sockets.value, 4096);
	assert_int_equal(stats.memory_stat_len, 7);
	both = cgroup_memory_and_swap(&stats);
	assert_int_equal(both.usage.value, 8781824 + 4096);
	assert_int_equal(both.limit.value, 67108864 + 8192);
	assert_int_equal(both.failures.value, 3);
	assert_false(both.peak.set);
	assert_int_equal(stats.pids.value, 7);
	assert_true(stats.pids_limit.value == CGROUP_NO_LIMIT);
	assert_true(stats.has_io);
	assert_int_equal(stats.io_len, 1);
	assert_int_equal(stats.hugetlb_len, 1);
	assert_string_equal(stats.hugetlb[0].size, "2MB");
	assert_int_equal(stats.hugetlb[0].usage.usage.value, 4194304);
	assert_int_equal(stats.hugetlb[0].usage.limit.value, 8388608);
	assert_int_equal(stats.hugetlb[0].usage.failures.value, 9);
	assert_int_equal(stats.rdma_len, 1);
	assert_int_equal(stats.rdma_limits[0].handles, CGROUP_RDMA_NO_LIMIT);
	cgroup_stats_done(&stats);
}

static void test_no_limit_and_anything_is_no_limit(void **state)
{
	const struct cgroup_stats stats = {
		.memory = { .limit = { true, 4096 }, .usage = { true, 1 } },
		.swap = { .limit = { true, CGROUP_NO_LIMIT }, .usage = { true, 2 } },
	};

	(void)state;
	assert_true(cgroup_memory_and_swap(&stats).limit.value == CGROUP_NO_LIMIT);
	assert_int_equal(cgroup_memory_and_swap(&stats).usage.value, 3);
	/* No sum without both numbers. */
	assert_false(cgroup_memory_and_swap(&(struct cgroup_stats){ .memory = stats.memory }).usage.set);
}

static void test_what_is_not_there_is_not_set(void **state)
{
	struct cgroup_stats stats;
	struct error err = { 0 };

	(void)state;
	put("cpu.stat", "usage_usec 1\nuser_usec 1\nsystem_usec 0\n");
	assert_int_equal(cgroup_stats_read(&cgroup, &stats, &err), 0);
	assert_true(stats.cpu_total.set);
	assert_false(stats.cpu_periods.set || stats.cpu_pressure.some.set || stats.has_cpus ||
		     stats.has_nodes || stats.memory.usage.set || stats.memory.failures.set ||
		     stats.memory_cache.set || stats.swap.usage.set || stats.pids.set || stats.has_io);
	assert_int_equal(stats.memory_stat_len + stats.io_len + stats.hugetlb_len + stats.rdma_len, 0);
	cgroup_stats_done(&stats);
}

/* The container may own the directory, and use the names of files whose controller is not enabled. */
static void test_directories_with_names_of_files(void **state)
{
	static const char *const names[] = { "memory.current", "memory.events", "memory.stat",
					     "pids.current",   "io.stat",	"hugetlb.evil.current",
					     "cpu.pressure",   "rdma.current",	"cpuset.cpus.effective" };
	struct cgroup_memory_events events;
	struct cgroup_stats stats;
	struct error err = { 0 };
	int fd;

	(void)state;
	put("cpu.stat", cpu_stat);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_int_equal(mkdirat(cgroup.dir_fd, names[i], 0700), 0);
	assert_int_equal(cgroup_stats_read(&cgroup, &stats, &err), 0);
	assert_false(stats.memory.usage.set || stats.pids.set || stats.has_io || stats.has_cpus);
	assert_int_equal(stats.memory_stat_len + stats.hugetlb_len + stats.rdma_len, 0);
	cgroup_stats_done(&stats);
	fd = cgroup_memory_events_open(cgroup.dir_fd);
	assert_true(fd >= 0);
	assert_int_equal(cgroup_memory_events_read(fd, &events), -EISDIR);
	close(fd);
}

static void test_group_that_is_gone(void **state)
{
	struct cgroup_stats stats;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(cgroup_stats_read(&cgroup, &stats, &err), -ENODEV);
	assert_string_equal(err.text, "cgroup '/krun/box' is gone");
	assert_int_equal(cgroup_memory_events_open(cgroup.dir_fd), -ENOENT);
}

static void test_memory_events(void **state)
{
	struct cgroup_memory_events events;
	int fd;

	(void)state;
	put("memory.events", "low 0\nhigh 5\nmax 13\noom 3\noom_kill 2\noom_group_kill 1\n");
	fd = cgroup_memory_events_open(cgroup.dir_fd);
	assert_int_equal(cgroup_memory_events_read(fd, &events), 0);
	assert_int_equal(events.oom, 3);
	assert_int_equal(events.oom_kill, 2);
	put("memory.events", "low 0\nhigh 5\nmax 13\noom 3\noom_kill 4\n");
	assert_int_equal(cgroup_memory_events_read(fd, &events), 0);
	assert_int_equal(events.oom_kill, 4);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_entries),
		cmocka_unit_test(test_pressure),
		cmocka_unit_test(test_io),
		cmocka_unit_test(test_rdma),
		cmocka_unit_test(test_no_limit_and_anything_is_no_limit),
		cmocka_unit_test_setup_teardown(test_everything_that_a_group_can_have, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_is_not_there_is_not_set, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_directories_with_names_of_files, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_group_that_is_gone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_memory_events, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
