/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What krun remembers about a container: state.json in its state directory. Everything that a later command
 * needs, because later commands come with another environment, cwd, mount namespace and without --systemd-cgroup.
 * The status is not in it: it is always derived (status.h).
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cgroup/cgroup.h"
#include "cgroup/rdt.h"
#include "km/km.h"

struct runtime_options;
struct error;
struct spec;

/*
 * The form of the file. 1, which is not written in it, had neither "version" nor "trusted" nor STATE_PLACE. A key that is missing has a
 * default, so that a container of an older krun, or one whose file somebody has damaged, is not forgotten; a newer version
 * is an error of the commands that have to understand all of it, while others go by what they can read.
 */
enum { STATE_VERSION = 2 };

#define STATE_FILE "state.json"
/* Written before it each time: what it takes to find the container's processes, should the other one be empty or cut. */
#define STATE_PLACE "place.json"
#define STATE_CONFIG "config.json"
#define STATE_SECCOMP "seccomp.bpf"

struct state {
	char *id;
	char *oci_version;
	char *bundle;	   /* absolute */
	char *rootfs;	   /* absolute */
	char *created;	   /* RFC 3339 */
	char *annotations; /* a JSON object */
	uid_t owner;
	pid_t pid;		       /* 0 while it is being made */
	unsigned long long start_time; /* of pid, in clock ticks after boot */
	pid_t monitor_pid;	       /* km's process while a pid1 is pid; else 0: state_monitor() */
	struct cgroup_place cgroup;
	bool cgroup_below;	     /* the processes are in a group below it, and exec follows */
	struct rdt_group rdt;	     /* its class of resctrl, if it has one */
	char *keyring;		     /* name of the session keyring that exec joins; NULL: none */
	char *monitor;		     /* path of km inside the container, km mode only */
	struct file_id root_file;    /* which directory its root is */
	struct file_id monitor_file; /* which file it is there, to be known again */
	char *monitor_device; /* path of the one that was chosen for km; NULL: every one that the host has */
	struct strv monitor_options, monitor_environment; /* of settings, for the km of exec */
	struct strv settings; /* "KEY=VALUE" that are not the default, for people */
	struct strv trusted;  /* keys of the host file by which annotations act, km/trust.h */
	uint64_t namespaces;  /* CLONE_NEW* that exec joins */
	enum mode mode;
	enum km_start start;	   /* which start protocol, km mode only */
	uint32_t start_timeout_ms; /* how long km may take, likewise */
	bool management;	   /* km has its management socket in KM_MANAGEMENT_DIR */
	int64_t execution_domain;  /* personality(2) of every process; -1: none asked for */
	bool exec_reads_config; /* it has what exec needs beside the process: a memory policy, a seccomp agent */
	bool keep_groups;	/* its processes have the supplementary groups of who starts them */
	bool has_seccomp; /* STATE_SECCOMP is there, of a krun that says so: without it nothing is executed */
	bool joined_mounts; /* its mount namespace is somebody else's, and its root a directory in it: rootfs */
	bool has_hooks; /* start and delete have to read config.json: for hooks, or because no process is in it */

	bool oom_killed; /* not in the file: what oom.h finds out, for the texts */
};

/* All of it, or an error: exec must not join fewer namespaces than there are. */
int state_load(int dir_fd, struct state *ret, struct error *err);
/*
 * What can be read, for commands that look, signal and delete; from STATE_PLACE when there is no other. The rest are defaults. @id: of
 * the directory, whatever the file says.
 */
int state_load_some(int dir_fd, const char *id, struct state *ret, struct error *err);
/*
 * state_dir_open(), with @lock state_dir_lock(), and state_load(): how every command on one container begins. Returns the fd of its
 * directory; the caller closes it, and ends @ret with state_done().
 */
int state_open(const struct runtime_options *runtime, const char *id, bool lock, struct state *ret,
	       struct error *err);
/* The container's config.json, with the annotations that may act; released by spec_free(). */
int state_load_config(int dir_fd, const struct state *state, struct spec **ret, struct error *err);
/* The same with state_load_some(). */
int state_open_some(const struct runtime_options *runtime, const char *id, bool lock, struct state *ret,
		    struct error *err);
/* -EOPNOTSUPP for a container in somebody else's mount namespace, where krun mounts nothing. */
int state_check_mounts(const struct state *state, struct error *err);
int state_save(int dir_fd, const struct state *state, struct error *err);
void state_done(struct state *state);
/* km's process, in the km mode. */
pid_t state_monitor(const struct state *state);
/* The log of its km (monitor/log.h), for reading. -ENOENT, without an error text, when there is none (any more). */
int state_log_open(int dir_fd, const struct state *state);
/* Adds the end of it to an error. Returns err->code. */
int state_log_explain(int dir_fd, const struct state *state, struct error *err);

/* What later commands and people have to know of the settings of km. */
int state_take_settings(struct state *state, const struct km_settings *settings, struct error *err);

/* The JSON object of runtime.md "State" plus rootfs, created, owner; caller frees. NULL: out of memory. */
char *state_text(const struct state *state, const char *status, pid_t pid, bool pretty);

/* The container process state of config-linux.md "Seccomp", with one descriptor; caller frees. NULL: out of memory. */
char *state_process_text(const struct state *state, const char *status, pid_t pid, const char *metadata);

/* The annotations of @spec as JSON text; caller frees. NULL: out of memory. */
char *state_annotations(const struct spec *spec);
/* Now, RFC 3339 with nanoseconds; caller frees. */
char *state_now(void);
