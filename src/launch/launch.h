/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The parent side of making a container, shared by `create`, `run` and `restore`. A struct launch owns everything that exists on the
 * way. After a launch_begin() that succeeded comes one of launch_commit() and launch_abandon(); launch_done() is last in any case.
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
struct sync_message;

struct launch {
	const struct create_request *request;
	bool run; /* `run`: the start message comes over the sync socket */

	int bundle_fd;
	char *config_text;
	struct spec *spec;
	struct spec_process process; /* spec->process, without an engine's init helper under km */

	int dir_fd; /* state directory, locked; -1 before it exists */
	struct state state;
	struct cgroup_plan cgroup_plan;
	struct cgroup cgroup;
	int payload_cgroup_fd; /* a group below it that the processes start in; -1: none */
	bool has_km;
	bool listens; /* the sockets of socket activation are the program's */
	struct km_plan km;
	struct strv km_options;
	struct checkpoint image;  /* .dir_fd -1: none */
	char *checkpoint_args[2]; /* under km the program is the snapshot */
	int monitor_log_fd;
	int monitor_sockets[KM_SPARE_SOCKETS]; /* -1: none */
	int *checkpoint_fds;		       /* descriptors of the snapshot */
	size_t checkpoint_fds_len;
	int pid1_fd;

	int gate_fd;	    /* -1: `start` is not to come */
	int joined_root_fd; /* root.path, where the mount namespace is somebody else's; else -1 */
	int proc_fd;
	int console_fd;	   /* connected console socket */
	int notify_dir_fd; /* for the container's notify socket; -1: none wanted */
	struct ns_plan ns;
	int *idmap_fds; /* one a mount of the spec; NULL: no mount has ids of its own */
	struct mount_setup *mounts;
	struct seccomp_program seccomp;
	struct seccomp_handover *handover; /* NULL: the filter does not notify */
	struct strv env;

	struct init_plan plan;
	struct init_child child; /* .pid 0: none */
	int master_fd;		 /* pty master for our own relay, else -1 */
	bool restored;		 /* CRIU made the process, and it runs already */
	bool hooks_ran;
	bool reported;
	size_t steps_begun; /* which launch_abandon() undoes */
};

STEPS(launch)

/* Everything up to "parked before the program", the state saved and the pid file written. What fails has been undone. */
int launch_begin(struct launch *launch, const struct create_request *request, bool run, struct error *err);
/*
 * Until the process at the other end of @sync_fd executes its program. The end of the socket is no success, nor is SYNC_EXECUTE before it:
 * who is killed before the execve has perhaps said so, too. Process @pid tells (proc_has_executed()). @said: as for
 * sync_expect_execution(). @in_front: @pid is, or becomes, the process in front of km, and the program's process its child.
 */
int launch_expect_execution(int sync_fd, const struct sync_message *said, pid_t pid, bool in_front,
			    struct error *err);
/* Lets the program run: the second half of `run`. */
int launch_start(struct launch *launch, struct error *err);
/* The container stays, and other commands may use it from here on. */
void launch_commit(struct launch *launch);
/* It goes with all that launch_begin() made, the process first, which is waited for. */
void launch_abandon(struct launch *launch);
/* Frees memory and closes descriptors; the container is not touched. */
void launch_done(struct launch *launch);

/* plan.c: fills launch->plan from what was opened; no effects outside memory and fds. */
int launch_plan_make(struct launch *launch, struct error *err);
/* converse.c: init_give_streams() for the user of @process in the user namespace of @pid, unless it gets a terminal. */
void launch_give_streams(int proc_fd, pid_t pid, const struct spec_process *process);
/* converse.c: with the child, until it is parked. */
int launch_converse(struct launch *launch, struct error *err);
/* devices.c: the owners of linux.devices in a user namespace, by the maps of it; *ret is the caller's to free, NULL: none. */
struct mount_owner;
int launch_device_owners(const struct launch *launch, struct mount_owner **ret, struct error *err);
/*
 * joined.c: a mount namespace that is somebody else's; what cannot be had there, and the root in it. Pure: whether config.json asks
 * for that, and a property that it cannot have then; NULL: there is none.
 */
bool launch_joins_mounts(const struct spec *spec);
const char *launch_joined_refusal(const struct spec *spec);
int launch_joined_check(struct launch *launch, struct error *err);
int launch_joined_open(struct launch *launch, struct error *err);
/* preflight.c: whether km can start in the container at all; what may go wrong later is a warning. */
int launch_preflight(struct launch *launch, struct error *err);
/* program.c: under km or not, with which settings; then which program, which may be in an image. */
int launch_mode_choose(struct launch *launch, struct error *err);
int launch_program_choose(struct launch *launch, struct error *err);
/* cgroup.c: launch->cgroup_plan; then launch->cgroup, with its limits and device filter, and what the state has to know of it. */
int launch_cgroup_plan(struct launch *launch, struct error *err);
int launch_cgroup_make(struct launch *launch, struct error *err);
/*
 * Gives it to the container's user, where config.json gives the container a cgroup of its own to write in. After the clone, which
 * takes somebody who may write there, and in a user namespace that is joined that is root of the host's no more.
 */
int launch_cgroup_delegate(struct launch *launch, struct error *err);
/* The environment of the program: process.env, the socket-activation variables. */
int launch_environment_make(struct launch *launch, struct error *err);
/* Both texts that hooks in the container get ("creating", NUL, "created") in a memfd; owned by the caller. */
int launch_state_fd(struct launch *launch, struct error *err);

/*
 * What restore and exec share with a start: createRuntime and the hooks before it; the terminal's master (taken over); the class of
 * resctrl.
 */
int launch_run_hooks(struct launch *launch, struct error *err);
int launch_take_console(struct launch *launch, int master_fd, struct error *err);
int launch_join_rdt_class(const struct state *state, pid_t pid, struct error *err);
/* Writes the state, with launch->child as the container's process. */
int launch_save_process(struct launch *launch, struct error *err);

/* restore.c: the phase in which CRIU makes the container's processes, from launch->image. */
int launch_restore(struct launch *launch, struct error *err);
