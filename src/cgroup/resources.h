/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Pure: from linux.resources to the files of cgroup v2 that have to be written, in order. */

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
	const char *controller; /* "memory": has to be enabled for the file to exist */
	const char *
		property; /* "memory/limit": below /linux/resources, for errors; "unified" for all of those */
	char *bfq_text; /* for "io.weight": the same for "io.bfq.weight", which other schedulers read; else NULL */
	bool is_default; /* what a new group has anyway: asks nothing of a controller that is not there */
	bool is_line; /* one of several lines of the file, which starts with the device or resource that it is about */
};

struct cgroup_writes {
	struct cgroup_write *items;
	size_t len;
};

/*
 * What is in force in the group before the writes: several properties share a file, some files refuse a value because of
 * another one, and what a request does not name has to stay. The reader (change.h) fills what a request needs.
 */
struct cgroup_present {
	int64_t memory_max, swap_max;	  /* bytes, -1: no limit */
	int64_t memory_usage, swap_usage; /* bytes, to be compared with a new limit; -1: need not be */
	int64_t quota;			  /* microseconds, -1: no limit */
	uint64_t period, burst;		  /* microseconds */
	bool idle;
	unsigned int
		weight; /* of the cpu, asked for earlier: comes back when the group stops being idle; 0: none */
	char *cpus, *mems; /* of the group above; NULL: unknown. Owned */
};

/* A group that was just made, with a group above that has everything. */
extern const struct cgroup_present cgroup_present_new;
void cgroup_present_done(struct cgroup_present *present);

/*
 * @present: NULL means cgroup_present_new. Absent values, and the zeros that engines always send, mean "leave alone"; cpu.burst,
 * cpu.idle and the limits of huge pages and rdma take 0 as a number, and a throttle or pids.limit of 0 is none. What cgroup v2 has
 * no file for, and what contradicts itself or what is in force, is an error that names the property. The order is one that the
 * kernel accepts at each step.
 */
int cgroup_writes_make(const struct spec_resources *resources, const struct cgroup_present *present,
		       struct cgroup_writes *ret, struct error *err);
/* Whether any of them is a limit that needs a controller; what a new group has anyway is none. */
bool cgroup_writes_limit(const struct cgroup_writes *writes);
void cgroup_writes_done(struct cgroup_writes *writes);

/* cpu.shares (2..262144, default 1024) to cpu.weight (1..10000, default 100), defaults and ends meeting. */
unsigned int cgroup_weight_from_shares(unsigned long long shares);

/*
 * What memory.limit and memory.swap of config.json have to say after @changes came on top of @before, so that both together
 * mean what is in force: swap counts memory, too, and is in force without it. .set == false: no such limit was ever asked for.
 */
void cgroup_memory_settle(const struct spec_memory *before, const struct spec_memory *changes,
			  const struct cgroup_present *present, struct opt_i64 *ret_limit,
			  struct opt_i64 *ret_swap);
