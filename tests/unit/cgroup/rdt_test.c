/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup/rdt.h"
#include "spec/spec.h"
#include "util/error.h"

/* A directory that looks like resctrl, where each class has "schemata", "tasks" and "mon_groups". */
static char dir[] = "/tmp/krun-unit-XXXXXX";
static int root_fd;

static void put(const char *path, const char *text)
{
	int fd = openat(root_fd, path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void check(const char *path, const char *expect)
{
	char text[512] = "";
	int fd = openat(root_fd, path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		fail_msg("%s is missing", path);
	assert_true(read(fd, text, sizeof(text) - 1) >= 0);
	assert_string_equal(text, expect);
	close(fd);
}

static void make_class(const char *name, const char *schemata)
{
	char path[128];

	if (strcmp(name, ".") != 0)
		assert_int_equal(mkdirat(root_fd, name, 0700), 0);
	snprintf(path, sizeof(path), "%s/schemata", name);
	put(path, schemata);
	snprintf(path, sizeof(path), "%s/tasks", name);
	put(path, "");
	snprintf(path, sizeof(path), "%s/mon_groups", name);
	assert_int_equal(mkdirat(root_fd, path, 0700), 0);
}

static int set_up(void **state)
{
	(void)state;
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	root_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	make_class(".", "");
	return 0;
}

static int tear_down(void **state)
{
	char command[64];

	(void)state;
	close(root_fd);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static int prepare(const struct spec_rdt *rdt, struct rdt_group *group, struct error *err)
{
	return rdt_prepare(root_fd, rdt, "box", group, err);
}

static void test_class_that_exists_is_joined(void **state)
{
	const struct spec_rdt rdt = { .clos_id = "gold", .enable_monitoring = true };
	struct error err = { 0 };
	struct rdt_group group;

	(void)state;
	make_class("gold", "L3:0=f\n");
	assert_int_equal(prepare(&rdt, &group, &err), 0);
	assert_string_equal(group.name, "gold");
	assert_true(group.monitoring);
	put("gold/mon_groups/box/tasks", "");
	assert_int_equal(rdt_add(root_fd, &group, "box", 77, &err), 0);
	check("gold/tasks", "77");
	check("gold/mon_groups/box/tasks", "77");
	check("gold/schemata", "L3:0=f\n");
	unlinkat(root_fd, "gold/mon_groups/box/tasks", 0);
	assert_int_equal(rdt_remove(root_fd, &group, "box", &err), 0);
	assert_int_equal(faccessat(root_fd, "gold/tasks", F_OK, 0), 0);
	assert_int_equal(faccessat(root_fd, "gold/mon_groups/box", F_OK, 0), -1);
	free(group.name);
}

static void test_class_that_is_missing_is_an_error_without_a_schema(void **state)
{
	const struct spec_rdt rdt = { .clos_id = "gold" };
	struct error err = { 0 };
	struct rdt_group group;

	(void)state;
	assert_true(prepare(&rdt, &group, &err) < 0);
	assert_non_null(strstr(err.text, "/linux/intelRdt/closID: class 'gold'"));
	assert_null(group.name);
}

static void test_schemata_of_an_existing_class_have_to_match(void **state)
{
	struct spec_rdt rdt = { .clos_id = "gold", .l3_cache_schema = "L3:0=f", .mem_bw_schema = "MB:0=20" };
	struct error err = { 0 };
	struct rdt_group group;

	(void)state;
	make_class("gold", "    L3:0=f\n    MB:0=20\n");
	assert_int_equal(prepare(&rdt, &group, &err), 0);
	free(group.name);
	rdt.mem_bw_schema = "MB:0=30";
	assert_true(prepare(&rdt, &group, &err) < 0);
	assert_non_null(strstr(err.text, "no line 'MB:0=30'"));
	free(group.name);
}

/* The kernel fills a new directory; here the class with the container's name exists before. */
static void test_schemata_are_combined_and_written_in_order(void **state)
{
	char line_a[] = "L2:0=1", line_b[] = "MB:0=50", *lines[] = { line_a, line_b, NULL };
	struct spec_rdt rdt = { .l3_cache_schema = "L3:0=f\nMB:0=99", .mem_bw_schema = "MB:0=20" };
	struct error err = { 0 };
	struct rdt_group group;

	(void)state;
	make_class("box", "");
	assert_int_equal(prepare(&rdt, &group, &err), 0);
	assert_string_equal(group.name, "box");
	check("box/schemata", "L3:0=f\nMB:0=20\n");
	free(group.name);
	rdt.schemata = lines;
	put("box/schemata", "");
	assert_int_equal(prepare(&rdt, &group, &err), 0);
	check("box/schemata", "L2:0=1\nMB:0=50\n");
	free(group.name);
}

static void test_update_and_back(void **state)
{
	const struct spec_rdt rdt = { .l3_cache_schema = "L3:0=1", .mem_bw_schema = "MB:0=2" };
	char name[] = "gold", none[] = "silver", *old = NULL;
	const struct rdt_group group = { .name = name }, missing = { .name = none };
	struct error err = { 0 };

	(void)state;
	/* Unlike in resctrl, a write replaces the beginning of the file. */
	make_class("gold", "L3:0=f\nMB:0=9\n");
	assert_int_equal(rdt_update(root_fd, &group, &rdt, &old, &err), 0);
	check("gold/schemata", "L3:0=1\nMB:0=2\n");
	assert_string_equal(old, "L3:0=f\nMB:0=9\n");
	assert_int_equal(rdt_restore(root_fd, &group, old, &err), 0);
	check("gold/schemata", "L3:0=f\nMB:0=9\n");
	free(old);
	assert_true(rdt_update(root_fd, &missing, &rdt, &old, &err) < 0);
	assert_non_null(strstr(err.text, "/linux/intelRdt: read schemata of 'silver': "));
}

static void test_root_class(void **state)
{
	const struct spec_rdt rdt = { .clos_id = "/" };
	struct error err = { 0 };
	struct rdt_group group;

	(void)state;
	assert_int_equal(prepare(&rdt, &group, &err), 0);
	assert_int_equal(rdt_add(root_fd, &group, "box", 5, &err), 0);
	check("tasks", "5");
	assert_int_equal(rdt_remove(root_fd, &group, "box", &err), 0);
	free(group.name);
}

static void test_own_class_is_made_and_removed(void **state)
{
	const struct spec_rdt rdt = { 0 };
	struct error err = { 0 };
	struct rdt_group group;

	(void)state;
	assert_int_equal(prepare(&rdt, &group, &err), 0);
	assert_int_equal(faccessat(root_fd, "box", F_OK, 0), 0);
	assert_int_equal(rdt_remove(root_fd, &group, "box", &err), 0);
	assert_int_equal(faccessat(root_fd, "box", F_OK, 0), -1);
	free(group.name);
}

static void test_counts(void **state)
{
	static char gold[] = "gold", box[] = "box";
	struct rdt_group group = { .name = gold };
	struct rdt_stats stats;

	(void)state;
	make_class("gold", "    L3:0=f;1=3\n    MB:0=20\n");
	/* Others may use the class. */
	assert_int_equal(rdt_stats_read(root_fd, &group, "box", &stats), 0);
	assert_string_equal(stats.l3_cache, "L3:0=f;1=3");
	assert_string_equal(stats.mem_bw, "MB:0=20");
	assert_int_equal(stats.domains_len, 0);
	rdt_stats_done(&stats);
	group.monitoring = true;
	assert_int_equal(mkdirat(root_fd, "gold/mon_groups/box", 0700), 0);
	assert_int_equal(mkdirat(root_fd, "gold/mon_groups/box/mon_data", 0700), 0);
	assert_int_equal(mkdirat(root_fd, "gold/mon_groups/box/mon_data/mon_L3_01", 0700), 0);
	assert_int_equal(mkdirat(root_fd, "gold/mon_groups/box/mon_data/mon_L3_00", 0700), 0);
	put("gold/mon_groups/box/mon_data/mon_L3_00/llc_occupancy", "4096\n");
	put("gold/mon_groups/box/mon_data/mon_L3_00/mbm_total_bytes", "10\n");
	put("gold/mon_groups/box/mon_data/mon_L3_00/mbm_local_bytes", "Unavailable\n");
	put("gold/mon_groups/box/mon_data/mon_L3_01/llc_occupancy", "8192\n");
	assert_int_equal(rdt_stats_read(root_fd, &group, "box", &stats), 0);
	assert_int_equal(stats.domains_len, 2);
	assert_int_equal(stats.domains[0].occupancy, 4096);
	assert_int_equal(stats.domains[0].total_bytes, 10);
	assert_true(stats.domains[0].local_bytes == RDT_UNKNOWN);
	assert_int_equal(stats.domains[1].occupancy, 8192);
	assert_true(stats.domains[1].total_bytes == RDT_UNKNOWN);
	rdt_stats_done(&stats);
	/* A class with the container's name is its own; a missing one has no counters. */
	group = (struct rdt_group){ .name = box };
	make_class("box", "");
	assert_int_equal(mkdirat(root_fd, "box/mon_data", 0700), 0);
	assert_int_equal(mkdirat(root_fd, "box/mon_data/mon_L3_00", 0700), 0);
	put("box/mon_data/mon_L3_00/llc_occupancy", "1\n");
	assert_int_equal(rdt_stats_read(root_fd, &group, "box", &stats), 0);
	assert_null(stats.l3_cache);
	assert_int_equal(stats.domains_len, 1);
	rdt_stats_done(&stats);
	group.name = dir;
	assert_int_equal(rdt_stats_read(root_fd, &group, "box", &stats), 0);
	assert_int_equal(stats.domains_len, 0);
	rdt_stats_done(&stats);
}

static void test_host_without_resctrl(void **state)
{
	struct error err = { 0 };
	int fd = rdt_open(&err);

	(void)state;
	if (fd >= 0)
		close(fd);
	else
		assert_non_null(strstr(err.text, "/linux/intelRdt: no resctrl file system"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_class_that_exists_is_joined, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_class_that_is_missing_is_an_error_without_a_schema,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_schemata_of_an_existing_class_have_to_match, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_schemata_are_combined_and_written_in_order, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_update_and_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_root_class, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_own_class_is_made_and_removed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_counts, set_up, tear_down),
		cmocka_unit_test(test_host_without_resctrl),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
