/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/stats_text.h"
#include "container/events.h"
#include "json/make.h"
#include "util/array.h"

static void put_number(struct json_maker *maker, struct json_object *object, const char *key,
		       struct cgroup_number number)
{
	if (number.set)
		json_put_u64(maker, object, key, number.value);
}

/* ---- cpu, cpuset ----------------------------------------------------------------------------- */

static void put_percent(struct json_maker *maker, struct json_object *object, const char *key,
			unsigned int value)
{
	char text[32];

	snprintf(text, sizeof(text), "%u.%02u", value / 100, value % 100);
	json_put(maker, object, key, json_object_new_double_s(value / 100.0, text));
}

static void put_stall(struct json_maker *maker, struct json_object *psi, const char *key,
		      const struct cgroup_stall *stall)
{
	struct json_object *object;

	if (!stall->set)
		return;
	object = json_put_object(maker, psi, key);
	put_percent(maker, object, "avg10", stall->avg10);
	put_percent(maker, object, "avg60", stall->avg60);
	put_percent(maker, object, "avg300", stall->avg300);
	json_put_u64(maker, object, "total", stall->total);
}

static void put_pressure(struct json_maker *maker, struct json_object *object,
			 const struct cgroup_pressure *pressure)
{
	struct json_object *psi;

	if (!pressure->some.set && !pressure->full.set)
		return;
	psi = json_put_object(maker, object, "psi");
	put_stall(maker, psi, "some", &pressure->some);
	put_stall(maker, psi, "full", &pressure->full);
}

static void put_cpu(struct json_maker *maker, struct json_object *data, const struct cgroup_stats *stats)
{
	struct json_object *cpu = json_put_object(maker, data, "cpu"), *object;

	object = json_put_object(maker, cpu, "usage");
	put_number(maker, object, "total", stats->cpu_total);
	put_number(maker, object, "kernel", stats->cpu_system);
	put_number(maker, object, "user", stats->cpu_user);
	object = json_put_object(maker, cpu, "throttling");
	put_number(maker, object, "periods", stats->cpu_periods);
	put_number(maker, object, "throttledPeriods", stats->cpu_throttled_periods);
	put_number(maker, object, "throttledTime", stats->cpu_throttled_time);
	put_pressure(maker, cpu, &stats->cpu_pressure);
}

static void put_bits(struct json_maker *maker, struct json_object *object, const char *key,
		     const unsigned long *mask, unsigned int bits)
{
	const unsigned int width = 8 * sizeof(*mask);
	struct json_object *array = json_put_array(maker, object, key);

	for (unsigned int bit = 0; bit < bits; bit++)
		if (mask[bit / width] >> bit % width & 1)
			json_append_i64(maker, array, bit);
}

static void put_cpuset(struct json_maker *maker, struct json_object *data, const struct cgroup_stats *stats)
{
	struct json_object *cpuset;

	if (!stats->has_cpus && !stats->has_nodes)
		return;
	cpuset = json_put_object(maker, data, "cpuset");
	if (stats->has_cpus)
		put_bits(maker, cpuset, "cpus", stats->cpus, CGROUP_STATS_CPUS);
	if (stats->has_nodes)
		put_bits(maker, cpuset, "mems", stats->nodes, CGROUP_STATS_NODES);
}

/* ---- memory, pids, hugetlb ------------------------------------------------------------------- */

static void put_usage(struct json_maker *maker, struct json_object *object, const struct cgroup_usage *usage)
{
	put_number(maker, object, "limit", usage->limit);
	put_number(maker, object, "usage", usage->usage);
	put_number(maker, object, "max", usage->peak);
	put_number(maker, object, "failcnt", usage->failures);
}

/* Usage of a kind that has no limit of its own in cgroup v2. */
static struct cgroup_usage without_limit(struct cgroup_number usage)
{
	const struct cgroup_number none = { usage.set, CGROUP_NO_LIMIT }, zero = { usage.set, 0 };

	return (struct cgroup_usage){ .limit = none, .usage = usage, .failures = zero };
}

