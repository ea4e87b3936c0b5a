/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the steps of the child share. Everything here lives in the child alone. */

#include <stdbool.h>
#include <stdint.h>

#include "init/init.h"
#include "init/program.h"
#include "syscall/capability.h"
#include "util/step.h"

struct init_ctx {
	const struct init_plan *plan;
	int sync_fd;		/* our end, close-on-exec; -1 while nobody listens */
	int proc_fd;		/* the host's /proc, until nothing needs it any more; then -1 */
	int links_fd;		/* open_own_links() */
	struct lsm_files files; /* opened below proc_fd */
	int slave_fd;		/* pty slave between the steps "console" and "streams", else -1 */
	bool in_directory; /* the working directory has been entered, with the rights of the container's root */
	char *state;	   /* for hooks in the container: JSON with "creating", NUL, JSON with "created" */
	bool monitor_is_script;		     /* on the host: its interpreter has to open it by name */
	int km_fd;			     /* km's file, from the step "monitor" on; else -1 */
	int tie_fd;			     /* of the pipe to the process in front of km; else -1 */
	struct program program;		     /* found by the step "program" */
	struct capability_sets capabilities; /* what config.json gives, from the step "capabilities" on */
	uint64_t lent;			     /* permitted besides, for the load of the filter */
	bool limited;			     /* init_limit() */
	bool confined;			     /* the filter is in force */
	struct error *last_words;	     /* init_last_words_make(), or NULL */
	int last_words_fd;		     /* of that memory, or -1 */
};

STEPS(init_ctx)

/*
 * The ordered tables, ended by a NULL name. A process enters a container by one of the first three (steps.c), and is then confined
 * by the last (confine.c), which all share.
 */
extern const struct init_ctx_step init_create_steps[];
extern const struct init_ctx_step init_create_joined_steps[];
extern const struct init_ctx_step init_exec_steps[];
extern const struct init_ctx_step init_confine_steps[];

/* inherit.c: the first thing that a child does, and its last one with descriptors. */
int init_inherit(struct init_ctx *ctx, struct error *err);
int init_inherit_stage(const struct init_plan *plan, const int *sync_fd, struct error *err);
/* After a change of ids or capabilities, with which the kernel resets what a process is to its parent and to others (prctl(2)). */
void init_stay_hidden(void);
int init_step_leave_proc(struct init_ctx *ctx, struct error *err);
int init_step_descriptors(struct init_ctx *ctx, struct error *err);
/* The soft limit with which km, whose descriptors are high numbers, and its payload have all that they can use. */
int init_limit_monitor_files(struct error *err);

/* confine.c: looks for the program; its error is about what the user asked for, and stands alone. */
int init_step_program(struct init_ctx *ctx, struct error *err);

/* streams.c */
int init_step_streams(struct init_ctx *ctx, struct error *err);

/* filter.c: when the plan's filter is loaded. */
enum filter_time {
	FILTER_NEVER,
	FILTER_NOTIFY, /* one whose listener an agent gets: while the command that knows the agent is there */
	FILTER_LAST,   /* right before execve(2) */
};

enum filter_time init_filter_time(const struct init_plan *plan);
/* Capabilities that loading it takes: without no_new_privs the kernel asks for CAP_SYS_ADMIN. */
uint64_t init_filter_needs(const struct init_plan *plan);
/* The limits of the container that were still to come. Behind it krun's own steps take next to nothing. */
int init_limit(struct init_ctx *ctx, struct error *err);
int init_step_filter_notify(struct init_ctx *ctx, struct error *err);
/* At FILTER_LAST: loads the filter and gives up what that took. Then nothing is left but execve(2), or to report a failure and end. */
int init_load_filter(struct init_ctx *ctx, struct error *err);
/*
 * Memory that this process and the command share, for the time when the filter lets it say nothing. The command gets the descriptor with
 * SYNC_EXECUTE. No memory where the filter lets it send a message.
 */
int init_last_words_make(struct init_ctx *ctx, struct error *err);
/* By whichever way there is. */
void init_report_failure(const struct init_ctx *ctx, const struct error *failure);

/* hooks_context.say of hooks in the container, @data: struct init_ctx. By the channel to the command that waits for them. */
void init_hook_said(void *data, int stream, const char *text, size_t len);

/* execute.c */
int init_step_monitor(struct init_ctx *ctx, struct error *err);

/* After the last step: parks as planned, runs startContainer hooks, loads the filter, executes. Returns only on failure. */
int init_execute(struct init_ctx *ctx, struct error *err);
