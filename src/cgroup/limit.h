/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Inside cgroup/: functions of limits.c and lifecycle.c that other files use. */

struct cgroup;
struct cgroup_write;
struct cgroup_writes;
struct error;

/* ---- limits.c ------------------------------------------------------------------------------------------ */

/*
 * Fails with -EOPNOTSUPP because cgroup @path does not have the controller of @write. The error names the
 * property, the controller and, on a hybrid host, the remedy.
 */
int cgroup_missing_controller(const struct cgroup_write *write, const char *path, struct error *err);

/* ---- lifecycle.c --------------------------------------------------------------------------------------- */

/* Enables the controllers of @writes in @cgroup, as cgroup_enable_for() does. */
int cgroup_enable_controllers(const struct cgroup *cgroup, const struct cgroup_writes *writes,
			      struct error *err);
