/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Inside cgroup/: making and removing a scope; see scope.c. */

struct cgroup;
struct cgroup_request;
struct cgroup_plan;
struct error;

/* Fills cgroup->place.path and the holder; place.unit and place.user are there already. */
int scope_create(const struct cgroup_request *request, const struct cgroup_plan *plan, struct cgroup *cgroup,
		 struct error *err);
/* Whatever is in it is killed. */
int scope_remove(struct cgroup *cgroup, struct error *err);
