/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where a container is counted and limited. The model is cgroup v2. On a hybrid host (v1 controllers and a
 * cgroup2 tree at /sys/fs/cgroup/unified) the v2 tree serves membership, freezing, killing and the device
 * filter, and a limit that only a v1 controller could enforce is an error that names the controller. A value
 * that is zero or absent, as docker always sends, means "no change".
 *
 * Functions return 0 or a negative errno unless stated, and those that take @err describe each failure in it.
 * They run in krun's commands, on the host, never in the container's process.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "cgroup/resources.h"

struct cgroup_change;
struct error;
struct spec_resources;
struct spec_device_rule;
struct spec_pair;

enum cgroup_manager { CGROUP_CGROUPFS, CGROUP_SYSTEMD, CGROUP_DISABLED };

/*
 * Where a container's cgroup is: the part that the state file keeps, and all that later commands need.
 * Strings are owned.
 */
struct cgroup_place {
	enum cgroup_manager manager;
	char *path; /* below the cgroup2 mount, starts with '/'; NULL: no cgroup of its own */
	char *unit; /* name of the scope; NULL: not made by systemd */
	bool user;  /* the unit belongs to the user's systemd, not to the system's */
};

/*
 * The result of a request: computed once, before anything exists, and carried out by cgroup_create() and
 * cgroup_limit().
 */
struct cgroup_plan {
	struct cgroup_place place;		/* with a unit, systemd decides .path later */
	char *slice;				/* slice of the unit; owned */
	const struct spec_resources *resources; /* borrowed */
	struct cgroup_writes writes;		/* the limits, for a new cgroup */
	bool has_limits;			/* some limit is not a new cgroup's default */
};

/* A cgroup that exists. */
struct cgroup {
	struct cgroup_place place;
	int dir_fd;  /* its directory; -1: no cgroup of its own */
	bool is_new; /* cgroup_create() made it; false: it existed before */
	/* Process that keeps a new scope alive until the container's process is in it; 0: none. */
	pid_t holder;
	int holder_fd; /* a pipe; its end tells the holder that the command was killed */
};

struct cgroup_request {
	const char *id;
	const char *spec_path; /* linux.cgroupsPath; NULL: "/krun-ID" or krun-ID.scope */
	enum cgroup_manager manager;
	/*
	 * An ordinary user: systemd is the user's own, and a cgroup that may not be made is left out if no
	 * limit needs it.
	 */
	bool user;
	/* For the systemd manager: */
	/* state root, where names of properties that this systemd does not know are kept; -1: nowhere */
	int root_fd;
	const struct spec_pair *annotations; /* org.systemd.property.* among others */
	size_t annotations_len;
};

/* How the host mounts cgroups; for `features`, and for clear errors. */
enum cgroup_host { CGROUP_HOST_UNIFIED, CGROUP_HOST_HYBRID, CGROUP_HOST_V1, CGROUP_HOST_NONE };

/* ---- host.c -------------------------------------------------------------------------------------------- */

/* Parses "cgroupfs", "systemd" or "disabled"; -EINVAL for another word. */
int cgroup_manager_parse(const char *word, enum cgroup_manager *ret);
const char *cgroup_manager_name(enum cgroup_manager manager);

enum cgroup_host cgroup_host_kind(void);
/* Returns the path of the cgroup2 mount ("/sys/fs/cgroup" or "/sys/fs/cgroup/unified"); NULL: none. */
const char *cgroup_mount_point(void);

/*
 * Opens the root directory of the cgroup2 tree; the caller closes it. On a pure v1 host, which has not
 * mounted it, root gets a detached mount that is not visible to others: that tree has no controllers, but it
 * holds, freezes and kills processes and filters their devices. -EOPNOTSUPP: there is none, and krun cannot
 * mount one.
 */
int cgroup_root_open(struct error *err);

/* ---- place.c ------------------------------------------------------------------------------------------- */

/*
 * Pure: computes where the cgroup of a request will be. For cgroupfs that is its path (no "." or "..", not
 * the root, not systemd's slice:prefix:name); for systemd the name of its scope, whose path systemd decides,
 * and *ret_slice (may be NULL), which the caller frees. *ret is released with cgroup_place_done().
 */
