/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <stdlib.h>
#include <string.h>

#include "cli/stats_text.h"
#include "container/events.h"

/* The whole text is compared, because callers rely on names, types and order. */
static void check(const struct container_sample *sample, const char *expect)
{
	char *text = stats_json(sample);

	assert_non_null(text);
	assert_string_equal(text, expect);
	free(text);
}

static void test_oom(void **state)
{
	char *text = stats_json_oom("web");

	(void)state;
	assert_string_equal(text, "{\"type\":\"oom\",\"id\":\"web\"}\n");
	free(text);
}

static void test_nothing_counted(void **state)
{
	const struct container_sample sample = { .id = "web" };

	(void)state;
	check(&sample,
	      "{\"type\":\"stats\",\"id\":\"web\",\"data\":{\"cpu\":{\"usage\":{},\"throttling\":{}},"
	      "\"memory\":{},\"pids\":{},\"blkio\":{},\"hugetlb\":{}}}\n");
}

static void test_cpu_and_cpuset(void **state)
{
	const struct container_sample sample = {
		.id = "web",
		.cgroup = {
			.cpu_total = { true, 3000 },
			.cpu_user = { true, 1000 },
			.cpu_system = { true, 0 },
			.cpu_periods = { true, 8 },
			.cpu_throttled_periods = { true, 3 },
			.cpu_throttled_time = { true, UINT64_C(9223372036854775808) },
			.cpu_pressure = { .some = { true, 59, 1207, 10000, 83072 } },
			.has_cpus = true,
			.cpus = { 0x27, 1 },
			.has_nodes = true,
			.nodes = { 1 },
		},
	};

	(void)state;
	check(&sample,
	      "{\"type\":\"stats\",\"id\":\"web\",\"data\":{\"cpu\":{"
	      "\"usage\":{\"total\":3000,\"kernel\":0,\"user\":1000},"
	      "\"throttling\":{\"periods\":8,\"throttledPeriods\":3,"
	      "\"throttledTime\":9223372036854775808},"
	      "\"psi\":{\"some\":{\"avg10\":0.59,\"avg60\":12.07,\"avg300\":100.00,\"total\":83072}}},"
	      "\"cpuset\":{\"cpus\":[0,1,2,5,64],\"mems\":[0]},"
	      "\"memory\":{},\"pids\":{},\"blkio\":{},\"hugetlb\":{}}}\n");
}

static void test_memory_and_pids(void **state)
{
	static struct cgroup_entry entries[] = { { "anon", 1 }, { "file", 2 } };
	const struct container_sample sample = {
		.id = "web",
		.cgroup = {
			.memory = {
				.limit = { true, 67108864 },
				.usage = { true, 4096 },
				.peak = { true, 8192 },
				.failures = { true, 13 },
			},
			.swap = { .limit = { true, CGROUP_NO_LIMIT },
				  .usage = { true, 1 },
				  .failures = { true, 2 } },
			.memory_cache = { true, 2 },
			.memory_kernel = { true, 3 },
			.memory_sockets = { true, 0 },
			.memory_stat = entries,
			.memory_stat_len = 2,
			.pids = { true, 7 },
			.pids_limit = { true, CGROUP_NO_LIMIT },
		},
	};

	(void)state;
	check(&sample,
	      "{\"type\":\"stats\",\"id\":\"web\",\"data\":{\"cpu\":{\"usage\":{},\"throttling\":{}},"
	      "\"memory\":{\"cache\":2,"
	      "\"usage\":{\"limit\":67108864,\"usage\":4096,\"max\":8192,\"failcnt\":13},"
	      "\"swap\":{\"limit\":18446744073709551615,\"usage\":4097,\"failcnt\":2},"
	      "\"kernel\":{\"limit\":18446744073709551615,\"usage\":3,\"failcnt\":0},"
	      "\"kernelTCP\":{\"limit\":18446744073709551615,\"usage\":0,\"failcnt\":0},"
	      "\"raw\":{\"anon\":1,\"file\":2}},"
	      "\"pids\":{\"current\":7,\"limit\":18446744073709551615},\"blkio\":{},\"hugetlb\":{}}}\n");
}

