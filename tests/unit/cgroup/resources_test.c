/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <stdio.h>
#include <string.h>

#include "cgroup/cgroup.h"
#include "cgroup/resources.h"
#include "spec/spec.h"
#include "util/array.h"
#include "util/error.h"

/* The writes as "file=text;..." or "! error". */
static const char *translate(const char *json)
{
	static char out[4096];
	struct cgroup_writes writes;
	struct error err = { 0 };
	struct spec *spec;
	size_t len = 0;

	if (spec_parse_resources(json, strlen(json), "r", &spec, &err) < 0)
		fail_msg("%s: %s", json, err.text);
	out[0] = '\0';
	if (cgroup_writes_make(&spec->resources, &writes, &err) < 0) {
		snprintf(out, sizeof(out), "! %s", err.text);
	} else {
		for (size_t i = 0; i < writes.len; i++) {
			assert_non_null(writes.items[i].property);
			len += (size_t)snprintf(out + len, sizeof(out) - len, "%s=%s;", writes.items[i].file,
						writes.items[i].text);
		}
		cgroup_writes_done(&writes);
	}
	spec_free(spec);
	return out;
}

static void test_each_property(void **state)
{
	static const struct {
		const char *json, *expect;
	} rows[] = {
		{ "{}", "" },
		{ "{\"memory\":{\"limit\":100}}", "memory.max=100;" },
		{ "{\"memory\":{\"limit\":-1}}", "memory.max=max;" },
		{ "{\"memory\":{\"limit\":100,\"swap\":150}}", "memory.max=100;memory.swap.max=50;" },
		{ "{\"memory\":{\"limit\":100,\"swap\":100}}", "memory.max=100;memory.swap.max=0;" },
		{ "{\"memory\":{\"limit\":100,\"swap\":-1}}", "memory.max=100;memory.swap.max=max;" },
		{ "{\"memory\":{\"swap\":100}}", "! /linux/resources/memory/swap: it includes memory: "
						 "/linux/resources/memory/limit is needed, too" },
		{ "{\"memory\":{\"limit\":100,\"swap\":50}}",
		  "! /linux/resources/memory/swap: it includes memory and is smaller than memory/limit" },
		{ "{\"memory\":{\"reservation\":7}}", "memory.low=7;" },
		{ "{\"memory\":{\"kernel\":-1,\"kernelTCP\":0}}", "" },
		{ "{\"memory\":{\"kernel\":5}}",
		  "! /linux/resources/memory/kernel: cgroup v2 has no limit for kernel memory" },
		{ "{\"memory\":{\"swappiness\":0}}",
		  "! /linux/resources/memory/swappiness: cgroup v2 has no swappiness" },
		{ "{\"memory\":{\"disableOOMKiller\":false}}", "" },
		{ "{\"cpu\":{\"shares\":1024}}", "cpu.weight=100;" },
		{ "{\"cpu\":{\"quota\":50000,\"period\":100000}}", "cpu.max=50000 100000;" },
		{ "{\"cpu\":{\"quota\":50000}}", "cpu.max=50000 100000;" },
		{ "{\"cpu\":{\"period\":20000}}", "cpu.max=max 20000;" },
		{ "{\"cpu\":{\"quota\":-1,\"period\":20000}}", "cpu.max=max 20000;" },
		{ "{\"cpu\":{\"burst\":10,\"idle\":1,\"shares\":5}}", "cpu.idle=1;cpu.max.burst=10;" },
		{ "{\"cpu\":{\"cpus\":\"0-1\",\"mems\":\"0\"}}", "cpuset.cpus=0-1;cpuset.mems=0;" },
		{ "{\"cpu\":{\"cpus\":\"\",\"mems\":\"\"}}", "" },
		{ "{\"cpu\":{\"realtimeRuntime\":5}}",
		  "! /linux/resources/cpu/realtimeRuntime: cgroup v2 has no realtime limits" },
		{ "{\"pids\":{\"limit\":0}}", "pids.max=0;" },
		{ "{\"pids\":{\"limit\":-1}}", "pids.max=max;" },
		{ "{\"blockIO\":{\"weight\":10}}", "io.weight=default 1;" },
		{ "{\"blockIO\":{\"weight\":1000}}", "io.weight=default 10000;" },
		{ "{\"blockIO\":{\"leafWeight\":10}}",
		  "! /linux/resources/blockIO/leafWeight: cgroup v2 has no leaf weight" },
		{ "{\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0,\"rate\":7}],"
		  "\"throttleWriteIOPSDevice\":[{\"major\":8,\"minor\":16,\"rate\":9}]}}",
		  "io.max=8:0 rbps=7;io.max=8:16 wiops=9;" },
		{ "{\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":4194304}]}",
		  "hugetlb.2MB.max=4194304;hugetlb.2MB.rsvd.max=4194304;" },
		{ "{\"network\":{\"classID\":5}}",
		  "! /linux/resources/network/classID: cgroup v2 has no network classes" },
		{ "{\"network\":{\"classID\":0}}", "" },
		{ "{\"rdma\":{\"mlx5_1\":{\"hcaHandles\":3,\"hcaObjects\":10},\"mlx4_0\":{\"hcaObjects\":7}}"
		  "}",
		  "rdma.max=mlx5_1 hca_handle=3 hca_object=10;rdma.max=mlx4_0 hca_object=7;" },
		{ "{\"unified\":{\"memory.high\":\"5\"}}", "memory.high=5;" },
		{ "{\"unified\":{\"../x.y\":\"5\"}}",
		  "! /linux/resources/unified: '../x.y' is not a file of a controller" },
		{ "{\"unified\":{\"cgroup.freeze\":\"1\"}}",
		  "! /linux/resources/unified: 'cgroup.freeze' is not a file of a controller" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (strcmp(translate(rows[i].json), rows[i].expect) != 0)
			fail_msg("%s: '%s', expected '%s'", rows[i].json, translate(rows[i].json),
				 rows[i].expect);
}

