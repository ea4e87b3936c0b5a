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
#include "cgroup/change.h"
#include "spec/spec.h"
#include "util/array.h"
#include "util/error.h"
#include "util/log.h"

/*
 * A directory that looks like a cgroup in another one. Unlike in cgroupfs a write replaces only the beginning
 * of a file, so the tests write texts as long as the old ones.
 */
static char top[] = "/tmp/krun-unit-XXXXXX";
static struct cgroup cgroup;

static void put(const char *path, const char *text)
{
	int fd = openat(cgroup.dir_fd, path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void check(const char *path, const char *expect)
{
	char text[512] = "";
	int fd = openat(cgroup.dir_fd, path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		fail_msg("%s is missing", path);
	assert_true(read(fd, text, sizeof(text) - 1) >= 0);
	if (strcmp(text, expect) != 0)
		fail_msg("%s: '%s', expected '%s'", path, text, expect);
	close(fd);
}

static int set_up(void **state)
{
	static char path[] = "/box";
	char name[64];

	(void)state;
	strcpy(top + strlen(top) - 6, "XXXXXX");
	if (!mkdtemp(top))
		return -1;
	snprintf(name, sizeof(name), "%s/box", top);
	mkdir(name, 0700);
	cgroup.place.path = path;
	cgroup.dir_fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	put("../cpuset.cpus.effective", "0-1\n");
	put("cgroup.controllers", "cpuset cpu io memory hugetlb pids rdma misc\n");
	put("memory.max", "1000\n");
	put("memory.swap.max", "2000\n");
	put("memory.low", "0000\n");
	put("cpu.max", "50000 20000\n");
	put("cpu.max.burst", "10000\n");
	put("cpu.idle", "0\n");
	put("cpu.weight", "300\n");
	put("pids.max", "7\n");
	put("io.max", "8:0 rbps=1 wbps=2 riops=max wiops=max\n8:16 rbps=3 wbps=max riops=max wiops=max\n");
	put("io.weight", "default 100\n8:0 200\n");
	return cgroup.dir_fd < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	char command[64];

	(void)state;
	close(cgroup.dir_fd);
	snprintf(command, sizeof(command), "rm -rf %s", top);
	return system(command);
}

static struct spec *parse(const char *json)
{
	struct error err = { 0 };
	struct spec *spec;

	if (spec_parse_resources(json, strlen(json), "r", &spec, &err) < 0)
		fail_msg("%s: %s", json, err.text);
	return spec;
}

static int limit(const char *json, const char *before_json, struct cgroup_change *change, struct error *err)
{
	struct spec *changes = parse(json), *before = parse(before_json);
	int r;

	*change = (struct cgroup_change){ .before = &before->resources };
	r = cgroup_change_make(&cgroup, &changes->resources, change, err);
	spec_free(changes);
	spec_free(before);
	return r;
}

static void test_present_values_are_read(void **state)
{
	struct spec *all =
		parse("{\"memory\":{\"swap\":5,\"checkBeforeUpdate\":true},\"cpu\":{\"quota\":5,\"idle\":0,"
		      "\"cpus\":\"0\"}}");
	struct spec *none =
		parse("{\"memory\":{\"limit\":0},\"cpu\":{\"shares\":0,\"quota\":0,\"cpus\":\"\"}}");
	struct spec *before = parse("{\"cpu\":{\"shares\":262144},\"unified\":{\"cpu.weight\":\"55\"}}");
	struct cgroup_present present;
	struct error err = { 0 };

	(void)state;
	put("memory.current", "777\n");
	put("memory.swap.max", "max\n");
	assert_int_equal(
		cgroup_present_read(cgroup.dir_fd, &all->resources, &before->resources, &present, &err), 0);
	assert_int_equal(present.memory_max, 1000);
	assert_int_equal(present.swap_max, -1);
	assert_int_equal(present.memory_usage, 777);
	assert_int_equal(present.swap_usage, -1);
	assert_int_equal(present.quota, 50000);
	assert_int_equal(present.period, 20000);
	assert_int_equal(present.burst, 10000);
	assert_false(present.idle);
	assert_int_equal(present.weight, 55);
	assert_string_equal(present.cpus, "0-1");
	assert_null(present.mems);
	cgroup_present_done(&present);
	/* no request, so nothing is read */
	assert_int_equal(cgroup_present_read(cgroup.dir_fd, &none->resources, NULL, &present, &err), 0);
	assert_int_equal(memcmp(&present, &cgroup_present_new, sizeof(present)), 0);
	spec_free(all);
	spec_free(none);
	spec_free(before);
}

/* The kernel may show a value that systemd has converted. */
static void test_quota_and_period_are_what_was_asked_for(void **state)
{
	static const struct {
		const char *before;
		int64_t quota;
		uint64_t period;
	} rows[] = {
		{ "{}", 50000, 20000 },
		{ "{\"cpu\":{\"quota\":0,\"period\":0}}", 50000, 20000 },
		{ "{\"cpu\":{\"period\":300000}}", 50000, 300000 },
		{ "{\"cpu\":{\"quota\":70000}}", 70000, 20000 },
		{ "{\"cpu\":{\"quota\":-1,\"period\":300000}}", -1, 300000 },
		{ "{\"cpu\":{\"quota\":70000,\"period\":300000},\"unified\":{\"cpu.max\":\"max 5000\"}}", -1,
		  5000 },
		{ "{\"cpu\":{\"quota\":70000,\"period\":300000},\"unified\":{\"cpu.max\":\"6000\"}}", 6000,
		  300000 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct spec *asked = parse("{\"cpu\":{\"quota\":5}}"), *before = parse(rows[i].before);
		struct cgroup_present present;
		struct error err = { 0 };

		assert_int_equal(cgroup_present_read(cgroup.dir_fd, &asked->resources, &before->resources,
						     &present, &err),
				 0);
		if (present.quota != rows[i].quota || present.period != rows[i].period)
			fail_msg("%s: %lld %llu", rows[i].before, (long long)present.quota,
				 (unsigned long long)present.period);
		cgroup_present_done(&present);
		spec_free(asked);
		spec_free(before);
	}
}

static bool is_his(const char *file)
{
	return strcmp(file, "cpu.idle") != 0;
}

static void test_what_somebody_else_writes_is_written_again(void **state)
{
	struct spec *before = parse("{\"cpu\":{\"quota\":40000,\"period\":20000},\"pids\":{\"limit\":6},"
				    "\"memory\":{\"limit\":5000}}");
	struct spec *changes = parse("{\"cpu\":{\"shares\":262144},\"pids\":{\"limit\":5}}");
	struct cgroup_change change = { .before = &before->resources };
	struct error err = { 0 };

	(void)state;
	assert_int_equal(cgroup_change_make(&cgroup, &changes->resources, &change, &err), 0);
	put("cpu.weight", "99999\n");
	put("cpu.max", "99999 99999\n");
	put("pids.max", "9\n");
	put("memory.max", "9999\n");
	put("cpu.idle", "9\n");
	assert_int_equal(cgroup_change_repeat(&cgroup, &change, is_his, &err), 0);
	check("cpu.weight", "10000\n");
	check("cpu.max", "40000 20000\n");
	check("pids.max", "5\n");
	/* another controller, and a file that systemd does not write */
	check("memory.max", "9999\n");
	check("cpu.idle", "9\n");
	cgroup_change_done(&change);
	spec_free(before);
	spec_free(changes);
}

static void test_check_of_the_usage_follows_the_configuration(void **state)
{
	struct cgroup_change change;
	struct error err = { 0 };

	(void)state;
	put("memory.current", "777\n");
	assert_int_equal(limit("{\"memory\":{\"limit\":776}}", "{\"memory\":{\"checkBeforeUpdate\":true}}",
			       &change, &err),
			 -EBUSY);
	cgroup_change_done(&change);
	check("memory.max", "1000\n");
	assert_int_equal(limit("{\"memory\":{\"limit\":1776}}", "{\"memory\":{\"checkBeforeUpdate\":true}}",
			       &change, &err),
			 0);
	cgroup_change_done(&change);
	check("memory.max", "1776\n");
	assert_int_equal(limit("{\"memory\":{\"limit\":7760,\"checkBeforeUpdate\":false}}",
			       "{\"memory\":{\"checkBeforeUpdate\":true}}", &change, &err),
			 0);
	cgroup_change_done(&change);
}

static void test_failure_puts_everything_back(void **state)
{
	struct cgroup_change change;
	struct error err = { 0 };

	(void)state;
	/* A file that cannot be written. */
	unlinkat(cgroup.dir_fd, "pids.max", 0);
	mkdirat(cgroup.dir_fd, "pids.max", 0700);
	assert_int_equal(
		limit("{\"memory\":{\"limit\":4000,\"swap\":9000},\"cpu\":{\"quota\":60000,\"burst\":20000},"
		      "\"pids\":{\"limit\":5}}",
		      "{}", &change, &err),
		-EISDIR);
	if (!strstr(err.text, "/linux/resources/pids/limit: write '5' to 'pids.max': "))
		fail_msg("%s", err.text);
	check("memory.max", "1000\n");
	check("memory.swap.max", "2000\n");
	check("cpu.max", "50000 20000\n");
	check("cpu.max.burst", "10000\n");
	cgroup_change_done(&change);
}

static void test_success_can_be_taken_back(void **state)
{
	struct cgroup_change change;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(
		limit("{\"memory\":{\"limit\":4000,\"swap\":9000},\"cpu\":{\"shares\":1024,\"idle\":0}}",
		      "{}", &change, &err),
		0);
	check("memory.max", "4000\n");
	check("memory.swap.max", "5000\n");
	check("cpu.weight", "100\n");
	cgroup_change_undo(&cgroup, &change);
	check("memory.max", "1000\n");
	check("memory.swap.max", "2000\n");
	check("cpu.weight", "300\n");
	cgroup_change_done(&change);
}

static void test_what_takes_each_file_back(void **state)
{
	static const struct {
		const char *json, *expect; /* "file=text;..." in the order of the writes */
	} rows[] = {
		{ "{\"pids\":{\"limit\":5}}", "pids.max=7;" },
		{ "{\"cpu\":{\"idle\":1}}", "cpu.weight=300;cpu.idle=0;" },
		{ "{\"unified\":{\"io.max\":\"8:16 rbps=9\"}}",
		  "io.max=8:16 rbps=3 wbps=max riops=max wiops=max;" },
		{ "{\"unified\":{\"io.max\":\"8:1 rbps=9\\n8:16 wbps=5\"}}",
		  "io.max=8:1 rbps=max wbps=max riops=max wiops=max;"
		  "io.max=8:16 rbps=3 wbps=max riops=max wiops=max;" },
		{ "{\"blockIO\":{\"weight\":500}}", "io.weight=default 100;" },
		{ "{\"unified\":{\"io.weight\":\"500\"}}", "io.weight=default 100;" },
		{ "{\"blockIO\":{\"weightDevice\":[{\"major\":8,\"minor\":0,\"weight\":500}]}}",
		  "io.weight=8:0 200;" },
		{ "{\"blockIO\":{\"weightDevice\":[{\"major\":8,\"minor\":1,\"weight\":500}]}}",
		  "io.weight=8:1 default;" },
		/* a file without a default line, and one that cannot be written */
		{ "{\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":0}]}", "hugetlb.2MB.max=max;" },
		{ "{\"cpu\":{\"cpus\":\"0\"}}", "cpuset.cpus=;" },
	};

	(void)state;
	put("hugetlb.2MB.max", "max\n");
	put("cpuset.cpus", "\n");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cgroup_change change;
		struct error err = { 0 };
		char out[512] = "";

		if (limit(rows[i].json, "{}", &change, &err) < 0)
			fail_msg("%s: %s", rows[i].json, err.text);
		for (size_t j = 0; j < change.undo.len; j++)
			snprintf(out + strlen(out), sizeof(out) - strlen(out), "%s=%s;",
				 change.undo.items[j].file, change.undo.items[j].text);
		if (strcmp(out, rows[i].expect) != 0)
			fail_msg("%s: '%s', expected '%s'", rows[i].json, out, rows[i].expect);
		cgroup_change_done(&change);
		/* Lines are only appended by the kernel. */
		put("io.max", "8:0 rbps=1 wbps=2 riops=max wiops=max\n"
			      "8:16 rbps=3 wbps=max riops=max wiops=max\n");
		put("io.weight", "default 100\n8:0 200\n");
	}
}

static void test_weight_for_another_scheduler_is_enough(void **state)
{
	struct cgroup_change change;
	struct error err = { 0 };

	(void)state;
	unlinkat(cgroup.dir_fd, "io.weight", 0);
	assert_int_equal(limit("{\"blockIO\":{\"weight\":500}}", "{}", &change, &err), -ENOENT);
	assert_non_null(strstr(err.text, "'io.weight' or the equivalent to 'io.bfq.weight'"));
	cgroup_change_done(&change);
	put("io.bfq.weight", "default 100\n");
	assert_int_equal(limit("{\"blockIO\":{\"weight\":500}}", "{}", &change, &err), 0);
	check("io.bfq.weight", "500ault 100\n");
	assert_int_equal(change.undo.len, 1);
	assert_string_equal(change.undo.items[0].text, "default 100");
	cgroup_change_done(&change);
}

static void test_errors_name_file_value_and_reason(void **state)
{
	static const struct {
		const char *json, *expect;
	} rows[] = {
		{ "{\"hugepageLimits\":[{\"pageSize\":\"3MB\",\"limit\":0}]}",
		  "/linux/resources/hugepageLimits: write '0' to 'hugetlb.3MB.max': " },
		{ "{\"unified\":{\"memory.bogus\":\"1\"}}",
		  "/linux/resources/unified/memory.bogus: write '1' to 'memory.bogus': " },
		{ "{\"unified\":{\"future.file\":\"1\"}}",
		  "/linux/resources/unified/future.file: write '1' to 'future.file': " },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cgroup_change change;
		struct error err = { 0 };

		assert_int_equal(limit(rows[i].json, "{}", &change, &err), -ENOENT);
		if (strncmp(err.text, rows[i].expect, strlen(rows[i].expect)) != 0)
			fail_msg("%s", err.text);
		cgroup_change_done(&change);
	}
}

/* Plans a create; NULL: refused, with @err. */
static struct spec *make_plan(const char *json, enum cgroup_manager manager, struct cgroup_plan *plan,
			      struct error *err)
{
	const struct cgroup_request request = { .id = "box", .manager = manager };
	struct spec *spec = parse(json);

	if (cgroup_plan_make(&request, &spec->resources, plan, err) == 0)
		return spec;
	spec_free(spec);
	return NULL;
}

static void test_without_a_group_only_defaults_can_be_had(void **state)
{
	const struct cgroup none = { .dir_fd = -1 };
	struct cgroup_plan limits, defaults;
	struct error err = { 0 };
	struct spec *first = make_plan("{\"pids\":{\"limit\":5}}", CGROUP_CGROUPFS, &limits, &err);
	struct spec *second = make_plan("{\"pids\":{\"limit\":-1}}", CGROUP_CGROUPFS, &defaults, &err);

	(void)state;
	assert_non_null(first);
	assert_non_null(second);
	assert_string_equal(limits.place.path, "/krun-box");
	assert_int_equal(cgroup_limit(&none, &limits, &err), -EOPNOTSUPP);
	assert_int_equal(cgroup_limit(&none, &defaults, &err), 0);
	cgroup_plan_done(&limits);
	cgroup_plan_done(&defaults);
	spec_free(first);
	spec_free(second);
}

static void test_what_cannot_be_is_refused_before_anything_is_made(void **state)
{
	static const struct {
		const char *json;
		enum cgroup_manager manager;
		const char *error;
	} rows[] = {
		{ "{\"unified\":{\"pids.max\":\"0\"}}", CGROUP_CGROUPFS,
		  "/linux/resources/unified: pids.max of 0 leaves no room" },
		{ "{\"memory\":{\"kernel\":5}}", CGROUP_CGROUPFS, "/linux/resources/memory/kernel: " },
		{ "{\"pids\":{\"limit\":5}}", CGROUP_DISABLED, "/linux/resources: limits are asked for" },
		{ "{\"pids\":{\"limit\":-1}}", CGROUP_DISABLED, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cgroup_plan plan;
		struct error err = { 0 };
		struct spec *spec = make_plan(rows[i].json, rows[i].manager, &plan, &err);

		assert_int_equal(!spec, rows[i].error != NULL);
		if (rows[i].error && !strstr(err.text, rows[i].error))
			fail_msg("%s: '%s'", rows[i].json, err.text);
		if (spec)
			cgroup_plan_done(&plan);
		spec_free(spec);
	}
}

/* A cgroup that existed before has limits: they decide the order of the writes. */
static void test_a_new_group_gets_what_was_planned(void **state)
{
	static const char json[] = "{\"memory\":{\"limit\":1048576,\"checkBeforeUpdate\":true}}";
	struct cgroup made = cgroup;
	struct cgroup_plan plan;
	struct error err = { 0 };
	struct spec *spec = make_plan(json, CGROUP_CGROUPFS, &plan, &err);

	(void)state;
	assert_non_null(spec);
	put("memory.max", "max\n");
	put("memory.current", "2097152\n");
	assert_int_equal(cgroup_limit(&cgroup, &plan, &err), -EBUSY);
	made.is_new = true;
	assert_int_equal(cgroup_limit(&made, &plan, &err), 0);
	check("memory.max", "1048576");
	cgroup_plan_done(&plan);
	spec_free(spec);
}

/*
 * The kernel refuses a weight for an idle cgroup: at create, in an update, and in one that makes it idle. The
 * zeros that engines send cause no warning.
 */
static void test_a_share_that_waits_is_told(void **state)
{
	static const struct {
		const char *idle, *json;
		bool told;
	} rows[] = {
		{ "0\n", "{\"cpu\":{\"shares\":512,\"idle\":1}}", true },
		{ "1\n", "{\"cpu\":{\"shares\":512}}", true },
		{ "1\n", "{\"cpu\":{\"shares\":512,\"idle\":0}}", false },
		{ "1\n", "{\"cpu\":{\"shares\":0}}", false },
		{ "0\n", "{\"cpu\":{\"shares\":512}}", false },
	};
	char log[64];

	(void)state;
	snprintf(log, sizeof(log), "%s/box/log", top);
	for (size_t i = 0; i < 2 * ARRAY_LEN(rows); i++) {
		const bool create = i >= ARRAY_LEN(rows);
		const char *json = rows[i % ARRAY_LEN(rows)].json;
		struct cgroup_change change = { 0 };
		struct error err = { 0 };
		struct stat st;

		put("cpu.idle", rows[i % ARRAY_LEN(rows)].idle);
		assert_int_equal(log_open(log, LOG_FORMAT_TEXT, LOG_LEVEL_WARNING, &err), 0);
		if (create) {
			struct cgroup_plan plan;
			struct spec *spec = make_plan(json, CGROUP_CGROUPFS, &plan, &err);

			assert_int_equal(cgroup_limit(&cgroup, &plan, &err), 0);
			cgroup_plan_done(&plan);
			spec_free(spec);
		} else {
			assert_int_equal(limit(json, "{}", &change, &err), 0);
			cgroup_change_done(&change);
		}
		log_close();
		assert_int_equal(stat(log, &st), 0);
		if ((st.st_size > 0) != rows[i % ARRAY_LEN(rows)].told)
			fail_msg("%s at %s", json, create ? "create" : "update");
		assert_int_equal(unlink(log), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_quota_and_period_are_what_was_asked_for, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_what_somebody_else_writes_is_written_again, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_present_values_are_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_check_of_the_usage_follows_the_configuration, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_failure_puts_everything_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_success_can_be_taken_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_takes_each_file_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_weight_for_another_scheduler_is_enough, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_a_share_that_waits_is_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_errors_name_file_value_and_reason, set_up, tear_down),
		cmocka_unit_test(test_without_a_group_only_defaults_can_be_had),
		cmocka_unit_test(test_what_cannot_be_is_refused_before_anything_is_made),
		cmocka_unit_test_setup_teardown(test_a_new_group_gets_what_was_planned, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
