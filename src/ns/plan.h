/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which namespaces the container gets, and how its process comes into them. The order is the kernel's:
 * a user namespace first, because it owns what is made after it; a pid (and a time) namespace
 * only holds for children, so joining one needs a process in between ("stage"), whose clone becomes the
 * container's init by CLONE_PARENT.
 */

#include <stdbool.h>
#include <stdint.h>

#include "spec/spec.h"

struct error;

struct ns_plan {
	uint64_t listed;	 /* CLONE_NEW* of everything config.json lists: what `exec` has to join */
	uint64_t create;	 /* flags for clone3(2) of init */
	bool new_cgroup;	 /* unshared by init itself, once it is in its cgroup */
	bool new_time;		 /* unshared by the stage process; holds for its child */
	bool stage;		 /* an intermediate process is needed */
	int join[NS_KIND_COUNT]; /* owned fds of namespaces to join, -1 for none */
};

/* Pure. Fills everything but the fds, which are all -1. */
void ns_plan_make(const struct spec *spec, struct ns_plan *ret);

/* Opens what spec.namespaces[].path names and checks its kind. Parent, on the host. */
int ns_plan_open(struct ns_plan *plan, const struct spec *spec, struct error *err);
void ns_plan_done(struct ns_plan *plan);

/* True when the container has (made or joined) its own @kind. */
bool ns_plan_has(const struct ns_plan *plan, enum ns_kind kind);

/*
 * Joins every namespace in @plan that can be joined now, of the kinds in @mask (CLONE_NEW*); what is refused
 * with EPERM stays open for a later call when @last is false (the namespace may belong to the user namespace
 * that is still to come), and is the error when @last is true. Joined fds are closed.
 */
int ns_plan_join(struct ns_plan *plan, uint64_t mask, bool last, struct error *err);
