/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which namespaces the container gets, and how its process enters them. The kernel determines the order: a
 * user namespace is first, because it owns the namespaces that are made after it; a pid or time namespace
 * applies to children only, so joining one needs an intermediate process ("stage"), whose child becomes the
 * container's init (CLONE_PARENT).
 */

#include <stdbool.h>
#include <stdint.h>

#include "spec/spec.h"

struct error;

struct ns_plan {
	uint64_t listed;	 /* CLONE_NEW* of all in config.json: what `exec` must join */
	uint64_t create;	 /* flags for clone3(2) of init */
	bool new_network;	 /* of the container alone: made by that clone3(2), or .network_later */
	bool network_later;	 /* init joins it when it has come (network.h) */
	bool new_cgroup;	 /* init unshares it when it is in its cgroup */
	bool new_time;		 /* the stage process unshares it; applies to its child */
	bool stage;		 /* an intermediate process is needed */
	int join[NS_KIND_COUNT]; /* owned fds of namespaces to join, -1 for none */
};

/* Pure. The fds are all -1 afterwards. */
void ns_plan_make(const struct spec *spec, struct ns_plan *ret);

/*
 * In the parent, on the host: opens the namespace files of config.json. -EINVAL for a file that is not a
 * namespace of its kind, and for krun's own user namespace; or the errno of open(2). The fds are released
 * with ns_plan_done(), also on failure.
 */
int ns_plan_open(struct ns_plan *plan, const struct spec *spec, struct error *err);
void ns_plan_done(struct ns_plan *plan);

/* True when config.json lists a namespace of @kind, new or joined. */
bool ns_plan_has(const struct ns_plan *plan, enum ns_kind kind);

/*
 * Joins the namespaces of @plan whose kinds are in @mask (CLONE_NEW*), and closes their fds. One that fails
 * with EPERM is an error when @last is true, and is left for a later call when it is false, because it may be
 * owned by a user namespace that is not joined yet.
 */
int ns_plan_join(struct ns_plan *plan, uint64_t mask, bool last, struct error *err);
