/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* cgroup.events and memory.events (cgroup-v2.rst): the kernel tells each change by POLLPRI, so that nobody has to sleep and look again. */

#include <stdbool.h>
#include <stdint.h>

struct cgroup_events {
	bool populated, frozen;
};

/* memory.events of a group and all below it. Counts since the group was made. */
struct cgroup_memory_events {
	uint64_t oom;	   /* no memory was left below the limit */
	uint64_t oom_kill; /* processes that the kernel killed for it */
};

int cgroup_events_read(int dir_fd, struct cgroup_events *ret);
/* 0 when it is so, -ETIMEDOUT, or another negative errno. */
int cgroup_events_wait_empty(int dir_fd, int timeout_ms);
int cgroup_events_wait_frozen(int dir_fd, bool frozen, int timeout_ms);

/*
 * An fd that has POLLPRI after every change until it is read again; owned by the caller. -ENOENT: memory is not counted for the
 * group.
 */
int cgroup_memory_events_open(int dir_fd);
/* -ENODEV when the group is gone. */
int cgroup_memory_events_read(int fd, struct cgroup_memory_events *ret);