static void test_devices(void **state)
{
	static struct cgroup_io io[] = { { 8, 0, 1, 2, 3, 4, 5, 6 } };
	static struct cgroup_hugetlb hugetlb[] = {
		{ "2MB",
		  { .limit = { true, CGROUP_NO_LIMIT }, .usage = { true, 5 }, .failures = { true, 6 } } }
	};
	static struct cgroup_rdma rdma[] = { { "mlx4_0", 2, 2000 } },
				  limits[] = { { "mlx4_0", 7, UINT32_MAX } };
	const struct container_sample sample = {
		.id = "web",
		.cgroup = {
			.has_io = true,
			.io = io,
			.io_len = 1,
			.io_pressure = { .full = { true, 1, 2, 3, 4 } },
			.hugetlb = hugetlb,
			.hugetlb_len = 1,
			.rdma = rdma,
			.rdma_len = 1,
			.rdma_limits = limits,
			.rdma_limits_len = 1,
		},
	};

	(void)state;
	check(&sample,
	      "{\"type\":\"stats\",\"id\":\"web\",\"data\":{\"cpu\":{\"usage\":{},\"throttling\":{}},"
	      "\"memory\":{},\"pids\":{},\"blkio\":{\"ioServiceBytesRecursive\":["
	      "{\"major\":8,\"minor\":0,\"op\":\"Read\",\"value\":1},"
	      "{\"major\":8,\"minor\":0,\"op\":\"Write\",\"value\":2},"
	      "{\"major\":8,\"minor\":0,\"op\":\"Discard\",\"value\":3}],"
	      "\"ioServicedRecursive\":["
	      "{\"major\":8,\"minor\":0,\"op\":\"Read\",\"value\":4},"
	      "{\"major\":8,\"minor\":0,\"op\":\"Write\",\"value\":5},"
	      "{\"major\":8,\"minor\":0,\"op\":\"Discard\",\"value\":6}],"
	      "\"psi\":{\"full\":{\"avg10\":0.01,\"avg60\":0.02,\"avg300\":0.03,\"total\":4}}},"
	      "\"hugetlb\":{\"2MB\":{\"limit\":18446744073709551615,\"usage\":5,\"failcnt\":6}},"
	      "\"rdma\":{\"current\":[{\"device\":\"mlx4_0\",\"hcaHandles\":2,\"hcaObjects\":2000}],"
	      "\"limit\":[{\"device\":\"mlx4_0\",\"hcaHandles\":7,\"hcaObjects\":4294967295}]}}}\n");
}

static void test_network_with_names_of_the_containers_choice(void **state)
{
	static struct net_interface interfaces[] = {
		{ "eth0", { 1, 2, 3, 4 }, { 5, 6, 7, UINT64_MAX } },
		{ "\"}\\\xff\x01", { 0 }, { 0 } },
	};
	const struct container_sample sample = { .id = "web", .interfaces = interfaces, .interfaces_len = 2 };

	(void)state;
	check(&sample,
	      "{\"type\":\"stats\",\"id\":\"web\",\"data\":{\"cpu\":{\"usage\":{},\"throttling\":{}},"
	      "\"memory\":{},\"pids\":{},\"blkio\":{},\"hugetlb\":{},\"network_interfaces\":["
	      "{\"Name\":\"eth0\",\"RxBytes\":1,\"RxPackets\":2,\"RxErrors\":3,\"RxDropped\":4,"
	      "\"TxBytes\":5,\"TxPackets\":6,\"TxErrors\":7,\"TxDropped\":18446744073709551615},"
	      "{\"Name\":\"\\\"}\\\\\xef\xbf\xbd\\u0001\",\"RxBytes\":0,\"RxPackets\":0,\"RxErrors\":0,"
	      "\"RxDropped\":0,\"TxBytes\":0,\"TxPackets\":0,\"TxErrors\":0,\"TxDropped\":0}]}}\n");
}

static void test_resctrl(void **state)
{
	static struct rdt_domain domains[] = { { 1, 2, 3 }, { 4, RDT_UNKNOWN, RDT_UNKNOWN } };
	static char l3[] = "L3:0=f;1=3", mb[] = "MB:0=100";
	const struct container_sample sample = {
		.id = "web",
		.rdt = { .l3_cache = l3, .mem_bw = mb, .domains = domains, .domains_len = 2 },
	};

	(void)state;
	check(&sample,
	      "{\"type\":\"stats\",\"id\":\"web\",\"data\":{\"cpu\":{\"usage\":{},\"throttling\":{}},"
	      "\"memory\":{},\"pids\":{},\"blkio\":{},\"hugetlb\":{},\"intel_rdt\":{"
	      "\"l3_cache_schema\":\"L3:0=f;1=3\",\"mem_bw_schema\":\"MB:0=100\","
	      "\"mbm_stats\":[{\"mbm_total_bytes\":2,\"mbm_local_bytes\":3},{}],"
	      "\"cmt_stats\":[{\"llc_occupancy\":1},{\"llc_occupancy\":4}]}}}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_oom),
		cmocka_unit_test(test_nothing_counted),
		cmocka_unit_test(test_cpu_and_cpuset),
		cmocka_unit_test(test_memory_and_pids),
		cmocka_unit_test(test_devices),
		cmocka_unit_test(test_network_with_names_of_the_containers_choice),
		cmocka_unit_test(test_resctrl),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
