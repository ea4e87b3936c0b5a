/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * `krun events`: samples of what containers use, periodically, and out-of-memory events. Does not change the
 * containers.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cgroup/rdt.h"
#include "cgroup/stats.h"
#include "ns/net_stats.h"

struct runtime_options;
struct error;

/* What a container has used so far. Valid only during the call of the handler. */
struct container_sample {
	const char *id;
	uint64_t time;	/* CLOCK_MONOTONIC, nanoseconds */
	bool has_ended; /* the container's last sample */
	struct cgroup_stats cgroup;
	struct rdt_stats rdt; /* empty: no resctrl class */
	/*
	 * Of the container's network namespace. None if it shares krun's, whose traffic is not the
	 * container's, and none once its process has ended.
	 */
	struct net_interface *interfaces;
	size_t interfaces_len;
};

/* A negative errno from a handler ends container_events() with that error. */
struct container_events_handler {
	int (*sample)(void *data, const struct container_sample *sample, struct error *err);
	/* The kernel's OOM killer has killed a process of the container. */
	int (*oom)(void *data, const char *id, struct error *err);
	/* Called after the samples of a round, and once more when no container is left. */
	int (*round_done)(void *data, struct error *err);
	void *data;
};

/* A container to watch. */
struct container_target {
	const struct runtime_options *runtime; /* the place of its state */
	const char *id;
	bool is_foreign; /* as in struct root (state/roots.h) */
};

struct container_events_request {
	const struct container_target *targets;
	size_t targets_len;
	bool all;	      /* the targets are all there are, and may have ended or be gone */
	uint64_t first_ns;    /* from the first round, which is taken at once, to the second */
	uint64_t interval_ns; /* between later rounds */
	unsigned int rounds;  /* number of rounds; 0: until every container has ended */
	int output_fd;	      /* when its reader closes it, the call ends with -EPIPE */
	struct container_events_handler handler;
};

/*
 * Watches all containers in one loop, which sleeps between two events. Each target must be a container that
 * is not stopped and has a cgroup of its own, else the call fails; with .all other containers are left out,
 * with a warning unless they have ended or are gone. Of two with the same id the first is watched. Raises the
 * soft RLIMIT_NOFILE of this process, because each container takes four fds.
 */
int container_events(const struct container_events_request *request, struct error *err);
