/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Each restriction is a function that takes its typed part of the spec. Their order is decided in
 * init/steps.c. All run in the process that becomes the payload, unless stated. They return 0 or a negative
 * errno, and those that take @err describe each failure in it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct capability_sets;
struct error;
struct lsm_files;
struct spec_capabilities;
struct spec_memory_policy;
struct spec;
struct spec_pair;
struct spec_process;
struct spec_rlimit;
struct spec_seccomp;
struct spec_user;

struct sock_fprog;

/* A compiled filter and the flags for seccomp(2). */
struct seccomp_program {
	void *instructions; /* struct sock_filter[len]; owned */
	unsigned short len;
	unsigned int flags;
	bool notifies; /* loading it returns a listener fd, which an agent needs */
};

/*
 * How the listener fd leaves the process that loaded a filter with notifications. Each system call of this
 * process may already wait for the agent. So a second thread, which was started before and is not under the
 * filter, sends the fd, while the process waits in memory that it shares with its parent until the agent has
 * it. This needs no pidfd_getfd(2), which an ordinary user may not use here. Made before the clone, and
 * shared by parent and child.
 */
struct seccomp_handover;

/*
 * The files of this process that set labels. They are opened before it enters a container, whose /proc is not
 * to be trusted. -1: not needed, or the kernel does not have it.
 */
struct lsm_files {
	int apparmor_fd; /* attr/apparmor/exec (Linux 5.8), or attr/exec */
	int selinux_fd;	 /* attr/exec */
	int keycreate_fd;
};
#define LSM_FILES_NONE     \
	{                  \
		-1, -1, -1 \
	}

/* ---- caps.c -------------------------------------------------------------------------------------------- */

/* Returns the number of a capability, with or without "CAP_" and in any case, or -EINVAL. Pure. */
int caps_parse(const char *name);
/* Returns "CAP_CHOWN" and so on, a constant; NULL after the last one that this build knows. Pure. */
const char *caps_name(int number);

/*
 * Drops from the bounding set what @caps (NULL: nothing) does not have. Before the ids change, because it
 * needs CAP_SETPCAP.
 */
int caps_limit_bounding(const struct spec_capabilities *caps, struct error *err);
/*
 * Sets the other four sets, ambient last, after the ids have changed (with PR_SET_KEEPCAPS). A capability
 * that is unknown or that krun does not have is a warning (config.md "capabilities"). Those of @lent that
 * this process has stay permitted but not effective, for a later step; the caller then gives them up with
 * capset(2) of *ret, the sets of config.json.
 */
int caps_apply(const struct spec_capabilities *caps, uint64_t lent, struct capability_sets *ret,
	       struct error *err);

/* ---- identity.c ---------------------------------------------------------------------------------------- */

/*
 * Pure: -EPERM if additional groups cannot be set, because @set_groups is false. One that is the gid as well,
 * as engines list it, is no reason.
 */
int identity_check_groups(const struct spec_user *user, bool set_groups, struct error *err);

/*
 * Sets groups, gid, uid and umask (default 0022), in this order. @set_groups false leaves the supplementary
 * groups alone: a user namespace that forbids setgroups(2), or the annotation run.oci.keep_original_groups.
 * Keeps the permitted capabilities (PR_SET_KEEPCAPS); caps_apply() must follow.
 */
int identity_apply(const struct spec_user *user, bool set_groups, struct error *err);

/* ---- scheduling.c -------------------------------------------------------------------------------------- */

/*
 * Sets scheduler and I/O priority of @pid (0: this process). More than the default needs CAP_SYS_NICE on the
 * host.
 */
int scheduling_apply(pid_t pid, const struct spec_process *process, struct error *err);
/*
 * Restricts this process to the CPUs of a checked list; NULL: no change. @what: the property, for the error.
 */
int affinity_apply(const char *cpus, const char *what, struct error *err);
/* Lets this process run on every CPU of its cgroup, also those added later. */
int affinity_reset(struct error *err);
/* Sets the memory policy of this process and of what it executes; NULL: no change. */
int memory_policy_apply(const struct spec_memory_policy *policy, struct error *err);

/* ---- limits.c ------------------------------------------------------------------------------------------ */

/*
 * Sets rlimits in two steps, because the container's limits of memory, file size and fds must not apply to
 * krun's own work in the process. The first step needs the privileges: it sets all other limits, and raises
 * the hard limits of these. The second one sets these right before the program is executed. @pid 0: this
 * process; else another one, from the parent.
 */
int rlimits_prepare(pid_t pid, const struct spec_rlimit *rlimits, size_t len, struct error *err);
int rlimits_finish(const struct spec_rlimit *rlimits, size_t len, struct error *err);
int no_new_privs_apply(struct error *err);
/* Returns whether it is set, by this process or by one that started it. */
bool no_new_privs_is_set(void);
/*
 * Sets oom_score_adj of @pid (0: this process); does nothing if it has that value. @proc_fd: the host's
 * /proc. The file of a process that is not dumpable is root's.
 */
