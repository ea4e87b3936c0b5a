/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* cgroup.events (cgroup-v2.rst): the kernel tells each change by POLLPRI, so that nobody has to sleep and look again. */

#include <stdbool.h>

struct cgroup_events {
	bool populated, frozen;
};

int cgroup_events_read(int dir_fd, struct cgroup_events *ret);
/* 0 when it is so, -ETIMEDOUT, or another negative errno. */
int cgroup_events_wait_empty(int dir_fd, int timeout_ms);
int cgroup_events_wait_frozen(int dir_fd, bool frozen, int timeout_ms);
