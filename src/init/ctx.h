/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The state that the steps of the child share. All functions run in the child alone, unless a comment says
 * otherwise, and return 0 or a negative errno with @err filled.
 */

#include <stdbool.h>
#include <stdint.h>

#include "init/init.h"
#include "init/program.h"
#include "syscall/capability.h"
#include "util/step.h"

struct init_ctx {
	const struct init_plan *plan;
	int sync_fd;		/* the child's end, close-on-exec; -1 while nobody listens */
	int proc_fd;		/* the host's /proc, up to the step "leave proc"; then -1 */
	int links_fd;		/* open_own_links(), up to the step "descriptors"; then -1 */
	struct lsm_files files; /* opened below proc_fd, up to the step "descriptors" */
	int slave_fd;		/* pty slave between the steps "console" and "streams", else -1 */
	bool has_network;	/* the network namespace that was to come has been entered */
	bool bounded;		/* the bounding set is what the program gets */
	bool in_directory;	/* the working directory was entered with root's rights */
	char *state; /* for hooks in the container: JSON with "creating", NUL, JSON with "created" */
	bool monitor_is_script; /* the file at km's path is a script: its interpreter opens it by name */
	int km_fd;		/* O_PATH of km, from the step "monitor" on; else -1 */
	int tie_fd;		/* km's end of the socket pair to pid1; else -1 */
	struct program program; /* from the step "program" on */
	struct capability_sets capabilities; /* those of config.json, from the step "capabilities" on */
	uint64_t lent;			     /* permitted besides these, to load the filter */
	bool limited;			     /* init_limit() was called */
	bool confined;			     /* the filter is in force */
	struct error *last_words; /* shared with the command, see init_last_words_make(); or NULL */
	int front_fd;		  /* memfd by which pid1 tells whether km had executed, or -1 */
	int last_words_fd;	  /* memfd of that memory, or -1 */
};

STEPS(init_ctx)

/* When the plan's filter is loaded. */
enum filter_time {
	FILTER_NEVER,
	FILTER_NOTIFY, /* last step, while the command is there that passes the listener to its agent */
	FILTER_LAST,   /* right before execve(2), or before the wait in the park: init_filter_suits_wait() */
};

/* ---- steps.c ------------------------------------------------------------------------------------------- */

/*
 * Ordered tables of steps, which end with a NULL name. A process enters a container by one of the first three
 * (steps.c): create, create in a joined mount namespace, exec. Then the last one (confine.c) confines it.
 */
extern const struct init_ctx_step init_create_steps[];
extern const struct init_ctx_step init_create_joined_steps[];
extern const struct init_ctx_step init_exec_steps[];

/* ---- confine.c ----------------------------------------------------------------------------------------- */

extern const struct init_ctx_step init_confine_steps[];

/* Drops capabilities from the bounding set. Does nothing the second time. */
int init_step_bounding(struct init_ctx *ctx, struct error *err);
/* Finds the program. The error gets no prefix with the step's name: engines parse its start. */
int init_step_program(struct init_ctx *ctx, struct error *err);

/* ---- inherit.c ----------------------------------------------------------------------------------------- */

/* The first thing that a child does: closes what its plan does not need, resets its signals. */
int init_inherit(struct init_ctx *ctx, struct error *err);
/*
 * The same for a stage (spawn.c), which also keeps the descriptor of the cgroup. @sync_fd: see
 * sync_relay_log().
 */
int init_inherit_stage(const struct init_plan *plan, const int *sync_fd, struct error *err);
/*
 * Sets the parent-death signal and "not dumpable" again, which the kernel resets when ids or capabilities
 * change, prctl(2).
 */
void init_stay_hidden(void);
/* Closes the host's /proc. */
int init_step_leave_proc(struct init_ctx *ctx, struct error *err);
/* Closes every descriptor that the program is not to have and krun's last steps do not need. */
int init_step_descriptors(struct init_ctx *ctx, struct error *err);
/*
 * Sets the soft RLIMIT_NOFILE to the 1024 that km and its payload can use, or to the hard limit if that is
 * lower. -EMFILE: the hard limit is below the 737 that km needs.
 */
int init_limit_monitor_files(struct error *err);

/* ---- streams.c ----------------------------------------------------------------------------------------- */

/* Prepares descriptors 0 to 2, or makes the pty slave the terminal. */
int init_step_streams(struct init_ctx *ctx, struct error *err);

/* ---- filter.c ------------------------------------------------------------------------------------------ */

/* Pure. */
enum filter_time init_filter_time(const struct init_plan *plan);
/*
 * The capabilities that seccomp(2) requires to load the plan's filter, as bits: CAP_SYS_ADMIN without
 * no_new_privs, else none.
 */
uint64_t init_filter_needs(const struct init_plan *plan);
/* Sets the limits that krun's own steps could have run into. Does nothing the second time. */
int init_limit(struct init_ctx *ctx, struct error *err);
/* Loads the filter if its time is FILTER_NOTIFY, and hands over the listener. */
int init_step_filter_notify(struct init_ctx *ctx, struct error *err);
/*
 * Pure. True if the plan's filter is one of FILTER_LAST that allows by itself what the process still does
 * after its park.
 */
bool init_filter_suits_wait(const struct init_plan *plan);
/*
 * Loads the filter if its time is FILTER_LAST and it is not in force yet, and drops the capabilities that
 * this took. Unless it suits the wait, the caller then does nothing but execve(2), or report a failure and
 * exit.
 */
int init_load_filter(struct init_ctx *ctx, struct error *err);
/*
 * Makes memory that this process shares with the command, to report a failure behind a filter that refuses
 * sendmsg(2); with any other filter there is none. The command gets its descriptor with SYNC_EXECUTE.
 */
int init_last_words_make(struct init_ctx *ctx, struct error *err);
/* Reports by that memory if the filter is in force, else over the sync socket. */
void init_report_failure(const struct init_ctx *ctx, const struct error *failure);

/* ---- execute.c ----------------------------------------------------------------------------------------- */

/* hooks_context.say for hooks in the container: sends the output to the command. @data: struct init_ctx. */
void init_hook_said(void *data, int stream, const char *text, size_t len);

/* Opens km's file in the container; -EPERM if it is not the file that krun mounted. */
int init_step_monitor(struct init_ctx *ctx, struct error *err);

/*
 * After the last step: parks as planned, runs startContainer hooks, loads the filter unless that came before
 * the wait in the park, executes the program.
 * With pid1 in front of km, both the calling process (pid1) and its child (km) go this way. Returns only on
 * failure.
 */
int init_execute(struct init_ctx *ctx, struct error *err);
