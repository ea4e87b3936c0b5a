/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Pure: translates linux.resources to writes to files of cgroup v2, in order. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct opt_i64;
struct spec_memory;
struct spec_resources;

struct cgroup_write {
	char *file; /* "memory.max" */
	char *text;
	const char *controller; /* "memory": must be enabled for the file to exist; NULL: none */
	/* JSON pointer below /linux/resources ("memory/limit"), for errors; "unified" for all of those. */
	const char *property;
	/* for "io.weight": the text for "io.bfq.weight", which the BFQ scheduler uses; else NULL */
	char *bfq_text;
	bool is_default; /* the default of a new cgroup, so its controller may be missing */
	bool is_line;	 /* a line of several in the file; its first word is the device or resource */
};

struct cgroup_writes {
	struct cgroup_write *items;
	size_t len;
};

/*
 * The limits in force before the writes: several properties share a file, the kernel refuses some values
 * because of another file's, and what a request does not name must stay. cgroup_present_read() fills in what
 * a request needs.
 */
struct cgroup_present {
	int64_t memory_max, swap_max;	  /* bytes, -1: no limit */
	int64_t memory_usage, swap_usage; /* bytes, to compare with a new limit; -1: no comparison */
	int64_t quota;			  /* microseconds, -1: no limit */
	uint64_t period, burst;		  /* microseconds */
	bool idle;
	/* cpu.weight of an earlier request, restored when the cgroup stops being idle; 0: none */
	unsigned int weight;
	char *cpus, *mems; /* effective ones of the parent cgroup; owned; NULL: unknown */
};

/* A new cgroup, whose parent has all CPUs and memory nodes. */
extern const struct cgroup_present cgroup_present_new;
void cgroup_present_done(struct cgroup_present *present);

/*
 * @present: NULL means cgroup_present_new. Absent values, and the zeros that engines always send, mean "no
 * change". A 0 is a value for cpu.burst, cpu.idle and the limits of huge pages and rdma, and means "no limit"
 * for a throttle and for pids.limit. -EINVAL, with the property: cgroup v2 has no such file, or values
 * contradict each other or the limits in force; -EBUSY: memory.checkBeforeUpdate. The kernel accepts the
 * order of the writes at each step. Released with cgroup_writes_done().
 */
int cgroup_writes_make(const struct spec_resources *resources, const struct cgroup_present *present,
		       struct cgroup_writes *ret, struct error *err);
/* Returns whether any of them is a limit, other than the default of a new cgroup. */
bool cgroup_writes_limit(const struct cgroup_writes *writes);
void cgroup_writes_done(struct cgroup_writes *writes);

/*
 * Converts cpu.shares (2..262144, default 1024) to cpu.weight (1..10000, default 100): minimum, default and
 * maximum map to each other.
 */
unsigned int cgroup_weight_from_shares(unsigned long long shares);

/*
 * Computes memory.limit and memory.swap of config.json after @changes to @before, so that they describe the
 * limits in force: in config.json swap includes memory, and is in force without a memory limit. .set ==
 * false: never asked for.
 */
void cgroup_memory_settle(const struct spec_memory *before, const struct spec_memory *changes,
			  const struct cgroup_present *present, struct opt_i64 *ret_limit,
			  struct opt_i64 *ret_swap);
