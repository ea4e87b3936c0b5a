/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What krun remembers about a container: state.json in its state directory. It has everything that later
 * commands need, because they come with another environment, cwd and mount namespace, and without
 * --systemd-cgroup. The status is not in it: it is always derived (status.h). On the host, in the process of
 * the command.
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
 * The version of the format of STATE_FILE; the names of files are in state_dir.h. Version 1 had neither
 * "version" nor "trusted" nor STATE_PLACE. A missing key has a default, so that krun still knows a container
 * of an older krun or with a damaged file. A newer version is an error for state_load(), and none for
 * state_load_some().
 */
enum { STATE_VERSION = 2 };

struct state {
	char *id;
	char *oci_version;
	char *bundle;	   /* absolute */
	char *rootfs;	   /* absolute */
	char *created;	   /* RFC 3339 */
	char *annotations; /* a JSON object */
	/*
	 * Not in the file: the command has seen that nobody was killed for lack of memory up to the end of
	 * the first process. False: unknown.
	 */
	bool scope_ended_well;
	uid_t owner;
	pid_t pid;		       /* the first process, on the host; 0 while it is being made */
	unsigned long long start_time; /* of pid, in clock ticks after boot, proc_pid_stat(5) */
	pid_t monitor_pid;	       /* km's process if pid is pid1; else 0, see state_monitor() */
	struct cgroup_place cgroup;
	bool cgroup_below;	     /* the processes are in a cgroup below it, where exec starts, too */
	struct rdt_group rdt;	     /* resctrl class; .name NULL: none */
	char *keyring;		     /* name of the session keyring that exec joins; NULL: none */
	char *monitor;		     /* path of km in the container; km mode only */
	struct file_id root_file;    /* device and inode of the root directory */
	struct file_id monitor_file; /* device and inode of km's file */
	char *monitor_device;	     /* path of the device chosen for km; NULL: all that the host has */
	struct strv monitor_options, monitor_environment; /* from the settings, for the km of exec */
	struct strv settings; /* "KEY=VALUE" that are not the default, for people */
	struct strv trusted;  /* keys of the host's file that let annotations act, km/trust.h */
	uint64_t namespaces;  /* CLONE_NEW* that exec joins */
	enum mode mode;
	enum km_start start;	   /* start protocol; km mode only */
	uint32_t start_timeout_ms; /* how long km may take to start; km mode only */
	bool management;	   /* km has its management socket in KM_MANAGEMENT_DIR */
	int64_t execution_domain;  /* personality(2) of every process; -1: the caller's */
	bool exec_reads_config;	   /* exec needs config.json for a memory policy or a seccomp agent */
	bool keep_groups;	   /* processes keep the caller's supplementary groups */
	bool has_seccomp;	   /* exec fails without STATE_SECCOMP; false in states of an older krun */
	bool joined_mounts;	   /* krun did not make its mount namespace; its root is rootfs there */
	bool has_hooks;		   /* start and delete read config.json: it has hooks or no process */

	bool oom_killed; /* not in the file: the result of oom_killed(), for state_text() */
};

/*
 * Reads STATE_FILE completely or fails, because exec must not join fewer namespaces than the container has.
 * -ENOTSUP: written by a newer krun. -ENOENT: no file. On success the caller ends @ret with state_done().
 */
int state_load(int dir_fd, struct state *ret, struct error *err);
/*
 * Reads what is readable, for commands that show, signal and delete; from STATE_PLACE if STATE_FILE is
 * unreadable. The rest gets defaults. @id: name of the directory, which replaces the id in the file.
 */
int state_load_some(int dir_fd, const char *id, struct state *ret, struct error *err);
/*
 * Does state_dir_open(), with @lock state_dir_lock(), and state_load(); a command on one container begins
 * with it. Returns the fd of the state directory, which the caller closes; the caller ends @ret with
 * state_done().
 */
int state_open(const struct runtime_options *runtime, const char *id, bool lock, struct state *ret,
	       struct error *err);
/*
 * Reads the container's config.json; annotations that the host does not trust have no effect. Released by
 * spec_free().
 */
int state_load_config(int dir_fd, const struct state *state, struct spec **ret, struct error *err);
/* As state_open(), but with state_load_some(). */
int state_open_some(const struct runtime_options *runtime, const char *id, bool lock, struct state *ret,
		    struct error *err);
/*
 * Returns -EOPNOTSUPP for a container in a mount namespace that krun did not make, where krun mounts nothing.
 */
int state_check_mounts(const struct state *state, struct error *err);
/* Replaces STATE_PLACE, once there is a process, and then STATE_FILE; each atomically. */
int state_save(int dir_fd, const struct state *state, struct error *err);
/* The first and the second half of that. */
int state_save_place(int dir_fd, const struct state *state, struct error *err);
int state_save_file(int dir_fd, const struct state *state, struct error *err);
/* Does the same in two parts: most of it while there is time, and the rest in one call. */
int state_prepare_file(int dir_fd, const struct state *state, struct error *err);
int state_publish_file(int dir_fd, struct error *err);
/*
 * Returns 1 if the directory is that of a container of krun's, 0 if it is another runtime's, or a negative
 * errno without an error text. @is_foreign: another user can write it; then a very large one is not krun's.
 */
int state_is_of_krun(int dir_fd, bool is_foreign);
void state_done(struct state *state);
/* Returns the pid of km's process; km mode only. */
pid_t state_monitor(const struct state *state);

/* Copies from the settings of km what later commands need and `state` shows. */
int state_take_settings(struct state *state, const struct km_settings *settings, struct error *err);

/*
 * Returns the JSON object of runtime.md "State" with rootfs, created and owner in addition, and a final
 * newline; the caller frees it. NULL: out of memory.
 */
char *state_text(const struct state *state, const char *status, pid_t pid, bool pretty);

/*
 * Returns the container process state of config-linux.md "Seccomp", with "seccompFd" as its only descriptor;
 * the caller frees it. @metadata: NULL: none. NULL: out of memory.
 */
char *state_process_text(const struct state *state, const char *status, pid_t pid, const char *metadata);

/* Returns the annotations of @spec as a JSON object; the caller frees it. NULL: out of memory. */
char *state_annotations(const struct spec *spec);
/* Returns the time in RFC 3339, UTC with nanoseconds; the caller frees it. NULL: out of memory. */
char *state_now(void);

/* ---- log.c --------------------------------------------------------------------------------------------- */

/*
 * Opens the log of the container's km (monitor/log.h) for reading. -ENOENT, without an error text: there is
 * none (any more).
 */
int state_log_open(int dir_fd, const struct state *state);
/* Appends the end of that log to an error. Returns err->code. */
int state_log_explain(int dir_fd, const struct state *state, struct error *err);
