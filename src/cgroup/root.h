/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

struct error;

/*
 * Inside cgroup/: the root directory of the cgroup2 tree, owned by the caller. On a host that has it mounted nowhere (all of it
 * v1) root gets a mount of its own, which nobody else sees: the tree is there without controllers, and takes processes, freezes
 * and kills them, and filters their devices.
 */
int cgroup_root_open(struct error *err);
