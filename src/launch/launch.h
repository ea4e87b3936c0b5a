/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The parent side of making a container, for `create`, `run` and `restore`. On the host, in the process of
 * the command. A struct launch owns everything that its steps open and make. After a successful
 * launch_begin() the caller calls either launch_commit() or launch_abandon(), and launch_done() at the end in
 * any case.
 */

#include <stdbool.h>
#include <sys/types.h>

#include "cgroup/cgroup.h"
#include "checkpoint/directory.h"
#include "init/init.h"
#include "km/km.h"
#include "launch/request.h"
#include "monitor/monitor.h"
#include "ns/plan.h"
#include "spec/spec.h"
#include "state/state.h"
#include "util/step.h"

struct error;
struct json_findings;
struct mount_owner;
struct sync_message;

struct launch {
	const struct create_request *request;
	bool run; /* the program starts by a message on the sync socket, not by `start` */

	int bundle_fd;
	char *config_text;
	struct spec *spec;
	struct spec_process process; /* spec->process; under km without an engine's init helper */

	int dir_fd; /* state directory, locked; -1 before it exists */
	struct state state;
	struct cgroup_plan cgroup_plan;
	struct cgroup cgroup;
	int payload_cgroup_fd; /* cgroup below it that the processes start in; -1: none */
	bool has_km;	       /* km mode: .km is valid */
	bool listens;	       /* the program gets the sockets of socket activation */
	struct km_plan km;
	struct strv km_options;
	struct checkpoint image;	       /* .dir_fd -1: none */
	char *checkpoint_args[2];	       /* km's payload is the snapshot */
	int monitor_log_fd;		       /* -1: none */
	int monitor_sockets[KM_SPARE_SOCKETS]; /* -1: none */
	int *checkpoint_fds;		       /* numbers of the fds that the snapshot has open */
	size_t checkpoint_fds_len;
	int pid1_fd; /* program of pid1; -1: none */

	int gate_fd;	    /* the FIFO that `start` opens; -1: none */
	int joined_root_fd; /* root.path of a container in a joined mount namespace; else -1 */
	int proc_fd;	    /* the host's /proc */
	int console_fd;	    /* connected console socket; -1: none */
	int notify_dir_fd;  /* for the container's notify socket; -1: none wanted */
	struct ns_plan ns;
	int own_network_fd; /* see ns_network_plan(); else -1 */
	int *idmap_fds;	    /* user namespace of each mount in the spec, -1: none; NULL: no idmapped mount */
	struct mount_setup *mounts;
	struct seccomp_program seccomp;
	struct seccomp_handover *handover; /* NULL: the filter does not notify */
	struct strv env;

	struct init_plan plan;
	struct init_child child; /* .pid 0: none */
	int master_fd;		 /* pty master for krun's relay, else -1 */
	bool restored;		 /* CRIU makes the process, which runs at once */
	bool state_prepared;	 /* state_publish_file() is all that is left to do */
	bool hooks_ran;		 /* prestart or createRuntime; poststop hooks run after them */
	bool reported;		 /* the pid file is written */
	size_t steps_begun;	 /* launch_abandon() undoes these */
};

STEPS(launch)

/*
 * Makes the container up to the point where its process is parked before the program (with CRIU: runs), saves
 * the state and writes the pid file. A failure undoes everything. @run: launch_start() will release the
 * program, not `start`.
 */
int launch_begin(struct launch *launch, const struct create_request *request, bool run, struct error *err);

/*
 * Releases the program of a `run` and waits until it executes. Does nothing for a km that waits, or with
 * CRIU.
 */
int launch_start(struct launch *launch, struct error *err);
/* Keeps the container: drops the lock of its state directory, so that other commands may use it. */
void launch_commit(struct launch *launch);
/*
 * Undoes launch_begin(): kills the process and waits for its end, runs poststop hooks, and removes everything
 * that was made.
 */
void launch_abandon(struct launch *launch);
/* Frees memory and closes fds; does not touch the container. */
void launch_done(struct launch *launch);

/* Puts process @pid into the container's resctrl class, if it has one. */
int launch_join_rdt_class(const struct state *state, pid_t pid, struct error *err);
/* Saves the state with launch->child as the container's process. */
int launch_save_process(struct launch *launch, struct error *err);
/*
 * Writes what is known of the process while that prepares itself, or km loads its payload, on another
 * processor. Nobody reads it before STATE_FILE, which is there since the cgroup and says that there is no
 * process, is lost: with the pid in that one, other commands would take the container for created. So that
 * comes in the end.
 */
int launch_save_place(struct launch *launch, struct error *err);

/* ---- converse.c ---------------------------------------------------------------------------------------- */

/*
 * Waits until the process at the other end of @sync_fd executes its program. Neither the end of the socket
 * nor SYNC_EXECUTE proves that, because the process may be killed right before execve(2): proc_execution()
 * of process @pid decides. @said: as for sync_expect_execution(). @in_front: @pid is or becomes pid1, and the
 * program's process is its child. -ECHILD: it ended before.
 */
