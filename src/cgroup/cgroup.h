/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where a container is counted and limited. cgroup v2 is the model; on a hybrid host (v1 controllers and
 * a cgroup2 tree at /sys/fs/cgroup/unified) the v2 tree does membership, freezing, killing and the device
 * filter, and a limit that only a v1 controller could enforce is an error that names the controller.
 * A value that is zero or absent, as docker always sends, means "leave alone".
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "cgroup/resources.h"

struct error;
struct spec_resources;
struct spec_device_rule;
struct spec_pair;

enum cgroup_manager { CGROUP_CGROUPFS, CGROUP_SYSTEMD, CGROUP_DISABLED };

/* Where a container's cgroup is: what the state file keeps, and all that later commands need. Strings are owned. */
struct cgroup_place {
	enum cgroup_manager manager;
	char *path; /* below the cgroup2 mount, starts with '/'; NULL: the container has no own cgroup */
	char *unit; /* systemd's name of it; NULL: another manager made it */
	bool user;  /* the unit is of the user's own systemd, not of the system's */
};

/* What a request becomes: made once, before anything exists, and carried out by cgroup_create() and cgroup_limit(). */
struct cgroup_plan {
	struct cgroup_place place;		/* .path is systemd's to say, where there is a unit */
	char *slice;				/* of the unit; owned */
	const struct spec_resources *resources; /* borrowed */
	struct cgroup_writes writes;		/* of the resources, for a group that is new */
	bool has_limits;			/* beside what a group has anyway */
};

/* A cgroup that exists. */
struct cgroup {
	struct cgroup_place place;
	int dir_fd;   /* O_DIRECTORY of it, or -1 */
	bool is_new;  /* made by cgroup_create(), and not found */
	pid_t holder; /* a process that keeps a new scope from ending before the container is in it; 0: none */
	int holder_fd;
};

struct cgroup_request {
	const char *id;
	const char *spec_path; /* linux.cgroupsPath or NULL: "/krun/ID", krun-ID.scope */
	enum cgroup_manager manager;
	bool user; /* without root's rights on the host: the user's own systemd, and no own cgroup where nobody needs one */
	/* For the systemd manager: */
	int root_fd; /* directory to remember in what this systemd does not know; -1: nowhere */
	const struct spec_pair *annotations; /* org.systemd.property.* among others */
	size_t annotations_len;
};

/* -EINVAL for unknown words ("cgroupfs", "systemd", "disabled"). */
int cgroup_manager_parse(const char *word, enum cgroup_manager *ret);
const char *cgroup_manager_name(enum cgroup_manager manager);

/*
 * Pure: where the cgroup of a request will be: for cgroupfs its path (no "..", not the root, no systemd triple), for systemd
 * the name of its scope, whose path systemd decides, and *ret_slice (may be NULL), which the caller frees. Release with cgroup_place_done().
 */
int cgroup_place_make(const struct cgroup_request *request, struct cgroup_place *ret, char **ret_slice,
		      struct error *err);
/*
 * Pure: place and limits. Limits that cgroup v2 does not have, with which no process could begin, or for which there will be no group,
 * are errors here, before anything is made.
 */
int cgroup_plan_make(const struct cgroup_request *request, const struct spec_resources *resources,
		     struct cgroup_plan *ret, struct error *err);
void cgroup_plan_done(struct cgroup_plan *plan);
int cgroup_place_copy(const struct cgroup_place *place, struct cgroup_place *ret);
void cgroup_place_done(struct cgroup_place *place);
/* Whether this build can talk to systemd. */
bool cgroup_systemd_is_built_in(void);

/*
 * Makes the directory (missing parents too), enables on the way down every controller that can be had; one that the plan needs
 * and that cannot be is an error. An existing cgroup is taken over only when it is empty; a frozen, threaded or populated one is an
 * error. With the systemd manager a scope with the limits as its properties; it ends with its last process, so call
 * cgroup_settle() once the container's is there. *ret must be released with cgroup_done().
 */
int cgroup_create(const struct cgroup_request *request, const struct cgroup_plan *plan, struct cgroup *ret,
		  struct error *err);
/* Lets go of a new scope, in which the container's first process is now. Nothing to do otherwise. */
void cgroup_settle(struct cgroup *cgroup);
/* Opens the cgroup of a container by what the state says; -ENOENT if it is gone. */
int cgroup_open(const struct cgroup_place *place, struct cgroup *ret, struct error *err);
void cgroup_done(struct cgroup *cgroup);

