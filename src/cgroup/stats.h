/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Statistics of a cgroup and all below it (Documentation/admin-guide/cgroup-v2.rst). A file that is missing,
 * because its controller is not enabled or the kernel is older, leaves its fields unset and is not an error.
 * Times are nanoseconds unless stated.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/arena.h"

struct cgroup;
struct error;

/* The value for "max". */
#define CGROUP_NO_LIMIT UINT64_MAX
/* The value for "max" of an rdma resource, whose counters have 32 bits. */
#define CGROUP_RDMA_NO_LIMIT UINT32_MAX

enum { CGROUP_STATS_CPUS = 8192, CGROUP_STATS_NODES = 1024 };

struct cgroup_number {
	bool set;
	uint64_t value;
};

/* Documentation/accounting/psi.rst */
struct cgroup_stall {
	bool set;
	unsigned int avg10, avg60, avg300; /* hundredths of a percent */
	uint64_t total;			   /* microseconds */
};

struct cgroup_pressure {
	struct cgroup_stall some, full;
};

/* In the form of cgroup v1, which callers know. */
struct cgroup_usage {
	struct cgroup_number limit;
	struct cgroup_number usage;
	struct cgroup_number peak;
	struct cgroup_number failures; /* times that the limit was hit */
};

struct cgroup_entry {
	const char *name;
	uint64_t value;
};

struct cgroup_io {
	unsigned int major, minor;
	uint64_t read_bytes, written_bytes, discarded_bytes;
	uint64_t reads, writes, discards;
};

struct cgroup_hugetlb {
	const char *size; /* "2MB" */
	struct cgroup_usage usage;
};

struct cgroup_rdma {
	const char *device;
	uint64_t handles, objects;
};

struct cgroup_stats {
	struct arena arena; /* owns everything that is pointed to */

	/* user and system are sampled; their sum is the total */
	struct cgroup_number cpu_total, cpu_user, cpu_system;
	struct cgroup_number cpu_periods, cpu_throttled_periods, cpu_throttled_time;
	struct cgroup_pressure cpu_pressure;

	/* What the cgroup may use now, cpuset.*.effective. */
	bool has_cpus, has_nodes;
	unsigned long cpus[CGROUP_STATS_CPUS / (8 * sizeof(long))];
	unsigned long nodes[CGROUP_STATS_NODES / (8 * sizeof(long))];

	struct cgroup_usage memory;
	struct cgroup_usage swap; /* without memory */
	struct cgroup_number memory_cache, memory_inactive_file, memory_kernel, memory_sockets;
	struct cgroup_entry *memory_stat; /* every line of memory.stat */
	size_t memory_stat_len;
	struct cgroup_pressure memory_pressure;

	struct cgroup_number pids, pids_limit;

	bool has_io;
	struct cgroup_io *io; /* devices with counters */
	size_t io_len;
	struct cgroup_pressure io_pressure;

	struct cgroup_hugetlb *hugetlb;
	size_t hugetlb_len;

	struct cgroup_rdma *rdma, *rdma_limits;
	size_t rdma_len, rdma_limits_len;
};

/* -ENODEV: the cgroup is gone. Released with cgroup_stats_done(), on success only. */
int cgroup_stats_read(const struct cgroup *cgroup, struct cgroup_stats *ret, struct error *err);
void cgroup_stats_done(struct cgroup_stats *stats);

/*
 * Pure: memory and swap together, as v1 counts them and linux.resources.memory.swap limits them. Usage and
 * limit are sums; the peak of the sum is unknown.
 */
struct cgroup_usage cgroup_memory_and_swap(const struct cgroup_stats *stats);

/* ---- stats_parse.c ------------------------------------------------------------------------------------- */

/* Pure: parsers of the kernel's texts. */

/* Parses "4096" or "max", with or without a newline. */
struct cgroup_number cgroup_parse_number(const char *text);
/* Returns the value of @key in lines of "KEY VALUE". */
struct cgroup_number cgroup_parse_key(const char *text, const char *key);
/* Parses every such line. This array and those below are allocated in @arena. -ENOMEM. */
int cgroup_parse_entries(const char *text, struct arena *arena, struct cgroup_entry **ret, size_t *ret_len);
/* Parses a file of pressure stall information, "cpu.pressure". */
struct cgroup_pressure cgroup_parse_pressure(const char *text);
/*
 * io.stat: "MAJOR:MINOR rbytes=N wbytes=N rios=N wios=N dbytes=N dios=N". A device without counters is left
 * out.
 */
int cgroup_parse_io(const char *text, struct arena *arena, struct cgroup_io **ret, size_t *ret_len);
/* rdma.current, rdma.max: "DEVICE hca_handle=N hca_object=N". */
int cgroup_parse_rdma(const char *text, struct arena *arena, struct cgroup_rdma **ret, size_t *ret_len);