int launch_expect_execution(int sync_fd, const struct sync_message *said, pid_t pid, bool in_front,
			    struct error *err);

/*
 * Init_give_streams() for the user of @process in the user namespace of @pid, unless it gets a
 * terminal.
 */
void launch_give_streams(int proc_fd, pid_t pid, const struct spec_process *process);
/* Serves the child until it is parked. -ECHILD: it ended before. */
int launch_converse(struct launch *launch, struct error *err);

/* The following are shared by create, exec and restore. */
/* Runs the prestart and createRuntime hooks. */
int launch_run_hooks(struct launch *launch, struct error *err);
/*
 * Sends @master_fd, the pty master, to the console socket, or keeps it for krun's relay. Takes
 * ownership.
 */
int launch_take_console(struct launch *launch, int master_fd, struct error *err);

/* ---- plan.c -------------------------------------------------------------------------------------------- */

/*
 * Fills launch->plan from what was opened; also makes km's log and the FIFO for `start` in the state
 * directory.
 */
int launch_plan_make(struct launch *launch, struct error *err);

/*
 * Makes launch->env from process.env and the variables of socket activation, of km and of the notify
 * socket.
 */
int launch_environment_make(struct launch *launch, struct error *err);
/*
 * Returns a memfd with both states that hooks in the container get, "creating", NUL, "created"; the
 * caller closes it.
 */
int launch_state_fd(struct launch *launch, struct error *err);

/* ---- devices.c ----------------------------------------------------------------------------------------- */

/*
 * The owners of linux.devices on the host, for a container in a user namespace. The caller frees
 * *ret; NULL: the devices need no owners.
 */
int launch_device_owners(const struct launch *launch, struct mount_owner **ret, struct error *err);

/* ---- joined.c ------------------------------------------------------------------------------------------ */

/*
 * Pure: returns whether config.json asks for a mount namespace that krun does not make: it names
 * one, or lists none.
 */
bool launch_joins_mounts(const struct spec *spec);
/*
 * Pure: returns the JSON pointer of a property that such a container cannot have; NULL: none. Static storage.
 */
const char *launch_joined_refusal(const struct spec *spec);
/* -EOPNOTSUPP: the container is to be in such a mount namespace and needs mounts. */
int launch_joined_check(struct launch *launch, struct error *err);
/* Opens launch->joined_root_fd. */
int launch_joined_open(struct launch *launch, struct error *err);

/* ---- preflight.c --------------------------------------------------------------------------------------- */

/*
 * Fails if km cannot run in the container; what may fail later is a warning. Does nothing in
 * plain mode.
 */
int launch_preflight(struct launch *launch, struct error *err);

/* ---- check.c ------------------------------------------------------------------------------------------- */

/*
 * For `validate`: adds to @findings what `create` would refuse later than when it reads config.json, and for
 * its words alone: mounts and devices, the cgroup, joined namespaces, the seccomp filter. @km: the container
 * would run under km. A file of a namespace that is missing is the caller's to tell.
 */
void launch_check(const struct spec *spec, const struct runtime_options *runtime, bool km,
		  struct json_findings *findings);

/* ---- program.c ----------------------------------------------------------------------------------------- */

/* Chooses the mode and km's settings. */
int launch_mode_choose(struct launch *launch, struct error *err);
/* Chooses the program: config.json's, or a checkpoint's. After launch_mode_choose(). */
int launch_program_choose(struct launch *launch, struct error *err);

/* ---- cgroup.c ------------------------------------------------------------------------------------------ */

/* Fills launch->cgroup_plan. */
int launch_cgroup_plan(struct launch *launch, struct error *err);
/* For `validate`: the same for a container without an id, and what annotations ask for below its cgroup. */
int launch_cgroup_check(const struct spec *spec, const struct runtime_options *runtime, struct error *err);
/* Makes launch->cgroup with its limits, and saves its place in the state. */
int launch_cgroup_make(struct launch *launch, struct error *err);
/*
 * Attaches the device filter to launch->cgroup. To check and compile the program takes the kernel as long as
 * a few mounts take the child, so it is called when that is there already, if that is safe.
 */
int launch_cgroup_filter(struct launch *launch, struct error *err);
/*
 * Gives the cgroup to the container's user, if config.json lets the container write in its own.
 * Called after the clone: clone3(2) with CLONE_INTO_CGROUP needs write permission to the cgroup, which a
 * process that has joined a user namespace has as the owner only.
 */
int launch_cgroup_delegate(struct launch *launch, struct error *err);

/* ---- restore.c ----------------------------------------------------------------------------------------- */

/*
 * Has CRIU make the container's processes from launch->image, instead of the clone and the child's
 * steps.
 */
int launch_restore(struct launch *launch, struct error *err);
