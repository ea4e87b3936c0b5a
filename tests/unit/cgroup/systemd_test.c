/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup/cgroup.h"
#include "cgroup/resources.h"
#include "cgroup/systemd.h"
#include "cgroup/systemd_variant.h"
#include "spec/spec.h"
#include "util/array.h"
#include "util/error.h"
#include "util/strv.h"

static void assert_words(const struct strv *words, const char *expected)
{
	char text[4096] = "";

	for (size_t i = 0; i < words->len; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i ? " " : "",
			 words->items[i]);
	assert_string_equal(text, expected);
}

static void test_units_of_requests(void **state)
{
	static const struct {
		const char *asked, *slice, *unit, *error;
		bool user;
	} rows[] = {
		{ NULL, "system.slice", "krun-box.scope", NULL, false },
		{ "", "system.slice", "krun-box.scope", NULL, false },
		{ NULL, "user.slice", "krun-box.scope", NULL, true },
		{ "system.slice:docker:abc", "system.slice", "docker-abc.scope", NULL, false },
		{ "user.slice:libpod:abc", "user.slice", "libpod-abc.scope", NULL, true },
		{ ":docker:abc", "system.slice", "docker-abc.scope", NULL, false },
		{ ":docker:abc", "user.slice", "docker-abc.scope", NULL, true },
		{ "a-b.slice:cri-containerd:abc", "a-b.slice", "cri-containerd-abc.scope", NULL, false },
		{ "-.slice:x:abc", "-.slice", "x-abc.scope", NULL, false },
		{ "-:x:abc", "-.slice", "x-abc.scope", NULL, false },
		{ "::abc", "system.slice", "-abc.scope", NULL, false },
		{ "::abc.scope", "system.slice", "-abc.scope", NULL, false },
		{ "::a+b c", "system.slice", "-a\\x2bb\\x20c.scope", NULL, false },
		{ "::abc.slice", NULL, NULL, "needs a scope", false },
		{ "/kubepods/abc", NULL, NULL, "not slice:prefix:name", false },
		{ "docker:abc", NULL, NULL, "not slice:prefix:name", false },
		{ "a:b:c:d", NULL, NULL, "not slice:prefix:name", false },
		{ "system.slice:docker:", NULL, NULL, "not slice:prefix:name", false },
		{ "system:docker:abc", NULL, NULL, "'system' is not the name of a slice", false },
		{ "a/b.slice:docker:abc", NULL, NULL, "'a/b.slice' is not the name of a slice", false },
		{ "-a.slice:docker:abc", NULL, NULL, "is not the name of a slice", false },
		{ "a--b.slice:docker:abc", NULL, NULL, "is not the name of a slice", false },
		{ ".slice:docker:abc", NULL, NULL, "is not the name of a slice", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct cgroup_request request = {
			.id = "box",
			.spec_path = rows[i].asked,
			.manager = CGROUP_SYSTEMD,
			.user = rows[i].user,
		};
		char *slice = NULL, *unit = NULL;
		struct error err = { 0 };
		int r = systemd_unit_make(&request, &slice, &unit, &err);

		if (rows[i].error) {
			assert_true(r < 0);
			if (!strstr(err.text, rows[i].error))
				fail_msg("%s: '%s'", rows[i].asked, err.text);
		} else {
			assert_int_equal(r, 0);
			assert_string_equal(slice, rows[i].slice);
			assert_string_equal(unit, rows[i].unit);
		}
		free(slice);
		free(unit);
	}
}

static void test_a_long_unit_name_is_refused(void **state)
{
	char asked[400] = "system.slice:x:", *slice = NULL, *unit = NULL;
	const struct cgroup_request request = { .id = "box", .spec_path = asked, .manager = CGROUP_SYSTEMD };
	struct error err = { 0 };

	(void)state;
	memset(asked + strlen(asked), 'a', 300);
	assert_true(systemd_unit_make(&request, &slice, &unit, &err) < 0);
	assert_non_null(strstr(err.text, "more than 255"));
}

static void test_the_place_is_the_unit(void **state)
{
	const struct cgroup_request request = {
		.id = "box",
		.spec_path = "system.slice:docker:abc",
		.manager = CGROUP_SYSTEMD,
		.user = true,
	};
	struct cgroup_place place = { 0 }, copy = { 0 };
	struct error err = { 0 };
	char *slice;

	(void)state;
	assert_int_equal(cgroup_place_make(&request, &place, &slice, &err), 0);
	assert_string_equal(slice, "system.slice");
	free(slice);
	assert_null(place.path);
	assert_string_equal(place.unit, "docker-abc.scope");
	assert_true(place.user);
	assert_int_equal(cgroup_place_copy(&place, &copy), 0);
	assert_string_equal(copy.unit, "docker-abc.scope");
	assert_int_equal(copy.manager, CGROUP_SYSTEMD);
	cgroup_place_done(&place);
	cgroup_place_done(&copy);
	assert_null(copy.unit);
}

static void test_properties_of_files(void **state)
{
	static const struct {
		const char *file, *text, *words;
	} rows[] = {
		{ "memory.max", "67108864", "MemoryMax t 67108864" },
		{ "memory.max", "max", "MemoryMax t 18446744073709551615" },
		{ "memory.high", "5", "MemoryHigh t 5" },
		{ "memory.low", "5", "MemoryLow t 5" },
		{ "memory.min", "5", "MemoryMin t 5" },
		{ "memory.swap.max", "0", "MemorySwapMax t 0" },
		{ "memory.zswap.max", "0", "MemoryZSwapMax t 0" },
		{ "pids.max", "50", "TasksMax t 50" },
		{ "pids.max", "0", "TasksMax t 1" },
		{ "pids.max", "max", "TasksMax t 18446744073709551615" },
		{ "cpu.weight", "59", "CPUWeight t 59" },
		{ "cpu.idle", "1", "CPUWeight t 0" },
		{ "cpu.idle", "0", "CPUWeight t 18446744073709551615" },
		{ "cpu.max", "50000 100000", "CPUQuotaPerSecUSec t 500000 CPUQuotaPeriodUSec t 100000" },
		/* 333333 per second would become a quota of 9999. */
		{ "cpu.max", "10000 30000", "CPUQuotaPerSecUSec t 333334 CPUQuotaPeriodUSec t 30000" },
		{ "cpu.max", "max 50000",
		  "CPUQuotaPerSecUSec t 18446744073709551615 CPUQuotaPeriodUSec t 50000" },
		{ "cpuset.cpus", "0-3,9", "AllowedCPUs ay 2 15 2" },
		{ "cpuset.cpus", "71", "AllowedCPUs ay 9 0 0 0 0 0 0 0 0 128" },
		{ "cpuset.mems", "0", "AllowedMemoryNodes ay 1 1" },
		{ "io.weight", "default 4950", "IOWeight t 4950" },
		{ "io.weight", "8:0 100", "IODeviceWeight a(st) 1 /dev/block/8:0 100" },
		{ "io.max", "8:16 rbps=1048576", "IOReadBandwidthMax a(st) 1 /dev/block/8:16 1048576" },
		{ "io.max", "8:0 wiops=10 wbps=max\n8:16 riops=7\n",
		  "IOWriteIOPSMax a(st) 1 /dev/block/8:0 10 "
		  "IOWriteBandwidthMax a(st) 1 /dev/block/8:0 18446744073709551615 "
		  "IOReadIOPSMax a(st) 1 /dev/block/8:16 7" },
		/* Files that systemd does not write. */
		{ "cpu.max.burst", "1000", "" },
		{ "hugetlb.2MB.max", "0", "" },
		{ "rdma.max", "mlx5 hca_handle=2", "" },
		{ "memory.oom.group", "1", "" },
		/* A value that systemd cannot parse is left to the kernel. */
		{ "memory.max", "64M", "" },
		{ "cpuset.cpus", "x", "" },
		{ "cpu.max", "many", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cgroup_write write = { .file = (char *)(uintptr_t)rows[i].file,
					      .text = (char *)(uintptr_t)rows[i].text };
		const struct cgroup_writes writes = { &write, 1 };
		struct strv words = { 0 };
		struct error err = { 0 };

		assert_int_equal(systemd_properties_of_writes(&words, &writes, &err), 0);
		assert_words(&words, rows[i].words);
		strv_done(&words);
	}
}

static void test_variants(void **state)
{
	static const struct {
		const char *text, *words; /* NULL: refused */
	} rows[] = {
		{ "true", "b true" },
		{ "false", "b false" },
		{ "5", "i 5" },
		{ "-5", "i -5" },
		{ "0x10", "i 16" },
		{ "1.5", "d 1.5" },
		{ "1e3", "d 1e3" },
		{ "uint64 18446744073709551615", "t 18446744073709551615" },
		{ "uint32 7", "u 7" },
		{ "int64 -9", "x -9" },
		{ "byte 255", "y 255" },
		{ "double 2", "d 2" },
		{ "'text'", "s text" },
		{ "\"it's\"", "s it's" },
		{ "'a\\'b\\\\c'", "s a'b\\c" },
		{ "string 'x'", "s x" },
		{ "objectpath '/a'", "o /a" },
		{ "['a', 'b']", "as 2 a b" },
		{ "[uint64 1, uint64 2]", "at 2 1 2" },
		{ "@as []", "as 0" },
		{ "@at [1, 2]", "at 2 1 2" },
		{ "[('/dev/sda', uint64 100)]", "a(st) 1 /dev/sda 100" },
		{ "('a', true)", "(sb) a true" },
		{ "[['a'], ['b', 'c']]", "aas 2 1 a 2 b c" },
		{ "  7  ", "i 7" },
		{ "", NULL },
		{ "5 6", NULL },
		{ "nonsense", NULL },
		{ "[]", NULL },
		{ "['a', 5]", NULL },
		{ "'open", NULL },
		{ "'bad\\x'", NULL },
		{ "byte 256", NULL },
		{ "uint32 -1", NULL },
		{ "int32 3000000000", NULL },
		{ "3000000000", NULL },
		{ "@as [5]", NULL },
		{ "uint64 'five'", NULL },
		{ "[1, 2", NULL },
		{ "()", NULL },
		{ "[[[[[[[[[[1]]]]]]]]]]", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct strv words = { 0 };
		int r = systemd_variant_parse(rows[i].text, &words);

		if (!rows[i].words && r >= 0)
			fail_msg("'%s' was taken", rows[i].text);
		if (rows[i].words) {
			if (r < 0)
				fail_msg("'%s' was refused", rows[i].text);
			assert_words(&words, rows[i].words);
		}
		strv_done(&words);
	}
}

static void test_properties_of_annotations(void **state)
{
	static const struct {
		const char *key, *value, *words, *error;
	} rows[] = {
		{ "org.systemd.property.CollectMode", "'inactive-or-failed'",
		  "!CollectMode s inactive-or-failed", NULL },
		{ "org.systemd.property.TimeoutStopUSec", "uint64 5", "!TimeoutStopUSec t 5", NULL },
		{ "org.systemd.property.TimeoutStopSec", "uint64 5", "!TimeoutStopUSec t 5000000", NULL },
		{ "org.systemd.property.TimeoutStopSec", "0.5", "!TimeoutStopUSec t 500000", NULL },
		{ "org.systemd.property.After", "['a.service']", "!After as 1 a.service", NULL },
		{ "org.systemd.propertyless", "nonsense", "", NULL },
		{ "unrelated", "nonsense", "", NULL },
		{ "org.systemd.property.TimeoutStopSec", "'soon'", NULL,
		  "TimeoutStopSec: ''soon'' is not a value" },
		{ "org.systemd.property.TimeoutStopSec", "-1", NULL, "is not a value" },
		{ "org.systemd.property.X", "nonsense", NULL, "property.X: 'nonsense' is not a value" },
		{ "org.systemd.property.", "5", NULL, "is not a value" },
		{ "org.systemd.property.A B", "5", NULL, "is not a value" },
		{ "org.systemd.property.PIDs", "[uint32 1]", NULL, "krun sets this property itself" },
		{ "org.systemd.property.Slice", "'a.slice'", NULL, "krun sets this property itself" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct spec_pair annotation = { rows[i].key, rows[i].value };
		struct strv words = { 0 };
		struct error err = { 0 };
		int r = systemd_properties_of_annotations(&words, &annotation, 1, &err);

		if (rows[i].error) {
			assert_true(r < 0);
			if (!strstr(err.text, rows[i].error))
				fail_msg("%s: '%s'", rows[i].key, err.text);
		} else {
			assert_int_equal(r, 0);
			assert_words(&words, rows[i].words);
		}
		strv_done(&words);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_units_of_requests),
		cmocka_unit_test(test_a_long_unit_name_is_refused),
		cmocka_unit_test(test_the_place_is_the_unit),
		cmocka_unit_test(test_properties_of_files),
		cmocka_unit_test(test_variants),
		cmocka_unit_test(test_properties_of_annotations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
