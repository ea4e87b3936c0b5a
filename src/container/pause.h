/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

struct error;
struct state;

/*
 * Freezes or thaws a container's cgroup and waits until it is so. Before Linux 6.13 the kernel never calls a cgroup frozen that
 * has made a virtual machine, because of a kernel thread in it that does not freeze: under km the processes are looked at,
 * too. Undone on failure.
 */
int pause_set(const struct state *state, bool frozen, struct error *err);
