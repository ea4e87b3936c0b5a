/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/stats_text.h"
#include "container/events.h"
#include "util/array.h"
#include "util/utf8.h"

/* Remembers a failure, always of memory, so that callers need not check each call. */
struct maker {
	bool failed;
};

static void put(struct maker *maker, struct json_object *object, const char *key, struct json_object *value)
{
	if (!object || !value || json_object_object_add(object, key, value) < 0) {
		json_object_put(value);
		maker->failed = true;
	}
}

static void append(struct maker *maker, struct json_object *array, struct json_object *value)
{
	if (!array || !value || json_object_array_add(array, value) < 0) {
		json_object_put(value);
		maker->failed = true;
	}
}

static void put_u64(struct maker *maker, struct json_object *object, const char *key, uint64_t value)
{
	put(maker, object, key, json_object_new_uint64(value));
}

static void put_number(struct maker *maker, struct json_object *object, const char *key,
		       struct cgroup_number number)
{
	if (number.set)
		put_u64(maker, object, key, number.value);
}

/* Names may come from the container and may not be valid UTF-8. */
static void put_text(struct maker *maker, struct json_object *object, const char *key, const char *text)
{
	char *valid = utf8_repair(text);

	put(maker, object, key, valid ? json_object_new_string(valid) : NULL);
	free(valid);
}

/* Adds a member that stays in the output even if it is empty. */
static struct json_object *put_object(struct maker *maker, struct json_object *object, const char *key)
{
	struct json_object *value = json_object_new_object();

	put(maker, object, key, value);
	return maker->failed ? NULL : value;
}

static struct json_object *put_array(struct maker *maker, struct json_object *object, const char *key)
{
	struct json_object *value = json_object_new_array();

	put(maker, object, key, value);
	return maker->failed ? NULL : value;
}

static struct json_object *append_object(struct maker *maker, struct json_object *array)
{
	struct json_object *value = json_object_new_object();

	append(maker, array, value);
	return maker->failed ? NULL : value;
}

/* ---- cpu, cpuset ----------------------------------------------------------------------------- */

static void put_percent(struct maker *maker, struct json_object *object, const char *key, unsigned int value)
{
	char text[32];

	snprintf(text, sizeof(text), "%u.%02u", value / 100, value % 100);
	put(maker, object, key, json_object_new_double_s(value / 100.0, text));
}

static void put_stall(struct maker *maker, struct json_object *psi, const char *key,
		      const struct cgroup_stall *stall)
{
	struct json_object *object;

	if (!stall->set)
		return;
	object = put_object(maker, psi, key);
	put_percent(maker, object, "avg10", stall->avg10);
	put_percent(maker, object, "avg60", stall->avg60);
	put_percent(maker, object, "avg300", stall->avg300);
	put_u64(maker, object, "total", stall->total);
}

static void put_pressure(struct maker *maker, struct json_object *object,
			 const struct cgroup_pressure *pressure)
{
	struct json_object *psi;

	if (!pressure->some.set && !pressure->full.set)
		return;
	psi = put_object(maker, object, "psi");
	put_stall(maker, psi, "some", &pressure->some);
	put_stall(maker, psi, "full", &pressure->full);
}

static void put_cpu(struct maker *maker, struct json_object *data, const struct cgroup_stats *stats)
{
	struct json_object *cpu = put_object(maker, data, "cpu"), *object;

	object = put_object(maker, cpu, "usage");
	put_number(maker, object, "total", stats->cpu_total);
	put_number(maker, object, "kernel", stats->cpu_system);
	put_number(maker, object, "user", stats->cpu_user);
	object = put_object(maker, cpu, "throttling");
	put_number(maker, object, "periods", stats->cpu_periods);
	put_number(maker, object, "throttledPeriods", stats->cpu_throttled_periods);
	put_number(maker, object, "throttledTime", stats->cpu_throttled_time);
	put_pressure(maker, cpu, &stats->cpu_pressure);
}

static void put_bits(struct maker *maker, struct json_object *object, const char *key,
		     const unsigned long *mask, unsigned int bits)
{
	const unsigned int width = 8 * sizeof(*mask);
	struct json_object *array = put_array(maker, object, key);

	for (unsigned int bit = 0; bit < bits; bit++)
		if (mask[bit / width] >> bit % width & 1)
			append(maker, array, json_object_new_int64(bit));
}

