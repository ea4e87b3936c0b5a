/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cgroup/cgroup.h"
#include "cgroup/resources.h"
#include "spec/spec.h"
#include "util/array.h"
#include "util/error.h"

/* Returns the writes as "file=text;..." or "! error". @present: NULL: a new cgroup. */
static const char *translate_on(const char *json, const struct cgroup_present *present)
{
	static char out[4096];
	struct cgroup_writes writes;
	struct error err = { 0 };
	struct spec *spec;
	size_t len = 0;

	if (spec_parse_resources(json, strlen(json), "r", &spec, &err) < 0)
		fail_msg("%s: %s", json, err.text);
	out[0] = '\0';
	if (cgroup_writes_make(&spec->resources, present, &writes, &err) < 0) {
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

static const char *translate(const char *json)
{
	return translate_on(json, NULL);
}

static void test_each_property(void **state)
{
	static const struct {
		const char *json, *expect;
	} rows[] = {
		{ "{}", "" },
		{ "{\"memory\":{\"limit\":100}}", "memory.max=100;" },
		{ "{\"memory\":{\"limit\":-1}}", "memory.max=max;memory.swap.max=max;" },
		{ "{\"memory\":{\"limit\":-1,\"swap\":-1}}", "memory.max=max;memory.swap.max=max;" },
		{ "{\"memory\":{\"limit\":-1,\"swap\":9}}",
		  "! /linux/resources/memory/swap: it includes memory: memory/limit is -1, so there is no "
		  "limit for both" },
		{ "{\"memory\":{\"limit\":100,\"swap\":150}}", "memory.max=100;memory.swap.max=50;" },
		{ "{\"memory\":{\"limit\":100,\"swap\":100}}", "memory.max=100;memory.swap.max=0;" },
		{ "{\"memory\":{\"limit\":100,\"swap\":-1}}", "memory.max=100;memory.swap.max=max;" },
		{ "{\"memory\":{\"swap\":100}}", "! /linux/resources/memory/swap: it includes memory: "
						 "/linux/resources/memory/limit is needed, too" },
		{ "{\"memory\":{\"limit\":100,\"swap\":50}}",
		  "! /linux/resources/memory/swap: 50 includes memory and is smaller than its limit, 100" },
		{ "{\"memory\":{\"reservation\":7}}", "memory.low=7;" },
		{ "{\"memory\":{\"kernel\":-1,\"kernelTCP\":0}}", "" },
		{ "{\"memory\":{\"kernel\":5}}",
		  "! /linux/resources/memory/kernel: cgroup v2 has no limit for kernel memory" },
		{ "{\"memory\":{\"swappiness\":0}}",
		  "! /linux/resources/memory/swappiness: cgroup v2 has no swappiness" },
		{ "{\"memory\":{\"disableOOMKiller\":false,\"useHierarchy\":true}}", "" },
		{ "{\"memory\":{\"useHierarchy\":false}}",
		  "! /linux/resources/memory/useHierarchy: cgroup v2 always counts what is below a group" },
		{ "{\"cpu\":{\"shares\":1024}}", "cpu.weight=100;" },
		{ "{\"cpu\":{\"quota\":50000,\"period\":100000}}", "cpu.max=50000 100000;" },
		{ "{\"cpu\":{\"quota\":50000}}", "cpu.max=50000 100000;" },
		{ "{\"cpu\":{\"period\":20000}}", "cpu.max=max 20000;" },
		{ "{\"cpu\":{\"quota\":-1,\"period\":20000}}", "cpu.max=max 20000;" },
		{ "{\"cpu\":{\"burst\":10,\"idle\":1,\"shares\":5}}", "cpu.idle=1;cpu.max.burst=10;" },
		{ "{\"cpu\":{\"burst\":0,\"idle\":0}}", "cpu.idle=0;cpu.max.burst=0;" },
		{ "{\"cpu\":{\"quota\":9,\"burst\":10}}",
		  "! /linux/resources/cpu/burst: a burst of 10 is more than the quota, 9" },
		{ "{\"cpu\":{\"cpus\":\"0-1\",\"mems\":\"0\"}}", "cpuset.cpus=0-1;cpuset.mems=0;" },
		{ "{\"cpu\":{\"cpus\":\"\",\"mems\":\"\"}}", "" },
		{ "{\"cpu\":{\"realtimeRuntime\":5}}",
		  "! /linux/resources/cpu/realtimeRuntime: cgroup v2 has no realtime limits" },
		{ "{\"pids\":{\"limit\":0}}", "pids.max=max;" },
		{ "{\"pids\":{\"limit\":-1}}", "pids.max=max;" },
		{ "{\"blockIO\":{\"weight\":10}}", "io.weight=default 1;" },
		{ "{\"blockIO\":{\"weight\":1000}}", "io.weight=default 10000;" },
		{ "{\"blockIO\":{\"leafWeight\":10}}",
		  "! /linux/resources/blockIO/leafWeight: cgroup v2 has no leaf weight" },
		{ "{\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0,\"rate\":7}],"
		  "\"throttleWriteIOPSDevice\":[{\"major\":8,\"minor\":16,\"rate\":9}]}}",
		  "io.max=8:0 rbps=7;io.max=8:16 wiops=9;" },
		{ "{\"blockIO\":{\"throttleReadIOPSDevice\":[{\"major\":8,\"minor\":0,\"rate\":0}]}}",
		  "io.max=8:0 riops=max;" },
		{ "{\"blockIO\":{\"weightDevice\":[{\"major\":8,\"minor\":0,\"leafWeight\":10}]}}",
		  "! /linux/resources/blockIO/weightDevice: cgroup v2 has no leaf weight" },
		{ "{\"blockIO\":{\"weightDevice\":[{\"major\":8,\"minor\":0,\"weight\":0}]}}", "" },
		{ "{\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":4194304}]}",
		  "hugetlb.2MB.max=4194304;hugetlb.2MB.rsvd.max=4194304;" },
		{ "{\"network\":{\"classID\":5}}",
		  "! /linux/resources/network/classID: cgroup v2 has no network classes" },
		{ "{\"network\":{\"classID\":0}}", "" },
		{ "{\"rdma\":{\"mlx5_1\":{\"hcaHandles\":3,\"hcaObjects\":10},\"mlx4_0\":{\"hcaObjects\":7}}"
		  "}",
		  "rdma.max=mlx5_1 hca_handle=3 hca_object=10;rdma.max=mlx4_0 hca_object=7;" },
		{ "{\"rdma\":{\"mlx5_1\":{\"hcaHandles\":0,\"hcaObjects\":4294967295}}}",
		  "rdma.max=mlx5_1 hca_handle=0 hca_object=max;" },
		{ "{\"rdma\":{\"mlx5_1\":{}}}",
		  "! /linux/resources/rdma: 'mlx5_1' has neither hcaHandles nor hcaObjects" },
		{ "{\"unified\":{\"memory.high\":\"5\",\"misc.max\":\"sev 3\",\"future.file\":\"x\"}}",
		  "memory.high=5;misc.max=sev 3;future.file=x;" },
		{ "{\"unified\":{\"io.max\":\"8:0 rbps=7 wiops=120\\n8:16 rbps=9\\n\"}}",
		  "io.max=8:0 rbps=7 wiops=120;io.max=8:16 rbps=9;" },
		{ "{\"unified\":{\"cpuset.cpus\":\"\"}}", "cpuset.cpus=;" },
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

/* What a request does not name stays unchanged, and the kernel accepts the order of the writes. */
static void test_requests_on_a_group_with_limits(void **state)
{
	static char own_cpus[] = "0-3", own_mems[] = "0";
	const struct cgroup_present present = {
		.memory_max = 100,
		.swap_max = 50,
		.memory_usage = -1,
		.swap_usage = -1,
		.quota = 50000,
		.period = 20000,
		.burst = 10000,
		.weight = 77,
		.cpus = own_cpus,
		.mems = own_mems,
	};
	struct cgroup_present idle = present, used = present;
	static const struct {
		const char *json, *expect;
	} rows[] = {
		/* swap includes memory, whose present limit counts */
		{ "{\"memory\":{\"swap\":170}}", "memory.swap.max=70;" },
		{ "{\"memory\":{\"swap\":-1}}", "memory.swap.max=max;" },
		{ "{\"memory\":{\"swap\":99}}",
		  "! /linux/resources/memory/swap: 99 includes memory and is smaller than its limit, 100" },
		{ "{\"memory\":{\"limit\":60}}", "memory.max=60;" },
		{ "{\"memory\":{\"limit\":60,\"swap\":0}}", "memory.max=60;" },
		{ "{\"memory\":{\"limit\":-1}}", "memory.swap.max=max;memory.max=max;" },
		/* more swap comes before less memory, less swap after more memory */
		{ "{\"memory\":{\"limit\":60,\"swap\":150}}", "memory.swap.max=90;memory.max=60;" },
		{ "{\"memory\":{\"limit\":120,\"swap\":130}}", "memory.max=120;memory.swap.max=10;" },
		/* quota and period share a file */
		{ "{\"cpu\":{\"quota\":60000}}", "cpu.max=60000 20000;" },
		{ "{\"cpu\":{\"quota\":-1}}", "cpu.max=max 20000;" },
		{ "{\"cpu\":{\"quota\":0,\"period\":0}}", "" },
		{ "{\"cpu\":{\"period\":100000}}", "cpu.max=50000 100000;" },
		{ "{\"cpu\":{\"burst\":20000}}", "cpu.max.burst=20000;" },
		{ "{\"cpu\":{\"burst\":0}}", "cpu.max.burst=0;" },
		/* the burst never exceeds the quota in between */
		{ "{\"cpu\":{\"quota\":5000,\"burst\":4000}}", "cpu.max.burst=4000;cpu.max=5000 20000;" },
		{ "{\"cpu\":{\"quota\":90000,\"burst\":80000}}",
		  "cpu.max=90000 20000;cpu.max.burst=80000;" },
		{ "{\"cpu\":{\"quota\":5000}}",
		  "! /linux/resources/cpu/quota: a burst of 10000 is more than the quota, 5000" },
		{ "{\"cpu\":{\"burst\":60000}}",
		  "! /linux/resources/cpu/burst: a burst of 60000 is more than the quota, 50000" },
		{ "{\"cpu\":{\"cpus\":\"0,2-3\",\"mems\":\"0\"}}", "cpuset.cpus=0,2-3;cpuset.mems=0;" },
		{ "{\"cpu\":{\"cpus\":\"3-4\"}}",
		  "! /linux/resources/cpu/cpus: write '3-4' to 'cpuset.cpus': the group above has "
		  "'0-3' only" },
		{ "{\"cpu\":{\"mems\":\"1\"}}",
		  "! /linux/resources/cpu/mems: write '1' to 'cpuset.mems': the group above has '0' only" },
		{ "{\"cpu\":{\"cpus\":\"nonsense\"}}", "cpuset.cpus=nonsense;" },
		{ "{\"cpu\":{\"idle\":0}}", "cpu.idle=0;" },
		{ "{\"cpu\":{\"idle\":1}}", "cpu.idle=1;" },
		{ "{\"cpu\":{\"shares\":1024}}", "cpu.weight=100;" },
	},
	  idle_rows[] = {
		  { "{\"cpu\":{\"idle\":0}}", "cpu.idle=0;cpu.weight=77;" },
		  { "{\"cpu\":{\"idle\":0,\"shares\":1024}}", "cpu.idle=0;cpu.weight=100;" },
		  { "{\"cpu\":{\"shares\":1024}}", "" },
		  { "{\"cpu\":{\"idle\":1,\"shares\":1024}}", "cpu.idle=1;" },
	  },
	  used_rows[] = {
		  { "{\"memory\":{\"limit\":60}}",
		    "! /linux/resources/memory/limit: write '60' to 'memory.max': the present usage is 61, "
		    "and memory/checkBeforeUpdate is set" },
		  { "{\"memory\":{\"limit\":61}}", "memory.max=61;" },
		  { "{\"memory\":{\"limit\":-1}}", "memory.swap.max=max;memory.max=max;" },
		  { "{\"memory\":{\"limit\":61,\"swap\":65}}",
		    "! /linux/resources/memory/swap: write '4' to 'memory.swap.max': the present usage is 5, "
		    "and memory/checkBeforeUpdate is set" },
	  };

	(void)state;
	idle.idle = true;
	used.memory_usage = 61;
	used.swap_usage = 5;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (strcmp(translate_on(rows[i].json, &present), rows[i].expect) != 0)
			fail_msg("%s: '%s'", rows[i].json, translate_on(rows[i].json, &present));
	for (size_t i = 0; i < ARRAY_LEN(idle_rows); i++)
		if (strcmp(translate_on(idle_rows[i].json, &idle), idle_rows[i].expect) != 0)
			fail_msg("idle: %s: '%s'", idle_rows[i].json, translate_on(idle_rows[i].json, &idle));
	for (size_t i = 0; i < ARRAY_LEN(used_rows); i++)
		if (strcmp(translate_on(used_rows[i].json, &used), used_rows[i].expect) != 0)
			fail_msg("used: %s: '%s'", used_rows[i].json, translate_on(used_rows[i].json, &used));
}

static struct opt_i64 number(int64_t value)
{
	return (struct opt_i64){ value != 0, value };
}

/* 0: absent. */
static void test_memory_of_config_json_after_a_change(void **state)
{
	static const struct {
		struct {
			int64_t limit, swap;
		} before, changes, present, expect;
	} rows[] = {
		{ { 0, 0 }, { 60, 0 }, { -1, -1 }, { 60, 0 } },
		{ { 100, 150 }, { 60, 0 }, { 100, 50 }, { 60, 110 } },
		{ { 100, 150 }, { 200, 0 }, { 100, 50 }, { 200, 250 } },
		{ { 100, -1 }, { 60, 0 }, { 100, -1 }, { 60, -1 } },
		{ { 100, 150 }, { -1, 0 }, { 100, 50 }, { -1, -1 } },
		{ { 100, 0 }, { 0, 170 }, { 100, -1 }, { 100, 170 } },
		{ { 100, 150 }, { 0, 0 }, { 100, 50 }, { 100, 150 } },
		/* a limit that did not come from config.json */
		{ { 0, 0 }, { 0, 170 }, { 120, -1 }, { 120, 170 } },
		{ { 0, 0 }, { 0, -1 }, { 120, -1 }, { 0, -1 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct spec_memory before = { .limit = number(rows[i].before.limit),
						    .swap = number(rows[i].before.swap) };
		const struct spec_memory changes = { .limit = number(rows[i].changes.limit),
						     .swap = number(rows[i].changes.swap) };
		struct cgroup_present present = cgroup_present_new;
		struct opt_i64 limit, swap;

		present.memory_max = rows[i].present.limit;
		present.swap_max = rows[i].present.swap;
		cgroup_memory_settle(&before, &changes, &present, &limit, &swap);
		if (limit.value != rows[i].expect.limit || swap.value != rows[i].expect.swap)
			fail_msg("row %zu: limit %" PRId64 ", swap %" PRId64, i, limit.value, swap.value);
		assert_int_equal(limit.set, rows[i].expect.limit != 0);
		assert_int_equal(swap.set, rows[i].expect.swap != 0);
	}
}

/* Resources that engines send when no limit was asked for. */
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
		struct cgroup_writes writes = { 0 };
		struct error err = { 0 };
		struct spec *spec;

		assert_int_equal(spec_parse_resources(blocks[i], strlen(blocks[i]), "r", &spec, &err), 0);
		assert_int_equal(cgroup_writes_make(&spec->resources, NULL, &writes, &err), 0);
		if (cgroup_writes_limit(&writes))
			fail_msg("%s: %s", blocks[i], translate(blocks[i]));
		cgroup_writes_done(&writes);
		spec_free(spec);
	}
}

/* Resources that engines send. Devices are left out where they do not matter. */
static void test_blocks_of_engines(void **state)
{
	static const struct {
		const char *engine, *block, *expect;
	} rows[] = {
		{ "docker 20.10: run",
		  "{\"devices\":[{\"allow\":false,\"access\":\"rwm\"},{\"allow\":true,\"type\":\"c\","
		  "\"major\":1,\"minor\":5,\"access\":\"rwm\"},{\"allow\":false,\"type\":\"c\",\"major\":10,"
		  "\"minor\":229,\"access\":\"rwm\"}],\"memory\":{},\"cpu\":{\"shares\":0},\"blockIO\":{"
		  "\"weight\":0}}",
		  "" },
		{ "docker 20.10: run --memory 64m --cpus 0.5 --cpu-shares 512 --pids-limit 100 --cpuset-cpus "
		  "0 --memory-reservation 32m",
		  "{\"memory\":{\"limit\":67108864,\"reservation\":33554432,\"swap\":134217728},\"cpu\":{"
		  "\"shares\":512,\"quota\":50000,\"period\":100000,\"cpus\":\"0\"},\"pids\":{\"limit\":100},"
		  "\"blockIO\":{\"weight\":0}}",
		  "memory.max=67108864;memory.swap.max=67108864;memory.low=33554432;cpu.weight=59;cpu.max="
		  "50000 100000;cpuset.cpus=0;pids.max=100;" },
		{ "docker 20.10: run --memory 64m --memory-swap -1",
		  "{\"memory\":{\"limit\":67108864},\"cpu\":{\"shares\":0},\"blockIO\":{\"weight\":0}}",
		  "memory.max=67108864;" },
		{ "docker 20.10: run --memory 64m --memory-swap 64m",
		  "{\"memory\":{\"limit\":67108864,\"swap\":67108864},\"cpu\":{\"shares\":0},\"blockIO\":{"
		  "\"weight\":0}}",
		  "memory.max=67108864;memory.swap.max=0;" },
		{ "docker 20.10: run --blkio-weight 500 --device-read-bps /dev/vda:1mb --device-write-iops "
		  "/dev/vda:100",
		  "{\"memory\":{},\"cpu\":{\"shares\":0},\"blockIO\":{\"weight\":500,"
		  "\"throttleReadBpsDevice\":[{\"major\":254,\"minor\":0,\"rate\":1048576}],"
		  "\"throttleWriteIOPSDevice\":[{\"major\":254,\"minor\":0,\"rate\":100}]}}",
		  "io.weight=default 4950;io.max=254:0 rbps=1048576;io.max=254:0 wiops=100;" },
		{ "docker 20.10: run --privileged",
		  "{\"devices\":[{\"allow\":true,\"access\":\"rwm\"}],\"memory\":{},\"cpu\":{\"shares\":0},"
		  "\"blockIO\":{\"weight\":0}}",
		  "" },
		{ "docker 20.10: run on cgroup v1",
		  "{\"memory\":{\"disableOOMKiller\":false},\"cpu\":{\"shares\":0},\"pids\":{\"limit\":-1},"
		  "\"blockIO\":{\"weight\":0}}",
		  "pids.max=max;" },
		{ "podman 4.3: run",
		  "{\"devices\":[{\"allow\":false,\"access\":\"rwm\"}],\"pids\":{\"limit\":2048}}",
		  "pids.max=2048;" },
		{ "podman 4.3: run --memory 64m --cpus 0.5 --cpu-shares 512 --cpuset-cpus 0 "
		  "--memory-reservation 32m --pids-limit 99",
		  "{\"devices\":[{\"allow\":false,\"access\":\"rwm\"}],\"memory\":{\"limit\":67108864,"
		  "\"reservation\":33554432,\"swap\":134217728},\"cpu\":{\"shares\":512,\"quota\":50000,"
		  "\"period\":100000,\"cpus\":\"0\"},\"pids\":{\"limit\":99}}",
		  "memory.max=67108864;memory.swap.max=67108864;memory.low=33554432;cpu.weight=59;cpu.max="
		  "50000 100000;cpuset.cpus=0;pids.max=99;" },
		{ "podman 4.3: run --cgroup-conf memory.high=50000000 --cgroup-conf pids.max=44",
		  "{\"pids\":{\"limit\":2048},\"unified\":{\"memory.high\":\"50000000\",\"pids.max\":\"44\"}"
		  "}",
		  "pids.max=2048;memory.high=50000000;pids.max=44;" },
		{ "podman 4.3: run --blkio-weight 500 --device-read-bps /dev/vda:1mb",
		  "{\"pids\":{\"limit\":2048},\"blockIO\":{\"weight\":500,\"throttleReadBpsDevice\":[{"
		  "\"major\":254,\"minor\":0,\"rate\":1048576}]}}",
		  "pids.max=2048;io.weight=default 4950;io.max=254:0 rbps=1048576;" },
		{ "podman 4.3: update --memory 64m --cpus 1",
		  "{\"memory\":{\"limit\":67108864,\"swap\":134217728},\"cpu\":{\"quota\":100000,\"period\":"
		  "100000}}",
		  "memory.max=67108864;memory.swap.max=67108864;cpu.max=100000 100000;" },
		{ "ctr 1.6: run", "{\"cpu\":{\"shares\":1024}}", "cpu.weight=100;" },
		{ "ctr 1.6: run --memory-limit 67108864 --cpus 0.5",
		  "{\"memory\":{\"limit\":67108864},\"cpu\":{\"shares\":1024,\"quota\":50000,\"period\":"
		  "100000}}",
		  "memory.max=67108864;cpu.weight=100;cpu.max=50000 100000;" },
		{ "kubelet, by containerd's CRI: a pod with limits of cpu and memory",
		  "{\"memory\":{\"limit\":134217728,\"swap\":134217728},\"cpu\":{\"shares\":102,\"quota\":"
		  "50000,\"period\":100000},\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":0},{"
		  "\"pageSize\":\"1GB\",\"limit\":0}],\"unified\":{\"memory.oom.group\":\"1\"}}",
		  "memory.max=134217728;memory.swap.max=0;cpu.weight=17;cpu.max=50000 "
		  "100000;hugetlb.2MB.max=0;hugetlb.2MB.rsvd.max=0;hugetlb.1GB.max=0;hugetlb.1GB.rsvd.max=0;"
		  "memory.oom.group=1;" },
		{ "kubelet, by containerd's CRI: one without any",
		  "{\"memory\":{},\"cpu\":{\"shares\":2,\"period\":100000},\"hugepageLimits\":[{\"pageSize\":"
		  "\"2MB\",\"limit\":0}],\"unified\":{\"memory.oom.group\":\"1\"}}",
		  "cpu.weight=1;cpu.max=max "
		  "100000;hugetlb.2MB.max=0;hugetlb.2MB.rsvd.max=0;memory.oom.group=1;" },
		{ "kubelet, by containerd's CRI: its sandbox", "{\"cpu\":{\"shares\":2}}", "cpu.weight=1;" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (strcmp(translate(rows[i].block), rows[i].expect) != 0)
			fail_msg("%s: '%s', expected '%s'", rows[i].engine, translate(rows[i].block),
				 rows[i].expect);
}

/* docker update of a container with limits: the request has a zero for all that was not asked for. */
static void test_updates_of_docker(void **state)
{
	static const struct {
		const char *options, *block, *expect;
	} rows[] = {
		{ "--memory 64m --memory-swap 128m",
		  "{\"memory\":{\"limit\":67108864,\"reservation\":0,\"swap\":134217728,\"kernel\":0},"
		  "\"cpu\":{\"shares\":0,\"quota\":0,\"period\":0},\"blockIO\":{\"weight\":0}}",
		  "memory.swap.max=67108864;memory.max=67108864;" },
		{ "--cpus 1.5",
		  "{\"memory\":{\"limit\":0,\"reservation\":0,\"kernel\":0},\"cpu\":{\"shares\":0,\"quota\":"
		  "150000,\"period\":100000},\"blockIO\":{\"weight\":0}}",
		  "cpu.max=150000 100000;" },
		{ "--pids-limit 55",
		  "{\"memory\":{\"limit\":0,\"reservation\":0,\"kernel\":0},\"cpu\":{\"shares\":0,\"quota\":"
		  "0,\"period\":0},\"pids\":{\"limit\":55},\"blockIO\":{\"weight\":0}}",
		  "pids.max=55;" },
		{ "--cpu-shares 300 --cpuset-cpus 0 --memory-reservation 16m --blkio-weight 300",
		  "{\"memory\":{\"limit\":0,\"reservation\":16777216,\"kernel\":0},\"cpu\":{\"shares\":300,"
		  "\"quota\":0,\"period\":0,\"cpus\":\"0\"},\"blockIO\":{\"weight\":300}}",
		  "memory.low=16777216;cpu.weight=39;cpuset.cpus=0;io.weight=default 2930;" },
		{ "--restart no",
		  "{\"memory\":{\"limit\":0,\"reservation\":0,\"kernel\":0},\"cpu\":{\"shares\":0,\"quota\":"
		  "0,\"period\":0},\"blockIO\":{\"weight\":0}}",
		  "" },
	};
	struct cgroup_present present = cgroup_present_new;

	(void)state;
	present.memory_max = 32 << 20;
	present.swap_max = 32 << 20;
	present.quota = 50000;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (strcmp(translate_on(rows[i].block, &present), rows[i].expect) != 0)
			fail_msg("%s: '%s', expected '%s'", rows[i].options,
				 translate_on(rows[i].block, &present), rows[i].expect);
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
	assert_int_equal(cgroup_writes_make(&spec->resources, NULL, &writes, &err), 0);
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
	assert_int_equal(cgroup_writes_make(&spec->resources, NULL, &writes, &err), 0);
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
		cmocka_unit_test(test_requests_on_a_group_with_limits),
		cmocka_unit_test(test_memory_of_config_json_after_a_change),
		cmocka_unit_test(test_blocks_of_engines_ask_for_nothing),
		cmocka_unit_test(test_blocks_of_engines),
		cmocka_unit_test(test_updates_of_docker),
		cmocka_unit_test(test_controllers),
		cmocka_unit_test(test_weights_for_bfq),
		cmocka_unit_test(test_weight_from_shares_meets_defaults_and_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
