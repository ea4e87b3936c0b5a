/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The process that becomes the container's program. The command (parent) puts everything it decided and
 * opened into a struct init_plan, then spawns: the child inherits the plan by fork, never changes it, and
 * walks the table in steps.c. Nothing is looked up on the host after that.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "init/start.h"
#include "km/km.h"
#include "ns/plan.h"
#include "security/security.h"

struct cgroup;
struct error;
struct km_plan;
struct mount_setup;
struct spec;
struct spec_memory_policy;
struct spec_process;

/* What is executed in the end. */
enum init_program {
	INIT_PROGRAM_NONE,   /* nothing: config.json has no process, and start fails */
	INIT_PROGRAM_NATIVE, /* the container's program itself */
	INIT_PROGRAM_KM,     /* km, with the program as its payload */
	INIT_PROGRAM_FD,     /* an approved program, from program_fd */
};

/* How the child goes on after SYNC_READY. */
enum init_park {
	INIT_PARK_NONE,	   /* exec: executes at once */
	INIT_PARK_SOCKET,  /* run: waits for SYNC_START */
	INIT_PARK_GATE,	   /* create: waits at the gate of start.h */
	INIT_PARK_MONITOR, /* create and run under km: executes at once, and km waits before the payload */
};

struct init_plan {
	const char *id;
	const struct spec *spec; /* NULL for exec */
	const struct spec_process *process;
	char *const *env;	    /* complete but for HOME; NULL-terminated */
	struct mount_setup *mounts; /* NULL for exec, and in a mount namespace that is joined */
	struct ns_plan *ns;	    /* create: what to make and join */
	int joined_root_fd; /* the root in a mount namespace of somebody else's, O_PATH, as the host sees it; else -1 */
	int root_fd;		    /* exec: the root of the container's first process, O_PATH; else -1 */
	struct file_id root_file;   /* exec: the container's root as it was made */
	int target_pidfd;	    /* exec: process whose namespaces are joined; else -1 */
	uint64_t target_namespaces; /* exec: CLONE_NEW* to join */
	int cgroup_fd;		    /* start in this cgroup; -1: stay in the caller's */
	const struct cgroup
		*cgroup; /* a scope of systemd, which may move a process there when we may not; else NULL */
	int proc_fd;	 /* the host's /proc, open_proc() */
	const char *keyring;		       /* name of the session keyring, NULL: keep the caller's */
	const char *apparmor, *selinux;	       /* labels for execve, NULL: none */
	const struct seccomp_program *seccomp; /* NULL: none */
	struct seccomp_handover *handover;     /* for a filter that notifies; NULL: it does not */
	bool set_groups;
	long execution_domain;				/* personality(2); -1: the caller's */
	const struct spec_memory_policy *memory_policy; /* NULL: the caller's */
	bool user_namespace;				/* a new or joined one: limits come from the parent */
	bool unprivileged;				/* an ordinary user of the host started the command */
	bool maps_need_dumpable;   /* an ordinary user's new user namespace: see init_spawn() */
	bool hooks;		   /* any hook before the program: the child waits for the state */
	char *const *hooks_env;	   /* for createContainer hooks without one of their own */
	const char *bundle;	   /* where those begin */
	bool listens;		   /* LISTEN_PID is to be the process' own number */
	unsigned int preserve_fds; /* sockets of socket activation among them */
	enum init_park park;
	int gate_fd; /* INIT_PARK_GATE, else -1 */

	enum init_program program;
	const char *monitor;	      /* INIT_PROGRAM_KM: path of km */
	struct file_id monitor_file;  /* which file that has to be */
	bool monitor_waits;	      /* pass --wait-for-signal */
	char *const *monitor_options; /* of the settings; NULL: none */
	int monitor_log_fd;	      /* -1: the options say where its log goes */
	const int *monitor_sockets;   /* for km to inherit, KM_SPARE_SOCKETS of them; NULL: none */
	const int *monitor_numbers;   /* descriptors that are not to be free when km begins */
	size_t monitor_numbers_len;
	int pid1_fd;	/* the process in front of km; -1: none */
	int program_fd; /* INIT_PROGRAM_FD */
};

/*
 * The command, on the host: what a container in a user namespace gets as its standard streams belongs to its user, @uid as the host counts,
 * as without one (streams.c). Inside nobody could do that: an inode of an owner who is not mapped has no owner there.
 */
void init_give_streams(uid_t uid);

/* Pure: whether @filter, NULL: there is none, lets @call (SYS_*) through without asking anybody. */
bool init_filter_allows(const struct seccomp_program *filter, int call);
/* Pure: an error that names the call when the plan's filter would end the process at its last step, before anything is made. */
int init_filter_check(const struct init_plan *plan, struct error *err);

/* What spawning gives the parent. */
struct init_child {
	pid_t pid;   /* of the container's init (or exec'ed process), in the parent's pid namespace */
	int sync_fd; /* the parent's end, owned */
};

/*
 * Makes the process. On return it is on its way through the steps; the parent talks to it over
 * sync_fd (sync.h). An intermediate process, if one was needed, is already reaped.
 *
 * The process is not dumpable from its birth, and neither is this one afterwards: nobody in the container, but who has CAP_SYS_PTRACE
 * in the host's user namespace, may trace it or look into its /proc/PID. There is one exception: the kernel lets nobody without
 * privilege write uid_map, gid_map and setgroups of a process that is not dumpable. With maps_need_dumpable of the plan it becomes so once
 * they are written, and until then nobody of another user namespace may trace it, user_namespaces(7).
 */
int init_spawn(const struct init_plan *plan, struct init_child *ret, struct error *err);
