/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Each restriction as one function that takes its typed part of the spec. Their order is not decided here
 * but in init/steps.c. All run in the process that becomes the payload, unless stated.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct capability_sets;
struct error;
struct spec_capabilities;
struct spec_memory_policy;
struct spec;
struct spec_pair;
struct spec_process;
struct spec_rlimit;
struct spec_seccomp;
struct spec_user;

/* ---- capabilities (caps.c) -------------------------------------------------------------------------- */

/* Number of a name with or without "CAP_", any case (spec/capabilities.h), or -EINVAL. */
int caps_parse(const char *name);
/* "CAP_CHOWN" ...; NULL beyond the last one this build knows. The caller must not free it. */
const char *caps_name(int number);

/*
 * The bounding set is cut while CAP_SETPCAP is still there, i.e. before the ids change; a capability
 * above the kernel's last one is skipped. NULL means all empty.
 */
int caps_limit_bounding(const struct spec_capabilities *caps, struct error *err);
/*
 * After the ids changed (with PR_SET_KEEPCAPS on): the other four sets, ambient last. Those of @lent that this process has stay permitted,
 * without being in effect, for a step that is still to come; the caller takes them back by capset(2) with *ret, which is what
 * config.json gives.
 */
int caps_apply(const struct spec_capabilities *caps, uint64_t lent, struct capability_sets *ret,
	       struct error *err);

/* ---- ids (identity.c) ------------------------------------------------------------------------------- */

/*
 * Pure: additional groups that @set_groups false leaves out are an error; one that is the gid as well, as engines
 * list it, is had anyway.
 */
int identity_check_groups(const struct spec_user *user, bool set_groups, struct error *err);

/*
 * groups, gid, uid, umask. @set_groups false leaves the supplementary groups alone (a user namespace that
 * forbids setgroups, for which additional ones are refused before, or the annotation run.oci.keep_original_groups). Keeps capabilities (PR_SET_KEEPCAPS);
 * caps_apply() must follow.
 */
int identity_apply(const struct spec_user *user, bool set_groups, struct error *err);

/* ---- scheduling.c ------------------------------------------------------------------------------------- */

/* Scheduler and io priority of @pid (0: this process); a better one than the default takes CAP_SYS_NICE on the host. */
int scheduling_apply(pid_t pid, const struct spec_process *process, struct error *err);
/* Restricts this process to the cpus of a checked list; NULL: leaves it. @what: for the error. */
int affinity_apply(const char *cpus, const char *what, struct error *err);
/* Lets this process run on every cpu that its cgroup has, now and later. */
int affinity_reset(struct error *err);
/* Of this process and what it executes; NULL: leaves it. */
int memory_policy_apply(const struct spec_memory_policy *policy, struct error *err);

/* ---- rlimits, no_new_privs, oom score, keyring, sysctl ------------------------------------------------ */

/*
 * Limits in two steps, because krun's own work in the process is not to be measured by those that are the container's: descriptors, memory,
 * the size of files. The first does what takes privilege: it sets the others and raises the hard limit of these. The second sets them
 * right before the program, which takes none. @pid 0: this process; else another one (from the parent).
 */
int rlimits_prepare(pid_t pid, const struct spec_rlimit *rlimits, size_t len, struct error *err);
int rlimits_finish(const struct spec_rlimit *rlimits, size_t len, struct error *err);
int no_new_privs_apply(struct error *err);
/* By this program, or by whoever started it. */
bool no_new_privs_is_set(void);
/* Of @pid, 0: this process. @proc_fd: the host's /proc. The kernel wants root's rights for a process that is not dumpable. */
int oom_score_apply(int proc_fd, pid_t pid, int64_t score, struct error *err);
/* This process' score; 0 when it cannot be read. */
int64_t oom_score_read(int proc_fd);
/* A fresh session keyring that its owner can search; ENOSYS/EDQUOT-safe: a host without keys is no error. */
struct lsm_files;
int keyring_apply(const char *name, const struct lsm_files *files, const char *selinux_label,
		  struct error *err);

/*
 * Pure: only keys that belong to a namespace the container does not share with the host are allowed
 * (net.* with an own network namespace; kernel.{msg*,sem,shm*}, fs.mqueue.* with IPC; kernel.domainname/hostname with
 * UTS; user.* with a user namespace).
 */