int oom_score_apply(int proc_fd, pid_t pid, int64_t score, struct error *err);
/* Returns this process' oom_score_adj; 0 if it cannot be read. */
int64_t oom_score_read(int proc_fd);
/*
 * Joins a new session keyring, which its owner may search. Where keyrings are not available (ENOSYS, EDQUOT,
 * EACCES, EPERM) it does nothing. @selinux_label: for the keyring; NULL: none.
 */
int keyring_apply(const char *name, const struct lsm_files *files, const char *selinux_label,
		  struct error *err);

/* ---- sysctl.c ------------------------------------------------------------------------------------------ */

/*
 * Pure: -EINVAL for a key that does not belong to a namespace of the container's own: net.* (network), the
 * System V IPC keys of kernel.* and fs.mqueue.* (IPC), kernel.domainname and kernel.hostname (UTS), user.*
 * (user).
 */
int sysctl_check(const struct spec *spec, struct error *err);
/* The same for one of them. */
int sysctl_check_one(const struct spec *spec, const struct spec_pair *setting, struct error *err);
/*
 * -EOPNOTSUPP if the host has no file for this setting. Those of a network device that only the container may
 * have are not looked for.
 */
int sysctl_find(const struct spec_pair *setting, struct error *err);
/*
 * Writes the settings below "sys" of @proc_fd. In a key dots are slashes and a '/' is a dot, as in sysctl(8).
 */
int sysctl_apply(int proc_fd, const struct spec_pair *sysctl, size_t len, struct error *err);

/* ---- seccomp_load.c ------------------------------------------------------------------------------------ */

struct seccomp_handover *seccomp_handover_new(struct error *err);
void seccomp_handover_free(struct seccomp_handover *handover);
/*
 * Child, before it loads the filter: sets how the listener is sent (fd borrowed). @send runs in the thread
 * and makes system calls only.
 */
void seccomp_handover_set_sender(struct seccomp_handover *handover, int (*send)(void *data, int listener_fd),
				 void *data);
/* Parent: tells the waiting process that the agent has the fd. */
void seccomp_handover_done(struct seccomp_handover *handover);

/*
 * Checks that the kernel accepts the program by loading it in a process that is thrown away. That costs a
 * fork, so it is done after a compilation and not for a program from the cache. A filter that notifies is not
 * tried. In any process.
 */
int seccomp_try(const struct seccomp_program *program, struct error *err);
/*
 * Loads the filter into this thread. Needs no_new_privs or CAP_SYS_ADMIN. @handover: for a filter that
 * notifies, else NULL.
 */
int seccomp_apply(const struct seccomp_program *program, struct seccomp_handover *handover,
		  struct error *err);

/*
 * Returns the agent's socket: listenerPath, else the annotation run.oci.seccomp.receiver, else the variable
 * RUN_OCI_SECCOMP_RECEIVER. NULL: none.
 */
const char *seccomp_agent_path(const struct spec *spec);

/* ---- seccomp.c ----------------------------------------------------------------------------------------- */

/*
 * Parent: compiles the profile with libseccomp, in a child, and tries the program (seccomp_try()), or takes
 * it from @cache_fd, a directory that only the caller can write (-1: no cache). The cache has programs that
 * this kernel has accepted (seccomp_cache.h). A broken cache entry is compiled again and is not an error.
 * Released with seccomp_program_done().
 */
int seccomp_compile(const struct spec_seccomp *seccomp, int cache_fd, struct seccomp_program *ret,
		    struct error *err);
/* The same in this process, and without a cache. May end it when memory runs out: see compile_apart(). */
int seccomp_compile_here(const struct spec_seccomp *seccomp, struct seccomp_program *ret, struct error *err);
void seccomp_program_done(struct seccomp_program *program);

/* ---- seccomp_cache.c ----------------------------------------------------------------------------------- */

/*
 * Writes the program to a file: in the cache, and in the state directory, so that exec compiles nothing. In
 * any process.
 */
int seccomp_program_save(const struct seccomp_program *program, int dir_fd, const char *name,
			 struct error *err);
/*
 * -ENOENT: there is no such file, so the container has no filter. -EUCLEAN: it is broken, or others can write
 * it.
 */
int seccomp_program_load(int dir_fd, const char *name, struct seccomp_program *ret, struct error *err);

/* ---- lsm.c --------------------------------------------------------------------------------------------- */

/* Parent, before anything is made: -EOPNOTSUPP if the kernel has no AppArmor (SELinux). */
int apparmor_check(const char *profile, struct error *err);
int selinux_check(const char *label, struct error *err);

/*
 * @proc_fd: the host's /proc. @profile, @label: NULL for none. @keyring: a session keyring will be made, and
 * gets the label. Released with lsm_files_done().
 */
int lsm_files_open(int proc_fd, const char *profile, const char *label, bool keyring, struct lsm_files *ret,
		   struct error *err);
void lsm_files_done(struct lsm_files *files);
/* Set the label for the next execve(2). AppArmor: -ENOENT if the profile is not loaded. */
int apparmor_apply(const struct lsm_files *files, const char *profile, struct error *err);
int selinux_apply(const struct lsm_files *files, const char *label, struct error *err);
/* Sets the label for keys that this process makes. */
int selinux_apply_to_keys(const struct lsm_files *files, const char *label, struct error *err);
