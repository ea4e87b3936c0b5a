/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the steps of the child share. Everything here lives in the child alone. */

#include <stdbool.h>

#include "init/init.h"
#include "init/program.h"

struct init_ctx {
	const struct init_plan *plan;
	int sync_fd;		/* our end, close-on-exec; -1 while nobody listens */
	int proc_fd;		/* the host's /proc, until nothing needs it any more; then -1 */
	int links_fd;		/* open_own_links() */
	struct lsm_files files; /* opened below proc_fd */
	int slave_fd;		/* pty slave between the steps "console" and "streams", else -1 */
	bool in_directory; /* the working directory has been entered, with the rights of the container's root */
	char *state;	   /* for hooks in the container: JSON with "creating", NUL, JSON with "created" */
	bool monitor_is_script; /* on the host: its interpreter has to open it by name */
	int monitor_fd;		/* km's file, from the step "monitor" on; else -1 */
	struct program program; /* found by the step "program" */
};

struct init_step {
	const char *name;
	int (*run)(struct init_ctx *ctx, struct error *err);
};

/*
 * The ordered tables, ended by a NULL name. A process enters a container by one of the first three (steps.c), and is then confined
 * by the last (confine.c), which all share.
 */
extern const struct init_step init_create_steps[];
extern const struct init_step init_create_joined_steps[];
extern const struct init_step init_exec_steps[];
extern const struct init_step init_confine_steps[];

/* inherit.c: the first thing that a child does, and its last one with descriptors. */
int init_inherit(struct init_ctx *ctx, struct error *err);
int init_inherit_stage(const struct init_plan *plan, const int *sync_fd, struct error *err);
/* After a change of ids or capabilities, with which the kernel resets what a process is to its parent and to others (prctl(2)). */
void init_stay_hidden(void);
int init_step_leave_proc(struct init_ctx *ctx, struct error *err);
int init_step_descriptors(struct init_ctx *ctx, struct error *err);

/* streams.c */
int init_step_streams(struct init_ctx *ctx, struct error *err);

/* confine.c: when the plan's filter is loaded. */
enum filter_time {
	FILTER_NEVER,
	FILTER_PRIVILEGED, /* without no_new_privs the kernel takes it from CAP_SYS_ADMIN only */
	FILTER_NOTIFY, /* one whose listener an agent gets: while the command that knows the agent is there */
	FILTER_LAST,   /* after the park */
};

enum filter_time init_filter_time(const struct init_plan *plan);
/* Loads the filter if its time is @now. */
int init_load_filter(struct init_ctx *ctx, enum filter_time now, struct error *err);

/* hooks_context.say of hooks in the container, @data: struct init_ctx. By the channel to the command that waits for them. */
void init_hook_said(void *data, int stream, const char *text, size_t len);

/* execute.c */
int init_step_monitor(struct init_ctx *ctx, struct error *err);

/* After the last step: parks as planned, loads the filter, runs startContainer hooks, executes. Returns only on failure. */
int init_execute(struct init_ctx *ctx, struct error *err);
