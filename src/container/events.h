/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* `krun events`: what running containers use, again and again, and what happens to them. Nothing of a container is changed. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cgroup/rdt.h"
#include "cgroup/stats.h"
#include "ns/net_stats.h"

struct runtime_options;
struct error;

/* What a container has used so far. Borrowed for the length of the call that gets it. */
struct container_sample {
	const char *id;
	uint64_t time;	/* monotonic, nanoseconds */
	bool has_ended; /* its last one */
	struct cgroup_stats cgroup;
	struct rdt_stats rdt; /* empty: no class of resctrl */
	/*
	 * Of the container's network namespace. None in that of the caller, whose traffic is not the container's; none once its
	 * process has ended.
	 */
	struct net_interface *interfaces;
	size_t interfaces_len;
};

/* Each returns 0, or a negative errno that ends the whole call. */
struct container_events_handler {
	int (*sample)(void *data, const struct container_sample *sample, struct error *err);
	/* The kernel has killed something in the container because memory ran out. */
	int (*oom)(void *data, const char *id, struct error *err);
	/* Each container that has not ended has had its sample; also when none is left. */
	int (*round_done)(void *data, struct error *err);
	void *data;
};

struct container_events_request {
	const struct runtime_options *runtime;
	char *const *ids; /* NULL-terminated; NULL: every container that runs now */
	uint64_t first_ns,
		interval_ns; /* from the first round of samples, which is taken at once, to the second; and so on */
	unsigned int rounds; /* then return; 0: until every container has ended */
	int output_fd;	     /* nobody reads there any more: the end, with -EPIPE */
	struct container_events_handler handler;
};

/*
 * One loop for all containers, in which waiting is all that it does between two events. Every id must be of a container that runs
 * and has a cgroup of its own, else nothing is watched; without ids such containers are left out, with a warning when
 * the cgroup is the reason. Raises the soft RLIMIT_NOFILE of this process: each container takes four descriptors.
 */
int container_events(const struct container_events_request *request, struct error *err);