int cgroup_place_make(const struct cgroup_request *request, struct cgroup_place *ret, char **ret_slice,
		      struct error *err);

/*
 * Pure: why no cgroup can have the path @path, a static text that follows its name: "contains '.' or '..'" or
 * the like. NULL: nothing is wrong with it.
 */
const char *cgroup_name_trouble(const char *path);

/* -ENOMEM. */
int cgroup_place_copy(const struct cgroup_place *place, struct cgroup_place *ret);
void cgroup_place_done(struct cgroup_place *place);

/* ---- lifecycle.c --------------------------------------------------------------------------------------- */

/*
 * Pure: computes place and limits. -EINVAL: a limit that cgroup v2 does not have, that leaves no room for the
 * first process, or for which there will be no cgroup. Released with cgroup_plan_done().
 */
int cgroup_plan_make(const struct cgroup_request *request, const struct spec_resources *resources,
		     struct cgroup_plan *ret, struct error *err);
void cgroup_plan_done(struct cgroup_plan *plan);

/*
 * Makes the cgroup and enables every controller that is available; one that the plan needs and that is not
 * available is an error. With cgroupfs it makes the directory and missing parents. An existing cgroup is used
 * only if it has no processes and is neither frozen nor threaded (-EBUSY). With systemd it starts a scope
 * with the limits as its properties; the scope ends with its last process, so call cgroup_settle() once the
 * container's process is in it. For an ordinary user who needs no limits, *ret has no cgroup when none may be
 * made. *ret is released with cgroup_done().
 */
int cgroup_create(const struct cgroup_request *request, const struct cgroup_plan *plan, struct cgroup *ret,
		  struct error *err);

/*
 * Opens the directory of the cgroup that the state file names; the caller closes it. -ENOENT: it is gone, or
 * the container has none of its own.
 */
int cgroup_open_directory(const struct cgroup_place *place, struct error *err);
/* The same below @root_fd: of cgroup_root_open(), or its error, which is returned. */
int cgroup_open_directory_below(int root_fd, const struct cgroup_place *place, struct error *err);
/* As cgroup_open_directory(), with everything else of a cgroup. */
int cgroup_open(const struct cgroup_place *place, struct cgroup *ret, struct error *err);
void cgroup_done(struct cgroup *cgroup);

/* Checks that the host's cgroup2 tree has the controllers that @resources needs; for `validate`. */
int cgroup_check_host(const struct spec_resources *resources, struct error *err);

/* ---- scope.c ------------------------------------------------------------------------------------------- */

/* Returns whether this build can talk to systemd. */
bool cgroup_systemd_is_built_in(void);
/*
 * Asks the systemd of `--cgroup-manager systemd` for its version; the caller frees it. @user as in a request.
 */
int cgroup_systemd_version(bool user, char **ret, struct error *err);

/* Ends the holder of a new scope, because the container's first process is in it. Otherwise does nothing. */
void cgroup_settle(struct cgroup *cgroup);

/*
 * Changes the limits of a running container, all or none: after a failure they are as before. What @resources
 * does not set stays. Controllers that the cgroup was made without are enabled; for a scope, systemd is told,
 * too. @change (change.h): its .before is given, the rest is filled in, for cgroup_update_undo() and for
 * saving.
 */
int cgroup_update(const struct cgroup *cgroup, const struct spec_resources *resources,
		  struct cgroup_change *change, struct error *err);
/* Undoes a successful update. What cannot be restored is a warning that names it. */
void cgroup_update_undo(const struct cgroup *cgroup, struct cgroup_change *change);

/*
 * Asks systemd to move process @pid into the scope: an ordinary user may not move (or clone) a process from
 * the session into a scope. -EOPNOTSUPP with another manager.
 */
int cgroup_attach(const struct cgroup *cgroup, pid_t pid, struct error *err);

/*
 * Stops and resets the scope of a container whose cgroup is gone or was never recorded: the create was
 * killed, or the processes ran out of memory.
 */
int cgroup_forget(const struct cgroup_place *place, struct error *err);
/*
 * Returns whether systemd has removed a scope whose last process has ended. It does so by itself, and forgets
 * the unit unless that has failed, which the caller has to know. Waits for that, half a second at most, but
 * not if there are processes.
 */