static void put_memory(struct json_maker *maker, struct json_object *data, const struct cgroup_stats *stats)
{
	struct json_object *memory = json_put_object(maker, data, "memory"), *raw;
	const struct {
		const char *key;
		struct cgroup_usage usage;
	} usages[] = {
		{ "usage", stats->memory },
		{ "swap", cgroup_memory_and_swap(stats) },
		{ "kernel", without_limit(stats->memory_kernel) },
		{ "kernelTCP", without_limit(stats->memory_sockets) },
	};

	put_number(maker, memory, "cache", stats->memory_cache);
	for (size_t i = 0; i < ARRAY_LEN(usages); i++)
		if (usages[i].usage.usage.set)
			put_usage(maker, json_put_object(maker, memory, usages[i].key), &usages[i].usage);
	if (stats->memory_stat_len > 0) {
		raw = json_put_object(maker, memory, "raw");
		for (size_t i = 0; i < stats->memory_stat_len; i++)
			json_put_u64(maker, raw, stats->memory_stat[i].name, stats->memory_stat[i].value);
	}
	put_pressure(maker, memory, &stats->memory_pressure);
}

static void put_pids(struct json_maker *maker, struct json_object *data, const struct cgroup_stats *stats)
{
	struct json_object *pids = json_put_object(maker, data, "pids");

	put_number(maker, pids, "current", stats->pids);
	put_number(maker, pids, "limit", stats->pids_limit);
}

static void put_hugetlb(struct json_maker *maker, struct json_object *data, const struct cgroup_stats *stats)
{
	struct json_object *hugetlb = json_put_object(maker, data, "hugetlb");

	for (size_t i = 0; i < stats->hugetlb_len; i++)
		put_usage(maker, json_put_object(maker, hugetlb, stats->hugetlb[i].size),
			  &stats->hugetlb[i].usage);
}

/* ---- blkio ----------------------------------------------------------------------------------- */

struct io_count {
	const char *operation; /* as the blkio controller of cgroup v1 called them */
	size_t offset;
};

static void put_io(struct json_maker *maker, struct json_object *blkio, const char *key,
		   const struct cgroup_stats *stats, const struct io_count *counts, size_t len)
{
	struct json_object *array = json_put_array(maker, blkio, key);

	for (size_t i = 0; i < stats->io_len * len; i++) {
		const struct cgroup_io *device = &stats->io[i / len];
		const struct io_count *count = &counts[i % len];
		struct json_object *entry = json_append_object(maker, array);

		json_put_u64(maker, entry, "major", device->major);
		json_put_u64(maker, entry, "minor", device->minor);
		json_put_text(maker, entry, "op", count->operation);
		json_put_u64(maker, entry, "value",
			     *(const uint64_t *)((const char *)device + count->offset));
	}
}

static void put_blkio(struct json_maker *maker, struct json_object *data, const struct cgroup_stats *stats)
{
	static const struct io_count bytes[] = {
		{ "Read", offsetof(struct cgroup_io, read_bytes) },
		{ "Write", offsetof(struct cgroup_io, written_bytes) },
		{ "Discard", offsetof(struct cgroup_io, discarded_bytes) },
	};
	static const struct io_count operations[] = {
		{ "Read", offsetof(struct cgroup_io, reads) },
		{ "Write", offsetof(struct cgroup_io, writes) },
		{ "Discard", offsetof(struct cgroup_io, discards) },
	};
	struct json_object *blkio = json_put_object(maker, data, "blkio");

	if (stats->has_io) {
		put_io(maker, blkio, "ioServiceBytesRecursive", stats, bytes, ARRAY_LEN(bytes));
		put_io(maker, blkio, "ioServicedRecursive", stats, operations, ARRAY_LEN(operations));
	}
	put_pressure(maker, blkio, &stats->io_pressure);
}

/* ---- rdma, intel_rdt, network_interfaces ----------------------------------------------------- */

static void put_rdma_devices(struct json_maker *maker, struct json_object *rdma, const char *key,
			     const struct cgroup_rdma *devices, size_t len)
{
	struct json_object *array = json_put_array(maker, rdma, key);

	for (size_t i = 0; i < len; i++) {
		struct json_object *entry = json_append_object(maker, array);

		json_put_text(maker, entry, "device", devices[i].device);
		json_put_u64(maker, entry, "hcaHandles", devices[i].handles);
		json_put_u64(maker, entry, "hcaObjects", devices[i].objects);
	}
}

