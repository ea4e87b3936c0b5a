/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * linux.resources of config.json (config-linux.md "Control groups"), in the specification's units, and the
 * optional numbers of all structs; included by spec.h. cgroup/resources.c translates the values for cgroup
 * v2.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct opt_i64 {
	bool set;
	int64_t value;
};

struct opt_u64 {
	bool set;
	uint64_t value;
};

struct spec_pair { /* annotations, sysctl, unified */
	const char *key;
	const char *value;
	bool refused; /* an annotation without effect, because the host does not allow it; km/trust.h */
};

struct spec_device_rule {
	bool allow;
	char type;		     /* 'a', 'c' or 'b' */
	struct opt_i64 major, minor; /* .set == false: any number (absent or -1 in config.json) */
	bool read, write, mknod;     /* from "rwm"; all three when absent */
};

struct spec_memory {
	struct opt_i64 limit, reservation, swap, kernel, kernel_tcp;
	struct opt_u64 swappiness;
	bool disable_oom_killer;
	struct {
		bool set, value;
	} use_hierarchy, check_before_update;
};

struct spec_cpu {
	struct opt_u64 shares, period, realtime_period, burst;
	struct opt_i64 quota, realtime_runtime, idle;
	const char *cpus, *mems; /* NULL when absent */
};

struct spec_throttle {
	int64_t major, minor;
	uint64_t rate;
};

struct spec_weight_device {
	int64_t major, minor;
	struct opt_u64 weight, leaf_weight;
};

struct spec_throttle_list {
	struct spec_throttle *items;
	size_t len;
};

struct spec_block_io {
	struct opt_u64 weight, leaf_weight;
	struct spec_weight_device *weight_devices;
	size_t weight_devices_len;
	struct spec_throttle_list read_bps, write_bps, read_iops, write_iops;
};

struct spec_hugepage_limit {
	const char *page_size; /* "2MB" */
	uint64_t limit;
};

struct spec_rdma {
	const char *device;
	struct opt_u64 handles, objects;
};

struct spec_priority {
	const char *name;
	uint64_t priority;
};

struct spec_resources {
	struct spec_device_rule *devices;
	size_t devices_len;
	struct spec_memory memory;
	struct spec_cpu cpu;
	struct opt_i64 pids_limit;
	struct spec_block_io block_io;
	struct spec_hugepage_limit *hugepage_limits;
	size_t hugepage_limits_len;
	struct spec_rdma *rdma;
	size_t rdma_len;
	struct opt_u64 network_class_id;
	struct spec_priority *network_priorities;
	size_t network_priorities_len;
	struct spec_pair *unified;
	size_t unified_len;
};