static void put_cpuset(struct maker *maker, struct json_object *data, const struct cgroup_stats *stats)
{
	struct json_object *cpuset;

	if (!stats->has_cpus && !stats->has_nodes)
		return;
	cpuset = put_object(maker, data, "cpuset");
	if (stats->has_cpus)
		put_bits(maker, cpuset, "cpus", stats->cpus, CGROUP_STATS_CPUS);
	if (stats->has_nodes)
		put_bits(maker, cpuset, "mems", stats->nodes, CGROUP_STATS_NODES);
}

/* ---- memory, pids, hugetlb ------------------------------------------------------------------- */

static void put_usage(struct maker *maker, struct json_object *object, const struct cgroup_usage *usage)
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

static void put_memory(struct maker *maker, struct json_object *data, const struct cgroup_stats *stats)
{
	struct json_object *memory = put_object(maker, data, "memory"), *raw;
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
			put_usage(maker, put_object(maker, memory, usages[i].key), &usages[i].usage);
	if (stats->memory_stat_len > 0) {
		raw = put_object(maker, memory, "raw");
		for (size_t i = 0; i < stats->memory_stat_len; i++)
			put_u64(maker, raw, stats->memory_stat[i].name, stats->memory_stat[i].value);
	}
	put_pressure(maker, memory, &stats->memory_pressure);
}

static void put_pids(struct maker *maker, struct json_object *data, const struct cgroup_stats *stats)
{
	struct json_object *pids = put_object(maker, data, "pids");

	put_number(maker, pids, "current", stats->pids);
	put_number(maker, pids, "limit", stats->pids_limit);
}

static void put_hugetlb(struct maker *maker, struct json_object *data, const struct cgroup_stats *stats)
{
	struct json_object *hugetlb = put_object(maker, data, "hugetlb");

	for (size_t i = 0; i < stats->hugetlb_len; i++)
		put_usage(maker, put_object(maker, hugetlb, stats->hugetlb[i].size),
			  &stats->hugetlb[i].usage);
}

/* ---- blkio ----------------------------------------------------------------------------------- */

struct io_count {
	const char *operation; /* as the blkio controller of cgroup v1 called them */
	size_t offset;
};

static void put_io(struct maker *maker, struct json_object *blkio, const char *key,
		   const struct cgroup_stats *stats, const struct io_count *counts, size_t len)
{
	struct json_object *array = put_array(maker, blkio, key);

	for (size_t i = 0; i < stats->io_len * len; i++) {
		const struct cgroup_io *device = &stats->io[i / len];
		const struct io_count *count = &counts[i % len];
		struct json_object *entry = append_object(maker, array);

		put_u64(maker, entry, "major", device->major);
		put_u64(maker, entry, "minor", device->minor);
		put(maker, entry, "op", json_object_new_string(count->operation));
		put_u64(maker, entry, "value", *(const uint64_t *)((const char *)device + count->offset));
	}
}

static void put_blkio(struct maker *maker, struct json_object *data, const struct cgroup_stats *stats)
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
	struct json_object *blkio = put_object(maker, data, "blkio");

	if (stats->has_io) {
		put_io(maker, blkio, "ioServiceBytesRecursive", stats, bytes, ARRAY_LEN(bytes));
		put_io(maker, blkio, "ioServicedRecursive", stats, operations, ARRAY_LEN(operations));
	}
	put_pressure(maker, blkio, &stats->io_pressure);
}

/* ---- rdma, intel_rdt, network_interfaces ----------------------------------------------------- */

static void put_rdma_devices(struct maker *maker, struct json_object *rdma, const char *key,
			     const struct cgroup_rdma *devices, size_t len)
{
	struct json_object *array = put_array(maker, rdma, key);

	for (size_t i = 0; i < len; i++) {
		struct json_object *entry = append_object(maker, array);

		put_text(maker, entry, "device", devices[i].device);
		put_u64(maker, entry, "hcaHandles", devices[i].handles);
		put_u64(maker, entry, "hcaObjects", devices[i].objects);
	}
}

static void put_rdma(struct maker *maker, struct json_object *data, const struct cgroup_stats *stats)
{
	struct json_object *rdma;

	if (stats->rdma_len == 0 && stats->rdma_limits_len == 0)
		return;
	rdma = put_object(maker, data, "rdma");
	put_rdma_devices(maker, rdma, "current", stats->rdma, stats->rdma_len);
	put_rdma_devices(maker, rdma, "limit", stats->rdma_limits, stats->rdma_limits_len);
}

