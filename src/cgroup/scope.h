/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Inside cgroup/: starting and stopping a scope (scope.c). */

struct cgroup;
struct cgroup_request;
struct cgroup_plan;
struct error;

/* Starts the scope and its holder, and fills in place.path; place.unit and place.user are given. */
int scope_create(const struct cgroup_request *request, const struct cgroup_plan *plan, struct cgroup *cgroup,
		 struct error *err);
/* Stops the scope, which kills its processes. */
int scope_remove(struct cgroup *cgroup, struct error *err);
