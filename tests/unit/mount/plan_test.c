/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "mount/plan.h"
#include "util/array.h"
#include "util/error.h"

static void test_flags_of_attributes(void **state)
{
	const struct spec_mount_options options = {
		.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
		.super_flags = MS_SYNCHRONOUS,
	};
	const struct spec_mount_options relatime = { .attr_clear = MOUNT_ATTR__ATIME };
	const struct spec_mount_options strict = { .attr_clear = MOUNT_ATTR__ATIME,
						   .attr_set = MOUNT_ATTR_STRICTATIME };

	(void)state;
	assert_int_equal(mount_flags(&options),
			 MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_SYNCHRONOUS);
	assert_int_equal(mount_flags(&relatime), MS_RELATIME);
	assert_int_equal(mount_flags(&strict), MS_STRICTATIME);
}

static void test_data_without_gid(void **state)
{
	static const struct {
		const char *data, *expect;
		bool found;
	} rows[] = {
		{ "", "", false },
		{ "gid=5", "", true },
		{ "newinstance,gid=5,mode=620", "newinstance,mode=620", true },
		{ "mode=620,gid=5", "mode=620", true },
		{ "setgid=5,mode=1", "setgid=5,mode=1", false },
		{ "gid=1,gid=2,a", "a", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char buffer[64];

		assert_int_equal(mount_data_without_gid(rows[i].data, buffer, sizeof(buffer)), rows[i].found);
		assert_string_equal(buffer, rows[i].expect);
	}
}

static void test_the_last_mount_above_a_path_covers_it(void **state)
{
	struct spec_mount mounts[] = {
		{ .destination = "/proc/deep/er", .type = "tmpfs", .options.data = "" },
		{ .destination = "/proc", .type = "proc", .options.data = "" },
		{ .destination = "/proc/sys", .type = "bind", .options = { .bind = true, .data = "" } },
		{ .destination = "/sys", .type = "sysfs", .options.data = "" },
		{ .destination = "/sys", .type = "none", .options = { .remount = true, .data = "" } },
		{ .destination = "/x/../etc", .type = "tmpfs", .options.data = "" },
	};
	const struct spec spec = { .mounts = mounts, .mounts_len = ARRAY_LEN(mounts) };
	struct error err = { 0 };
	struct mount_plan plan;
	char rest[64];

	(void)state;
	assert_int_equal(mount_plan_make(&spec, true, &plan, &err), 0);
	assert_ptr_equal(mount_plan_cover(&plan, "/proc/kcore", rest, sizeof(rest)), &plan.entries[1]);
	assert_string_equal(rest, "kcore");
	assert_ptr_equal(mount_plan_cover(&plan, "/proc//sys/a/./b", rest, sizeof(rest)), &plan.entries[2]);
	assert_string_equal(rest, "a/b");
	/* It is mounted on the earlier one, deeper as that is. */
	assert_ptr_equal(mount_plan_cover(&plan, "/proc/deep/er/a", rest, sizeof(rest)), &plan.entries[1]);
	assert_string_equal(rest, "deep/er/a");
	assert_ptr_equal(mount_plan_cover(&plan, "/sys/firmware", rest, sizeof(rest)), &plan.entries[3]);
	assert_null(mount_plan_cover(&plan, "/etc/passwd", rest, sizeof(rest)));
	assert_null(mount_plan_cover(&plan, "/proc", rest, sizeof(rest)));
	assert_null(mount_plan_cover(&plan, "/process", rest, sizeof(rest)));
	assert_null(mount_plan_cover(&plan, "/proc/../etc", rest, sizeof(rest)));
	mount_plan_done(&plan);
}

/* A look at each mount for each path would take minutes, and the test has half of one. */
static void test_a_cover_is_found_among_very_many_mounts(void **state)
{
	enum { MANY = 20000 };
	static struct spec_mount mounts[MANY];
	static char destinations[MANY][16];
	const struct spec spec = { .mounts = mounts, .mounts_len = MANY };
	struct error err = { 0 };
	struct mount_plan plan;

	(void)state;
	for (size_t i = 0; i < MANY; i++) {
		snprintf(destinations[i], sizeof(destinations[i]), "/m/%zu", i);
		mounts[i] = (struct spec_mount){ .destination = destinations[i],
						 .type = "tmpfs",
						 .options.data = "" };
	}
	assert_int_equal(mount_plan_make(&spec, true, &plan, &err), 0);
	for (size_t i = 0; i < MANY; i++) {
		char path[32], rest[16];

		snprintf(path, sizeof(path), "/m/%zu/a/b", i);
		assert_ptr_equal(mount_plan_cover(&plan, path, rest, sizeof(rest)), &plan.entries[i]);
		assert_string_equal(rest, "a/b");
	}
	mount_plan_done(&plan);
}

static void test_data_has(void **state)
{
	static const struct {
		const char *data, *key;
		bool has;
	} rows[] = {
		{ "", "mode", false },
		{ "mode=755", "mode", true },
		{ "size=1m,mode=1", "mode", true },
		{ "size=1m,xmode=1", "mode", false },
		{ "mode", "mode", false },
		{ "huge=always,uid=5", "gid", false },
		{ "mpol=bind:0,2,gid=5", "gid", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(mount_data_has(rows[i].data, rows[i].key), rows[i].has);
}

static void test_kinds_and_order(void **state)
{
	struct spec_mount mounts[] = {
		{ .destination = "/proc", .type = "proc", .options.data = "" },
		{ .destination = "/a",
		  .source = "/b",
		  .type = "bind",
		  .options = { .bind = true, .data = "" } },
		{ .destination = "/sys/fs/cgroup", .type = "cgroup", .options.data = "" },
		{ .destination = "/", .type = "none", .options = { .remount = true, .data = "" } },
	};
	static const enum mount_kind kinds[2][4] = {
		{ MOUNT_NEW, MOUNT_BIND, MOUNT_CGROUP_BIND, MOUNT_REMOUNT },
		{ MOUNT_NEW, MOUNT_BIND, MOUNT_CGROUP, MOUNT_REMOUNT },
	};
	const struct spec spec = { .mounts = mounts, .mounts_len = ARRAY_LEN(mounts) };

	(void)state;
	for (int cgroupns = 0; cgroupns <= 1; cgroupns++) {
		struct error err = { 0 };
		struct mount_plan plan;

		assert_int_equal(mount_plan_make(&spec, cgroupns, &plan, &err), 0);
		assert_int_equal(plan.len, ARRAY_LEN(mounts));
		for (size_t i = 0; i < plan.len; i++) {
			assert_int_equal(plan.entries[i].kind, kinds[cgroupns][i]);
			assert_string_equal(plan.entries[i].destination, mounts[i].destination);
			assert_int_equal(plan.entries[i].tree_fd, -1);
		}
		mount_plan_done(&plan);
	}
}

static void test_binds_are_slaves_unless_asked_otherwise(void **state)
{
	struct spec_mount mounts[] = {
		{ .destination = "/a",
		  .source = "/b",
		  .type = "bind",
		  .options = { .bind = true, .data = "" } },
		{ .destination = "/b",
		  .source = "/b",
		  .type = "bind",
		  .options = { .bind = true, .propagation = MS_SHARED, .data = "" } },
		{ .destination = "/c", .type = "tmpfs", .options.data = "" },
	};
	const struct spec spec = { .mounts = mounts, .mounts_len = ARRAY_LEN(mounts) };
	struct error err = { 0 };
	struct mount_plan plan;

	(void)state;
	assert_int_equal(mount_plan_make(&spec, true, &plan, &err), 0);
	assert_int_equal(plan.entries[0].propagation, MS_SLAVE);
	assert_true(plan.entries[0].propagation_recursive);
	assert_int_equal(plan.entries[1].propagation, MS_SHARED);
	assert_false(plan.entries[1].propagation_recursive);
	assert_int_equal(plan.entries[2].propagation, 0);
	mount_plan_done(&plan);
}

static void test_read_only_comes_later(void **state)
{
	static const struct {
		const char *type;
		struct spec_mount_options options;
		bool later;
	} rows[] = {
		{ "bind", { .bind = true, .attr_set = MOUNT_ATTR_RDONLY }, true },
		{ "bind", { .bind = true, .rec_attr_set = MOUNT_ATTR_RDONLY }, true },
		{ "bind", { .bind = true, .attr_set = MOUNT_ATTR_NOSUID }, false },
		{ "bind",
		  { .bind = true, .attr_set = MOUNT_ATTR_RDONLY, .rec_attr_clear = MOUNT_ATTR_RDONLY },
		  false },
		{ "tmpfs", { .attr_set = MOUNT_ATTR_RDONLY }, true },
		{ "ramfs", { .attr_set = MOUNT_ATTR_RDONLY }, true },
		{ "none", { .remount = true, .attr_set = MOUNT_ATTR_RDONLY }, true },
		{ "sysfs", { .attr_set = MOUNT_ATTR_RDONLY }, false },
		{ "cgroup", { .attr_set = MOUNT_ATTR_RDONLY }, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct spec_mount mount = {
			.destination = "/a", .source = "/b", .type = rows[i].type, .options = rows[i].options
		};
		const struct spec spec = { .mounts = &mount, .mounts_len = 1 };
		struct error err = { 0 };
		struct mount_plan plan;

		mount.options.data = "";
		assert_int_equal(mount_plan_make(&spec, false, &plan, &err), 0);
		if (plan.entries[0].read_only_later != rows[i].later)
			fail_msg("row %zu", i);
		mount_plan_at_once(&plan);
		assert_false(plan.entries[0].read_only_later);
		mount_plan_done(&plan);
	}
}

static void test_nothing_is_mounted_over_the_root(void **state)
{
	static const char *const roots[] = { "/", "//", "/.", "/./", "/../" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(roots); i++) {
		struct spec_mount mount = { .destination = roots[i], .type = "tmpfs", .options.data = "" };
		const struct spec spec = { .mounts = &mount, .mounts_len = 1 };
		struct error err = { 0 };
		struct mount_plan plan;

		assert_true(mount_plan_make(&spec, true, &plan, &err) < 0);
		assert_non_null(strstr(err.text, "/mounts/0/destination"));
	}
}

static void test_context_type(void **state)
{
	static const struct {
		const char *word;
		bool fine;
	} rows[] = { { "context", true }, { "rootcontext", true }, { "x", false }, { "", false } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct spec_pair pair = { "run.oci.mount_context_type", rows[i].word };
		const struct spec spec = { .annotations = &pair, .annotations_len = 1 };
		struct error err = { 0 };
		struct mount_plan plan = { 0 };

		assert_int_equal(mount_plan_make(&spec, true, &plan, &err) == 0, rows[i].fine);
		mount_plan_done(&plan);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_context_type),
		cmocka_unit_test(test_flags_of_attributes),
		cmocka_unit_test(test_data_without_gid),
		cmocka_unit_test(test_the_last_mount_above_a_path_covers_it),
		cmocka_unit_test(test_a_cover_is_found_among_very_many_mounts),
		cmocka_unit_test(test_data_has),
		cmocka_unit_test(test_kinds_and_order),
		cmocka_unit_test(test_binds_are_slaves_unless_asked_otherwise),
		cmocka_unit_test(test_read_only_comes_later),
		cmocka_unit_test(test_nothing_is_mounted_over_the_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