int sysctl_check(const struct spec *spec, struct error *err);
/* Writes below @proc_fd "sys/": dots are slashes, and a '/' in a key is a dot, as sysctl(8) reads them. */
int sysctl_apply(int proc_fd, const struct spec_pair *sysctl, size_t len, struct error *err);

/* ---- seccomp (seccomp.c) ---------------------------------------------------------------------------- */

struct sock_fprog;

/* A compiled filter: kernel instructions in one block, and the flags for seccomp(2). */
struct seccomp_program {
	void *instructions; /* struct sock_filter[len]; owned */
	unsigned short len;
	unsigned int flags;
	bool notifies; /* loading it gives a listener, which has to reach an agent */
};

/*
 * How the listener of a filter that notifies leaves the process that loaded it. Every system call that this process could
 * make may already wait for the agent, so a second thread, which began before the filter and is not under it, sends the
 * listener; and the process waits in memory that it shares with its parent until the agent has it. Nobody has to look into the
 * process for it (pidfd_getfd(2)), which an ordinary user may not. Made before the clone.
 */
struct seccomp_handover;
struct seccomp_handover *seccomp_handover_new(struct error *err);
void seccomp_handover_free(struct seccomp_handover *handover);
/* Child, before its clone of the thread: how the listener is sent (fd borrowed); runs in the thread, which makes system calls only. */
void seccomp_handover_set_sender(struct seccomp_handover *handover, int (*send)(void *data, int listener_fd),
				 void *data);
/* Parent: the agent has it; the process goes on. */
void seccomp_handover_done(struct seccomp_handover *handover);

/*
 * Parent: compiles with libseccomp and tries the program, or takes it from @cache_fd (a directory private to root; -1: no cache), where
 * programs that the kernel took are stored under the SHA-256 of the typed profile, libseccomp's version and the kernel's. A broken
 * cache entry is compiled again, never an error.
 */
int seccomp_compile(const struct spec_seccomp *seccomp, int cache_fd, struct seccomp_program *ret,
		    struct error *err);
void seccomp_program_done(struct seccomp_program *program);
/*
 * Whether the kernel takes the program: loads it in a process that is thrown away, which costs what a fork costs, so it is asked when a
 * program is compiled and not when it comes from the cache. One that notifies is not tried. Any process.
 */
int seccomp_try(const struct seccomp_program *program, struct error *err);
/* Loads it into this thread. Needs no_new_privs or CAP_SYS_ADMIN. @handover: for one that notifies, else NULL. */
int seccomp_apply(const struct seccomp_program *program, struct seccomp_handover *handover,
		  struct error *err);
/* The same program as a file (the state directory keeps it, so that exec parses nothing). */
int seccomp_program_save(const struct seccomp_program *program, int dir_fd, const char *name,
			 struct error *err);
/* -ENOENT when the file is not there: the container has no filter. */
int seccomp_program_load(int dir_fd, const char *name, struct seccomp_program *ret, struct error *err);

/* ---- LSM labels (lsm.c) ----------------------------------------------------------------------------- */

/* Error when the kernel has no AppArmor (SELinux), before anything is made. Parent. */
int apparmor_check(const char *profile, struct error *err);
int selinux_check(const char *label, struct error *err);
/*
 * The files of this process through which labels are set, opened before it enters a container: afterwards what is at /proc is the
 * container's. -1: not needed, or the kernel has none.
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

/*
 * @proc_fd: the host's /proc. @profile, @label: NULL for none. @keyring: a session keyring is made, which gets the SELinux label.
 */
int lsm_files_open(int proc_fd, const char *profile, const char *label, bool keyring, struct lsm_files *ret,
		   struct error *err);
void lsm_files_done(struct lsm_files *files);
/* For the next execve. */
int apparmor_apply(const struct lsm_files *files, const char *profile, struct error *err);
int selinux_apply(const struct lsm_files *files, const char *label, struct error *err);
/* For keys that this process makes. */
int selinux_apply_to_keys(const struct lsm_files *files, const char *label, struct error *err);

/*
 * Where the agent listens: listenerPath, else the annotation run.oci.seccomp.receiver, else the variable
 * RUN_OCI_SECCOMP_RECEIVER. NULL: nowhere.
 */
const char *seccomp_agent_path(const struct spec *spec);
