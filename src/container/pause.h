/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

struct error;
struct state;

/*
 * Freezes or thaws a container's cgroup and waits until that is done. Before Linux 6.13 the kernel never
 * reports a cgroup with a virtual machine as frozen, because a kernel thread in it does not freeze: in km
 * mode the processes are checked as well. A failed freeze is undone. -EOPNOTSUPP: no cgroup; -ETIMEDOUT: not
 * frozen in time. On the host, in the process of the command.
 */
int pause_set(const struct state *state, bool frozen, struct error *err);
