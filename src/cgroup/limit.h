/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Inside cgroup/: what limits.c offers to the files that make and check a container's cgroup. */

struct cgroup;
struct cgroup_write;
struct cgroup_writes;
struct error;

/*
 * -EOPNOTSUPP with the property, the controller and, on a hybrid host, the remedy: the controller of @write is not to be had
 * in cgroup @path.
 */
int cgroup_missing_controller(const struct cgroup_write *write, const char *path, struct error *err);
/* Makes the controllers of @writes available in the group, as cgroup_enable_for() does (lifecycle.c). */
int cgroup_enable_controllers(const struct cgroup *cgroup, const struct cgroup_writes *writes,
			      struct error *err);
