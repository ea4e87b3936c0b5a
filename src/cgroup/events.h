/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * cgroup.events and memory.events (Documentation/admin-guide/cgroup-v2.rst). The kernel reports each change
 * by POLLPRI, so no polling interval is needed.
 */

#include <stdbool.h>
#include <stdint.h>

struct cgroup_events {
	bool populated, frozen;
};

/* memory.events of a cgroup and all below it: numbers since it was made. */
struct cgroup_memory_events {
	uint64_t oom;	   /* times that an allocation was about to fail at the limit */
	uint64_t oom_kill; /* processes that the OOM killer killed */
};

/* Negative errno on failure. */
int cgroup_events_read(int dir_fd, struct cgroup_events *ret);
/* Waits until the cgroup is empty, or (not) frozen: 0, -ETIMEDOUT, or another negative errno. */
int cgroup_events_wait_empty(int dir_fd, int timeout_ms);
int cgroup_events_wait_frozen(int dir_fd, bool frozen, int timeout_ms);

/*
 * Returns an fd, owned by the caller, which reports POLLPRI after a change until it is read. -ENOENT: the
 * memory controller is not enabled for the cgroup.
 */
int cgroup_memory_events_open(int dir_fd);
/* -ENODEV: the cgroup is gone. */
int cgroup_memory_events_read(int fd, struct cgroup_memory_events *ret);