/* Writes the limits of a new container: only what is set is written. */
int cgroup_limit(const struct cgroup *cgroup, const struct cgroup_plan *plan, struct error *err);
/*
 * The same for one that runs: all or none, after a failure everything is as it was. What @resources does not set stays. Controllers
 * that the group was made without are enabled; its systemd is told, too. @change (change.h): in, what was asked for until
 * now; out, what is needed to take the update back and to save it.
 */
struct cgroup_change;
int cgroup_update(const struct cgroup *cgroup, const struct spec_resources *resources,
		  struct cgroup_change *change, struct error *err);
/* Takes an update back that came to its end. What cannot be put back is a warning that names it. */
void cgroup_update_undo(const struct cgroup *cgroup, struct cgroup_change *change);
/*
 * Attaches the device filter: the rules of the spec in order (the last match wins), then @extra rules and
 * the devices every container has. Replaces a filter that krun attached before, atomically. Without any rule in @resources, and
 * when the rules allow everything, there is no filter, and one from before is taken away.
 */
int cgroup_filter_devices(const struct cgroup *cgroup, const struct spec_resources *resources,
			  const struct spec_device_rule *extra, size_t extra_len, struct error *err);

/*
 * The cgroup at or below @cgroup in which process @pid is, opened (the caller closes it). A container that has made
 * cgroups of its own with controllers in them has none of its processes at the top any more, and nobody may enter there.
 * @proc_fd: a trusted /proc.
 */
int cgroup_open_process(const struct cgroup *cgroup, int proc_fd, pid_t pid, struct error *err);

/*
 * Makes a group below @cgroup, with every controller that @cgroup has. @name: relative, without "." and "..". Returns its
 * directory, owned by the caller.
 */
int cgroup_make_below(const struct cgroup *cgroup, const char *name, struct error *err);

/*
 * Gives the directory and the files of /sys/kernel/cgroup/delegate in it to @uid (config-linux.md "Cgroup ownership",
 * cgroups(7) "Delegation"): the container may make groups below its own, and cannot touch its limits.
 */
int cgroup_delegate(int dir_fd, uid_t uid, struct error *err);

/*
 * Moves a process in, by the hand of systemd: an ordinary user may not move (or clone) one out of his session into a scope
 * of his own systemd. -EOPNOTSUPP with another manager.
 */
int cgroup_attach(const struct cgroup *cgroup, pid_t pid, struct error *err);

/* cgroup.freeze, and waits (poll on cgroup.events, not sleeping) until it is so; undone on failure. */
int cgroup_freeze(const struct cgroup *cgroup, bool freeze, struct error *err);
/* 1 frozen, 0 not (also without an own cgroup, or with one that is gone), a negative errno when nobody can tell. */
int cgroup_is_frozen(const struct cgroup *cgroup);

/* Every process in the cgroup and below, sorted; the caller frees *ret_pids. */
int cgroup_pids(const struct cgroup *cgroup, pid_t **ret_pids, size_t *ret_len, struct error *err);
/* Signals all of them. SIGKILL uses cgroup.kill (Linux 5.14) and reaches forks in flight. */
int cgroup_kill(const struct cgroup *cgroup, int signo, struct error *err);

/*
 * Removes the cgroup and everything below it, waiting on cgroup.events until it is empty (processes are
 * expected to be dead or dying). Parents that krun made by default ("/krun") go when empty. A scope is stopped, and forgotten
 * by systemd when it failed.
 */
int cgroup_remove(struct cgroup *cgroup, struct error *err);
/* The scope of a container whose cgroup is gone, or was never known: kill -9 of a create, an OOM kill. */
int cgroup_forget(const struct cgroup_place *place, struct error *err);
/*
 * Whether the kernel has killed any process of the group because memory ran out, now or before. When the group is gone a scope's
 * systemd is asked, which remembers it until cgroup_forget(). False when nobody knows.
 */
bool cgroup_ran_out_of_memory(const struct cgroup *cgroup);

/* Whether org.systemd.property.* among them can be read; for `validate`. */
int cgroup_check_annotations(const struct spec_pair *annotations, size_t len, struct error *err);

/* Whether the controllers that @resources needs are in the host's cgroup2 tree at all; for `validate`. */
int cgroup_check_host(const struct spec_resources *resources, struct error *err);

/* What kind of host: for `features`, and for clear errors. */
enum cgroup_host { CGROUP_HOST_UNIFIED, CGROUP_HOST_HYBRID, CGROUP_HOST_V1, CGROUP_HOST_NONE };
enum cgroup_host cgroup_host_kind(void);
/* Path of the cgroup2 mount ("/sys/fs/cgroup" or "/sys/fs/cgroup/unified"), NULL without one. */
const char *cgroup_mount_point(void);