bool cgroup_scope_is_over(const struct cgroup *cgroup);
/*
 * Returns whether the kernel has ever killed a process of the cgroup because memory ran out. When the cgroup
 * of a scope is gone systemd is asked, which knows it until cgroup_forget(). False when it cannot be known.
 */
bool cgroup_ran_out_of_memory(const struct cgroup *cgroup);

/* Checks that each annotation org.systemd.property.* can be parsed; for `validate`. */
int cgroup_check_annotations(const struct spec_pair *annotations, size_t len, struct error *err);

/* ---- limits.c ------------------------------------------------------------------------------------------ */

/* Writes the limits of a new container, only those that are set. */
int cgroup_limit(const struct cgroup *cgroup, const struct cgroup_plan *plan, struct error *err);

/* ---- filter.c ------------------------------------------------------------------------------------------ */

/*
 * Attaches the device filter: the rules of @resources in order (the last match wins), then @extra, then the
 * devices that every container has. Replaces a filter that krun attached before, atomically. If @resources
 * has no rule, or its last one allows everything, there is no filter, and an earlier one is detached. In a
 * user namespace, where the kernel does not load such programs, there is no filter and no error.
 */
int cgroup_filter_devices(const struct cgroup *cgroup, const struct spec_resources *resources,
			  const struct spec_device_rule *extra, size_t extra_len, struct error *err);

/* ---- below.c ------------------------------------------------------------------------------------------- */

/*
 * Pure: finds the path of the cgroup2 tree in @text, of /proc/PID/cgroup, and cuts @text behind it. NULL: the
 * process is in no cgroup of that tree.
 */
const char *cgroup_path_in(char *text);
/*
 * Returns the fd (owned by the caller) of the cgroup, @cgroup or one below it, that process @pid is in. A
 * container that has distributed its controllers to cgroups of its own has no process at the top any more,
 * and none may enter there (cgroups(7), "no internal processes"). -ESRCH: no such process; -ENOENT: it has
 * left @cgroup. @proc_fd: a trusted /proc.
 */
int cgroup_open_process(const struct cgroup *cgroup, int proc_fd, pid_t pid, struct error *err);

/*
 * Makes a cgroup below @cgroup with every controller that @cgroup has, and moves the holder of a new scope
 * there. @name: a relative path without "." and "..". Returns its fd, owned by the caller.
 */
int cgroup_make_below(const struct cgroup *cgroup, const char *name, struct error *err);

/*
 * Gives the cgroup's directory, and the files in it that /sys/kernel/cgroup/delegate lists, to @uid
 * (config-linux.md "Cgroup ownership", cgroups(7) "Delegation"): the container may make cgroups below its
 * own, but cannot change its limits.
 */
int cgroup_delegate(int dir_fd, uid_t uid, struct error *err);

/* ---- processes.c --------------------------------------------------------------------------------------- */

/*
 * Freezes or thaws, and waits up to 10 s until it is done (-ETIMEDOUT). A freeze that fails is undone.
 * -EOPNOTSUPP: no cgroup of its own.
 */
int cgroup_freeze(const struct cgroup *cgroup, bool freeze, struct error *err);
/*
 * Returns 1 if the cgroup was told to freeze, 0 if not (also if it is gone, or without one), or a negative
 * errno.
 */
int cgroup_is_frozen(const struct cgroup *cgroup);

/* Lists every process in the cgroup and below it, sorted; the caller frees *ret_pids. */
int cgroup_pids(const struct cgroup *cgroup, pid_t **ret_pids, size_t *ret_len, struct error *err);
/*
 * Signals all of them. SIGKILL uses cgroup.kill (Linux 5.14) if there is one, which also reaches concurrent
 * forks.
 */
int cgroup_kill(const struct cgroup *cgroup, int signo, struct error *err);

/* ---- remove.c ------------------------------------------------------------------------------------------ */

/*
 * Removes the cgroup and everything below it, and releases @cgroup. Waits until it is empty (processes are
 * expected to be dead or dying); -ETIMEDOUT after 5 s. A scope is stopped, and systemd forgets its failure.
 */
int cgroup_remove(struct cgroup *cgroup, struct error *err);
/* Removes one that is no scope and has no processes or cgroups in it. False: cgroup_remove() has to. */
bool cgroup_remove_empty(const struct cgroup_place *place);