static void put_known(struct maker *maker, struct json_object *object, const char *key, uint64_t value)
{
	if (value != RDT_UNKNOWN)
		put_u64(maker, object, key, value);
}

static void put_rdt(struct maker *maker, struct json_object *data, const struct rdt_stats *stats)
{
	struct json_object *rdt, *bandwidth, *occupancy;

	if (!stats->l3_cache && !stats->mem_bw && stats->domains_len == 0)
		return;
	rdt = put_object(maker, data, "intel_rdt");
	if (stats->l3_cache)
		put_text(maker, rdt, "l3_cache_schema", stats->l3_cache);
	if (stats->mem_bw)
		put_text(maker, rdt, "mem_bw_schema", stats->mem_bw);
	if (stats->domains_len == 0)
		return;
	bandwidth = put_array(maker, rdt, "mbm_stats");
	occupancy = put_array(maker, rdt, "cmt_stats");
	for (size_t i = 0; i < stats->domains_len; i++) {
		struct json_object *entry = append_object(maker, bandwidth);

		put_known(maker, entry, "mbm_total_bytes", stats->domains[i].total_bytes);
		put_known(maker, entry, "mbm_local_bytes", stats->domains[i].local_bytes);
		entry = append_object(maker, occupancy);
		put_known(maker, entry, "llc_occupancy", stats->domains[i].occupancy);
	}
}

static void put_direction(struct maker *maker, struct json_object *object, const char *const *keys,
			  const struct net_direction *direction)
{
	put_u64(maker, object, keys[0], direction->bytes);
	put_u64(maker, object, keys[1], direction->packets);
	put_u64(maker, object, keys[2], direction->errors);
	put_u64(maker, object, keys[3], direction->dropped);
}

static void put_network(struct maker *maker, struct json_object *data, const struct container_sample *sample)
{
	static const char *const rx[] = { "RxBytes", "RxPackets", "RxErrors", "RxDropped" };
	static const char *const tx[] = { "TxBytes", "TxPackets", "TxErrors", "TxDropped" };
	struct json_object *array;

	if (sample->interfaces_len == 0)
		return;
	array = put_array(maker, data, "network_interfaces");
	for (size_t i = 0; i < sample->interfaces_len; i++) {
		struct json_object *entry = append_object(maker, array);

		put_text(maker, entry, "Name", sample->interfaces[i].name);
		put_direction(maker, entry, rx, &sample->interfaces[i].rx);
		put_direction(maker, entry, tx, &sample->interfaces[i].tx);
	}
}

/* ---- the events ------------------------------------------------------------------------------ */

static struct json_object *envelope(struct maker *maker, const char *type, const char *id)
{
	struct json_object *event = json_object_new_object();

	put(maker, event, "type", json_object_new_string(type));
	put(maker, event, "id", json_object_new_string(id));
	return event;
}

/* Takes ownership of @event. */
static char *line_of(const struct maker *maker, struct json_object *event)
{
	const char *text = NULL;
	char *line = NULL;

	if (!maker->failed)
		text = json_object_to_json_string_ext(event, JSON_C_TO_STRING_PLAIN |
								     JSON_C_TO_STRING_NOSLASHESCAPE);
	if (text && asprintf(&line, "%s\n", text) < 0)
		line = NULL;
	json_object_put(event);
	return line;
}

char *stats_json(const struct container_sample *sample)
{
	const struct cgroup_stats *stats = &sample->cgroup;
	struct maker maker = { 0 };
	struct json_object *event = envelope(&maker, "stats", sample->id);
	struct json_object *data = put_object(&maker, event, "data");

	put_cpu(&maker, data, stats);
	put_cpuset(&maker, data, stats);
	put_memory(&maker, data, stats);
	put_pids(&maker, data, stats);
	put_blkio(&maker, data, stats);
	put_hugetlb(&maker, data, stats);
	put_rdma(&maker, data, stats);
	put_rdt(&maker, data, &sample->rdt);
	put_network(&maker, data, sample);
	return line_of(&maker, event);
}

char *stats_json_oom(const char *id)
{
	struct maker maker = { 0 };

	return line_of(&maker, envelope(&maker, "oom", id));
}
