/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Inside cgroup/: the systemd manager. A container's cgroup is a transient scope. systemd makes it and knows
 * its limits, so that a daemon-reload keeps them. systemd_bus.c, a separate program embedded in krun's file,
 * speaks D-Bus; a build without libsystemd has systemd_none.c in place of systemd_call.c. What
 * systemd_unit.c and systemd_properties.c have is pure; the other functions call systemd, and their errors
 * have its own words.
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

/*
 * Starts the scope of @plan with process @pid in it. *ret_cgroup: its path below the cgroup mount; the caller
 * frees it. Names of properties that this systemd does not know are kept in a file in request->root_fd, and
 * left out later.
 */
int systemd_start(const struct cgroup_request *request, const struct cgroup_plan *plan, pid_t pid,
		  char **ret_cgroup, struct error *err);
/* Sets the properties of @writes. systemd has written its files when this returns. */
int systemd_set(const struct cgroup *cgroup, const struct cgroup_writes *writes, struct error *err);
/* Stops the unit, which kills its processes. A unit that is gone is not an error. */
int systemd_stop(const char *unit, bool user, struct error *err);
/* Moves process @pid. @below: path relative to the scope's cgroup, "" for the scope itself. */
int systemd_attach(const struct cgroup *cgroup, const char *below, pid_t pid, struct error *err);
/* Gets the result of a scope ("success", "oom-kill" ...; "" if unknown); the caller frees it. */
int systemd_result(const char *unit, bool user, char **ret, struct error *err);
/* Gets the version of systemd, of the user's own one for @user; the caller frees it. */
int systemd_version(bool user, char **ret, struct error *err);

/* ---- systemd_unit.c ------------------------------------------------------------------------------------ */

/*
 * Computes slice and scope of a request (linux.cgroupsPath "slice:prefix:name"). The scope is
 * prefix-name.scope, also with an empty prefix: "-name.scope". Without a path it is krun-ID.scope, and
 * without a slice it is in system.slice, or in user.slice of a user's own systemd. Characters that unit names
 * cannot have are escaped as systemd-escape(1) does. The caller frees both.
 */
int systemd_unit_make(const struct cgroup_request *request, char **ret_slice, char **ret_unit,
		      struct error *err);

/* ---- systemd_properties.c ------------------------------------------------------------------------------ */

/*
 * Appends properties to @words, as words for systemd_bus.c: NAME SIGNATURE VALUE...
 *
 * This one for writes to files, those which systemd writes itself and would overwrite with a value of its own
 * (systemd.resource-control(5)). The others (hugetlb, rdma, bursts ...) stay as they were written.
 */
int systemd_properties_of_writes(struct strv *words, const struct cgroup_writes *writes, struct error *err);
/*
 * Returns whether systemd writes @file of the cgroup from its properties. It writes all files of a controller
 * when one of its properties is set, and some with another value than asked for (no period without a quota,
 * TasksMax, the BFQ weight).
 */
bool systemd_renders(const char *file);
/*
 * This one for annotations org.systemd.property.NAME, whose values are in GVariant's text format: basic
 * types, arrays and tuples. A NAME that ends in "Sec" is a time in seconds and becomes NAMEUSec. -EINVAL:
 * what krun sets itself (Slice, PIDs ...), or a value that cannot be parsed.
 */
int systemd_properties_of_annotations(struct strv *words, const struct spec_pair *annotations, size_t len,
				      struct error *err);

/* ---- systemd_call.c, systemd_none.c -------------------------------------------------------------------- */

/* Returns whether this build can talk to systemd. */
bool systemd_is_built_in(void);

/*
 * Runs systemd_bus (systemd_call.c) with @words. *ret_output: its lines, each a word, a blank and a value;
 * the caller frees it. -EIO, with systemd's message: it failed. -EOPNOTSUPP: a build without libsystemd.
 */
int systemd_call(bool user, const char *verb, const char *unit, char *const *words, char **ret_output,
		 struct error *err);
