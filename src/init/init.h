/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The process that becomes the container's program. The command (parent) puts everything that it decided and
 * opened into a struct init_plan, then clones: the child has a copy of the plan and its descriptors, never
 * changes it, and executes the tables of steps.c and confine.c. Nothing is looked up on the host after that.
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

/* The program that is executed in the end. */
enum init_program {
	INIT_PROGRAM_NONE,   /* nothing: config.json has no process, and start fails */
	INIT_PROGRAM_NATIVE, /* the container's program itself */
	INIT_PROGRAM_KM,     /* km, with the program as its payload */
	INIT_PROGRAM_FD,     /* an approved program, from program_fd */
};

/* Where the child waits before the program. */
enum init_park {
	INIT_PARK_NONE,	   /* exec: nowhere, and without SYNC_READY */
	INIT_PARK_SOCKET,  /* run: after SYNC_READY, for SYNC_START */
	INIT_PARK_GATE,	   /* create: after SYNC_READY, at the gate of start.h */
	INIT_PARK_MONITOR, /* create and run with startAt payload: km itself waits, before the payload */
};

struct init_plan {
	const char *id;
	const struct spec *spec; /* NULL for exec */
	const struct spec_process *process;
	char *const *env;	    /* complete but for HOME and LISTEN_PID; NULL-terminated */
	struct mount_setup *mounts; /* NULL for exec, and in a joined mount namespace */
	struct ns_plan *ns;	    /* create: which namespaces to make and to join */
	int joined_root_fd;	    /* O_PATH on the host of the root in a joined mount namespace; else -1 */
	int root_fd;		    /* exec: O_PATH of the root of the container's first process; else -1 */
	struct file_id root_file;   /* exec: identity of the container's root when it was made */
	int target_pidfd;	    /* exec: process whose namespaces are joined; else -1 */
	uint64_t target_namespaces; /* exec: CLONE_NEW* to join */
	int cgroup_fd;		    /* cgroup to start in; -1: the caller's */
	const struct cgroup
		*cgroup;     /* systemd scope, for callers who may not clone into it; NULL: no scope */
	int proc_fd;	     /* the host's /proc, open_proc() */
	const char *keyring; /* name of the session keyring; NULL: keep the caller's */
	const char *apparmor, *selinux;			/* labels for execve(2); NULL: none */
	const struct seccomp_program *seccomp;		/* NULL: none */
	struct seccomp_handover *handover;		/* for a filter with a listener; else NULL */
	bool set_groups;				/* setgroups(2) is permitted */
	long execution_domain;				/* personality(2); -1: the caller's */
	const struct spec_memory_policy *memory_policy; /* NULL: the caller's */
	bool user_namespace;				/* a new or joined one */
	bool unprivileged;				/* the command's user is not root */
	bool maps_need_dumpable;   /* new user namespace of an ordinary user, see init_spawn() */
	bool hooks;		   /* there is a hook before the program: wait for the state */
	char *const *hooks_env;	   /* for createContainer hooks that have no environment of their own */
	const char *bundle;	   /* working directory of createContainer hooks */
	bool listens;		   /* set LISTEN_PID to the process's own pid */
	unsigned int preserve_fds; /* how many from 3 on, with those of socket activation */
	enum init_park park;
	int gate_fd; /* INIT_PARK_GATE, else -1 */

	enum init_program program;
	const char *monitor;	      /* INIT_PROGRAM_KM: path of km */
	struct file_id monitor_file;  /* identity of the file that has to be there */
	bool monitor_waits;	      /* pass --wait-for-signal */
	char *const *monitor_options; /* of the settings; NULL: none */
	int monitor_log_fd;	      /* -1: the options say where the log goes */
	const int *monitor_sockets;   /* KM_SPARE_SOCKETS of them, for km to inherit; NULL: none */
	const int *monitor_numbers;   /* descriptor numbers that must be in use when km begins */
	size_t monitor_numbers_len;
	int pid1_fd;	/* km_init_fd(); -1: nothing in front of km */
	int program_fd; /* INIT_PROGRAM_FD, else -1 */
};

/* The result of init_spawn(). */
struct init_child {
	pid_t pid;   /* of the container's init or the exec's process, in the parent's pid namespace */
	int sync_fd; /* the parent's end, owned */
};

/* ---- streams.c ----------------------------------------------------------------------------------------- */

/*
 * Gives those of descriptors 0 to 2 that were made for this container to @uid, as the calling process counts
 * users (streams.c). The command calls it on the host for a container in a user namespace, because a process
 * in there cannot change the owner of an inode whose owner is not mapped; without one the child does.
 */
void init_give_streams(uid_t uid);

/* ---- filter.c ------------------------------------------------------------------------------------------ */

/*
 * Pure. True if @filter (NULL: none) allows @call (SYS_*) by itself, without an agent or tracer, for each
 * of the arguments that filter.c tries.
 */
bool init_filter_allows(const struct seccomp_program *filter, int call);
/* The same of a call whose second argument is a command, as that of fcntl(2). */
bool init_filter_allows_command(const struct seccomp_program *filter, int call, int command);
/* Pure. -EINVAL, before anything is made, if the plan's filter refuses the execve(2) of the program. */
int init_filter_check(const struct init_plan *plan, struct error *err);

/* ---- spawn.c ------------------------------------------------------------------------------------------- */

/*
 * Makes the process. On return it executes its steps, and the parent talks to it over ret->sync_fd
 * (sync.h). An intermediate process (stage), if one was needed, is reaped. @ret is filled on success only.
 *
 * The child is not dumpable from its start, and this process is not afterwards: nobody in the container
 * without CAP_SYS_PTRACE in the host's user namespace may trace it or look into its /proc/PID (ptrace(2),
 * "Ptrace access mode checking"). There is one exception: for a caller without privilege the kernel makes
 * uid_map, gid_map and setgroups of a process writable only while it is dumpable. With maps_need_dumpable
 * the child stops being dumpable once they are written; until then no process of another user namespace may
 * trace it, user_namespaces(7).
 */
int init_spawn(const struct init_plan *plan, struct init_child *ret, struct error *err);
