/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Inside cgroup/: the systemd manager. A container's cgroup is a transient scope that systemd makes and knows the limits
 * of, so that it keeps them when it is reloaded. What is said over D-Bus is said by systemd_bus.c, a program of its own
 * inside of krun's file; a build without libsystemd has systemd_none.c instead of systemd_call.c.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "util/strv.h"

struct cgroup;
struct cgroup_request;
struct cgroup_plan;
struct cgroup_writes;
struct error;
struct spec_pair;
struct spec_resources;

/* ---- pure ------------------------------------------------------------------------------------------------------ */

/*
 * Slice and scope that a request means (linux.cgroupsPath "slice:prefix:name"): the scope is prefix-name.scope, without a
 * prefix name.scope. Nothing at all means krun-ID.scope in system.slice, or user.slice of a user's own manager. Characters that
 * unit names cannot have are escaped as systemd-escape(1) does. The caller frees both.
 */
int systemd_unit_make(const struct cgroup_request *request, char **ret_slice, char **ret_unit,
		      struct error *err);

/*
 * Properties as words for systemd_bus.c, NAME SIGNATURE VALUE..., appended to @words.
 *
 * Of file writes: each file that systemd writes, too, and would write again with a value of its own (systemd.resource-control(5)).
 * The rest (hugetlb, rdma, bursts ...) stays as it was written.
 */
int systemd_properties_of_writes(struct strv *words, const struct cgroup_writes *writes, struct error *err);
/*
 * Whether systemd writes @file of the cgroup, too, from its properties: all those of a controller when one of its properties is set,
 * and some in another way than they were asked for (no period without a quota, TasksMax, the weight for BFQ).
 */
bool systemd_renders(const char *file);
/*
 * Of annotations: org.systemd.property.NAME, with a value in GVariant's text format: basic types, arrays and tuples. A NAME
 * that ends in "Sec" is a time in seconds, and becomes NAMEUSec. What krun sets itself (Slice, PIDs ...) is refused.
 */
int systemd_properties_of_annotations(struct strv *words, const struct spec_pair *annotations, size_t len,
				      struct error *err);

/* ---- over the bus; a failure is an error with systemd's own words -------------------------------------------------- */

/* Whether this build can do any of it. */
bool systemd_is_built_in(void);

/*
 * Makes the scope of @plan with process @pid in it. *ret_cgroup: its path below the cgroup mount; the caller frees it.
 * Names of properties that this systemd does not know are kept in a file of request->root_fd.
 */
int systemd_start(const struct cgroup_request *request, const struct cgroup_plan *plan, pid_t pid,
		  char **ret_cgroup, struct error *err);
/* systemd has written its files when this comes back. */
int systemd_set(const struct cgroup *cgroup, const struct cgroup_writes *writes, struct error *err);
/* Kills what is left in it. A unit that is gone is fine. */
int systemd_stop(const char *unit, bool user, struct error *err);
/* @below: relative to the scope's cgroup, "" for itself. */
int systemd_attach(const struct cgroup *cgroup, const char *below, pid_t pid, struct error *err);
/* Result of a scope: "success", "oom-kill" ...; the caller frees it. */
int systemd_result(const char *unit, bool user, char **ret, struct error *err);

/*
 * systemd_call.c, systemd_none.c: runs systemd_bus with @words; what it printed is the caller's. Each line is a word, a blank
 * and a value.
 */
int systemd_call(bool user, const char *verb, const char *unit, char *const *words, char **ret_output,
		 struct error *err);
