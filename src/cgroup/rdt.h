/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * linux.intelRdt: a class of service in the resctrl file system (Documentation/filesystems/resctrl.rst), where cache and
 * memory bandwidth are divided. A group is a directory: its schemata are written, and who is in it is in its "tasks".
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct error;
struct spec_rdt;

/* What the state keeps of it. */
struct rdt_group {
	char *name;	 /* directory below resctrl; "." is the root class; NULL: none */
	bool monitoring; /* has a monitoring group with the container's id */
};

/* The mounted resctrl of this host. An error that says so when there is none. */
int rdt_open(struct error *err);

/*
 * Finds or makes the group as the rules of config-linux.md say and writes its schemata. @resctrl_fd: directory. *ret: what was made, also
 * on failure; the caller frees ret->name.
 */
int rdt_prepare(int resctrl_fd, const struct spec_rdt *rdt, const char *id, struct rdt_group *ret,
		struct error *err);
/*
 * `update`: writes l3CacheSchema and memBwSchema of @rdt; what they do not name stays. *ret_old: the schemata from before, for
 * rdt_restore(); the caller frees it.
 */
int rdt_update(int resctrl_fd, const struct rdt_group *group, const struct spec_rdt *rdt, char **ret_old,
	       struct error *err);
int rdt_restore(int resctrl_fd, const struct rdt_group *group, const char *old, struct error *err);
/* Process @pid, and what it forks from here on, is counted there. */
int rdt_add(int resctrl_fd, const struct rdt_group *group, const char *id, pid_t pid, struct error *err);
/* Removes what belongs to the container: its monitoring group, and the group if it has the container's name. */
int rdt_remove(int resctrl_fd, const struct rdt_group *group, const char *id, struct error *err);

/* ---- rdt_stats.c ------------------------------------------------------------------------------------------------- */

/* One of mon_data's directories: a cache, and what was counted there. A count that the machine does not have is RDT_UNKNOWN. */
struct rdt_domain {
	uint64_t occupancy;   /* bytes in the cache */
	uint64_t total_bytes; /* of memory bandwidth */
	uint64_t local_bytes;
};

#define RDT_UNKNOWN UINT64_MAX

struct rdt_stats {
	char *l3_cache, *mem_bw; /* lines of the class's schemata, "L3:0=fff"; NULL: none */
	struct rdt_domain *domains;
	size_t domains_len;
};

/*
 * Counts are those of the container alone: of its monitoring group, or of a class with its name. A class that others may be
 * in has none. What cannot be read is absent; -ENOMEM. Released with rdt_stats_done(), on success only.
 */
int rdt_stats_read(int resctrl_fd, const struct rdt_group *group, const char *id, struct rdt_stats *ret);
void rdt_stats_done(struct rdt_stats *stats);