/* What the engines send when nobody asked for a limit. */
static void test_blocks_of_engines_ask_for_nothing(void **state)
{
	static const char *const blocks[] = {
		/* docker 20.10 */
		"{\"devices\":[{\"allow\":false,\"access\":\"rwm\"}],\"memory\":{},"
		"\"cpu\":{\"shares\":0},\"pids\":{\"limit\":-1},\"blockIO\":{\"weight\":0}}",
		/* containerd, ctr */
		"{\"devices\":[{\"allow\":false,\"access\":\"rwm\"}],\"cpu\":{\"shares\":1024}}",
		/* update of docker */
		"{\"memory\":{\"limit\":0,\"reservation\":0,\"swap\":0,\"kernel\":0},\"cpu\":{\"shares\":0,"
		"\"quota\":0,"
		"\"period\":0,\"realtimeRuntime\":0,\"realtimePeriod\":0,\"cpus\":\"\",\"mems\":\"\"},"
		"\"blockIO\":{\"weight\":0}}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(blocks); i++) {
		struct error err = { 0 };
		struct spec *spec;

		assert_int_equal(spec_parse_resources(blocks[i], strlen(blocks[i]), "r", &spec, &err), 0);
		if (cgroup_wants_limits(&spec->resources))
			fail_msg("%s: %s", blocks[i], translate(blocks[i]));
		spec_free(spec);
	}
}

/* A pod of Kubernetes by way of containerd. */
static void test_block_of_kubernetes(void **state)
{
	(void)state;
	assert_string_equal(
		translate("{\"memory\":{\"limit\":134217728,\"swap\":134217728},\"cpu\":{\"shares\":102,"
			  "\"quota\":50000,\"period\":100000},\"unified\":{\"memory.oom.group\":\"1\"}}"),
		"memory.max=134217728;memory.swap.max=0;cpu.weight=17;cpu.max=50000 100000;"
		"memory.oom.group=1;");
}

static void test_controllers(void **state)
{
	static const char json[] =
		"{\"memory\":{\"limit\":1},\"cpu\":{\"cpus\":\"0\",\"shares\":2},\"pids\":{\"limit\":1},"
		"\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":1}]}";
	static const char *const expect[] = { "memory", "cpu", "cpuset", "pids", "hugetlb", "hugetlb" };
	struct cgroup_writes writes;
	struct error err = { 0 };
	struct spec *spec;

	(void)state;
	assert_int_equal(spec_parse_resources(json, strlen(json), "r", &spec, &err), 0);
	assert_int_equal(cgroup_writes_make(&spec->resources, &writes, &err), 0);
	assert_int_equal(writes.len, ARRAY_LEN(expect));
	for (size_t i = 0; i < writes.len; i++)
		assert_string_equal(writes.items[i].controller, expect[i]);
	cgroup_writes_done(&writes);
	spec_free(spec);
}

static void test_weights_for_bfq(void **state)
{
	static const char json[] =
		"{\"blockIO\":{\"weight\":500,\"weightDevice\":[{\"major\":8,\"minor\":0,\"weight\":300}]}}";
	struct cgroup_writes writes;
	struct error err = { 0 };
	struct spec *spec;

	(void)state;
	assert_int_equal(spec_parse_resources(json, strlen(json), "r", &spec, &err), 0);
	assert_int_equal(cgroup_writes_make(&spec->resources, &writes, &err), 0);
	assert_string_equal(writes.items[0].bfq_text, "500");
	assert_string_equal(writes.items[1].bfq_text, "8:0 300");
	assert_string_equal(writes.items[1].text, "8:0 2930");
	cgroup_writes_done(&writes);
	spec_free(spec);
}

static void test_weight_from_shares_meets_defaults_and_ends(void **state)
{
	unsigned int last = 0;

	(void)state;
	assert_int_equal(cgroup_weight_from_shares(2), 1);
	assert_int_equal(cgroup_weight_from_shares(1024), 100);
	assert_int_equal(cgroup_weight_from_shares(262144), 10000);
	assert_int_equal(cgroup_weight_from_shares(0), 1);
	assert_int_equal(cgroup_weight_from_shares(~0ULL), 10000);
	for (unsigned long long shares = 2; shares <= 262144; shares += 97) {
		unsigned int weight = cgroup_weight_from_shares(shares);

		assert_true(weight >= last && weight <= 10000);
		last = weight;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_property),
		cmocka_unit_test(test_blocks_of_engines_ask_for_nothing),
		cmocka_unit_test(test_block_of_kubernetes),
		cmocka_unit_test(test_controllers),
		cmocka_unit_test(test_weights_for_bfq),
		cmocka_unit_test(test_weight_from_shares_meets_defaults_and_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