static void put_rdma(struct json_maker *maker, struct json_object *data, const struct cgroup_stats *stats)
{
	struct json_object *rdma;

	if (stats->rdma_len == 0 && stats->rdma_limits_len == 0)
		return;
	rdma = json_put_object(maker, data, "rdma");
	put_rdma_devices(maker, rdma, "current", stats->rdma, stats->rdma_len);
	put_rdma_devices(maker, rdma, "limit", stats->rdma_limits, stats->rdma_limits_len);
}

static void put_known(struct json_maker *maker, struct json_object *object, const char *key, uint64_t value)
{
	if (value != RDT_UNKNOWN)
		json_put_u64(maker, object, key, value);
}

static void put_rdt(struct json_maker *maker, struct json_object *data, const struct rdt_stats *stats)
{
	struct json_object *rdt, *bandwidth, *occupancy;

	if (!stats->l3_cache && !stats->mem_bw && stats->domains_len == 0)
		return;
	rdt = json_put_object(maker, data, "intel_rdt");
	if (stats->l3_cache)
		json_put_text(maker, rdt, "l3_cache_schema", stats->l3_cache);
	if (stats->mem_bw)
		json_put_text(maker, rdt, "mem_bw_schema", stats->mem_bw);
	if (stats->domains_len == 0)
		return;
	bandwidth = json_put_array(maker, rdt, "mbm_stats");
	occupancy = json_put_array(maker, rdt, "cmt_stats");
	for (size_t i = 0; i < stats->domains_len; i++) {
		struct json_object *entry = json_append_object(maker, bandwidth);

		put_known(maker, entry, "mbm_total_bytes", stats->domains[i].total_bytes);
		put_known(maker, entry, "mbm_local_bytes", stats->domains[i].local_bytes);
		entry = json_append_object(maker, occupancy);
		put_known(maker, entry, "llc_occupancy", stats->domains[i].occupancy);
	}
}

static void put_direction(struct json_maker *maker, struct json_object *object, const char *const *keys,
			  const struct net_direction *direction)
{
	json_put_u64(maker, object, keys[0], direction->bytes);
	json_put_u64(maker, object, keys[1], direction->packets);
	json_put_u64(maker, object, keys[2], direction->errors);
	json_put_u64(maker, object, keys[3], direction->dropped);
}

static void put_network(struct json_maker *maker, struct json_object *data,
			const struct container_sample *sample)
{
	static const char *const rx[] = { "RxBytes", "RxPackets", "RxErrors", "RxDropped" };
	static const char *const tx[] = { "TxBytes", "TxPackets", "TxErrors", "TxDropped" };
	struct json_object *array;

	if (sample->interfaces_len == 0)
		return;
	array = json_put_array(maker, data, "network_interfaces");
	for (size_t i = 0; i < sample->interfaces_len; i++) {
		struct json_object *entry = json_append_object(maker, array);

		json_put_text(maker, entry, "Name", sample->interfaces[i].name);
		put_direction(maker, entry, rx, &sample->interfaces[i].rx);
		put_direction(maker, entry, tx, &sample->interfaces[i].tx);
	}
}

/* ---- the events ------------------------------------------------------------------------------ */

static struct json_object *envelope(struct json_maker *maker, const char *type, const char *id)
{
	struct json_object *event = json_make_object(maker);

	json_put_text(maker, event, "type", type);
	json_put_text(maker, event, "id", id);
	return event;
}

char *stats_json(const struct container_sample *sample)
{
	const struct cgroup_stats *stats = &sample->cgroup;
	struct json_maker maker = { 0 };
	auto_json event = envelope(&maker, "stats", sample->id);
	struct json_object *data = json_put_object(&maker, event, "data");

	put_cpu(&maker, data, stats);
	put_cpuset(&maker, data, stats);
	put_memory(&maker, data, stats);
	put_pids(&maker, data, stats);
	put_blkio(&maker, data, stats);
	put_hugetlb(&maker, data, stats);
	put_rdma(&maker, data, stats);
	put_rdt(&maker, data, &sample->rdt);
	put_network(&maker, data, sample);
	return json_make_text(&maker, event, JSON_LINE);
}

char *stats_json_oom(const char *id)
{
	struct json_maker maker = { 0 };
	auto_json event = envelope(&maker, "oom", id);

	return json_make_text(&maker, event, JSON_LINE);
}
