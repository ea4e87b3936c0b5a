/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * linux.intelRdt: a class of service in the resctrl file system, which divides cache and memory bandwidth
 * (Documentation/filesystems/resctrl.rst). A class is a directory; its file schemata has the division, its
 * file tasks the threads.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct error;
struct spec_rdt;

/* The part that the state file keeps. */
struct rdt_group {
	char *name;	 /* directory below resctrl; "." is the root class; NULL: none; owned */
	bool monitoring; /* has a monitoring group with the container's id */
};

/* Opens the host's resctrl mount; the caller closes it. -EOPNOTSUPP: there is none. */
int rdt_open(struct error *err);

/*
 * Finds or makes the class by the rules of config-linux.md for intelRdt and writes its schemata. @resctrl_fd:
 * the mount's directory. *ret: what was made, also on failure; the caller frees ret->name.
 */
int rdt_prepare(int resctrl_fd, const struct spec_rdt *rdt, const char *id, struct rdt_group *ret,
		struct error *err);
/*
 * For `update`: writes l3CacheSchema and memBwSchema of @rdt; resources that they do not name stay. *ret_old:
 * the schemata from before, for rdt_restore(); the caller frees it.
 */
int rdt_update(int resctrl_fd, const struct rdt_group *group, const struct spec_rdt *rdt, char **ret_old,
	       struct error *err);
int rdt_restore(int resctrl_fd, const struct rdt_group *group, const char *old, struct error *err);
/* Adds process @pid, and with it the processes that it forks later. */
int rdt_add(int resctrl_fd, const struct rdt_group *group, const char *id, pid_t pid, struct error *err);
/*
 * Removes what belongs to the container: its monitoring group, and the class if its name is the container's
 * id.
 */
int rdt_remove(int resctrl_fd, const struct rdt_group *group, const char *id, struct error *err);

/* ---- rdt_stats.c --------------------------------------------------------------------------------------- */

/* A directory of mon_data: the counters of one cache. RDT_UNKNOWN: the machine does not have the counter. */
struct rdt_domain {
	uint64_t occupancy;   /* bytes in the cache */
	uint64_t total_bytes; /* transferred from and to memory */
	uint64_t local_bytes; /* of these, on the same NUMA node */
};

#define RDT_UNKNOWN UINT64_MAX

struct rdt_stats {
	char *l3_cache, *mem_bw; /* lines of the schemata, "L3:0=fff"; NULL: none */
	struct rdt_domain *domains;
	size_t domains_len;
};

/*
 * Reads the container's own counters: those of its monitoring group, or of a class with its id as name. A
 * class that others may use has none. What cannot be read is absent, but -ENOMEM and a failure to list
 * mon_data are errors. Released with rdt_stats_done(), on success only.
 */
int rdt_stats_read(int resctrl_fd, const struct rdt_group *group, const char *id, struct rdt_stats *ret);
void rdt_stats_done(struct rdt_stats *stats);
