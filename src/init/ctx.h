/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the steps of the child share. Everything here lives in the child alone. */

#include <stdbool.h>

#include "init/init.h"
#include "init/program.h"

struct init_ctx {
	const struct init_plan *plan;
	int sync_fd;  /* our end, close-on-exec */
	int slave_fd; /* pty slave between the steps "console" and "stdio", else -1 */
	char *state;  /* for hooks in the container: JSON with "creating", NUL, JSON with "created" */
	struct program program; /* found by the step "program" */
};

struct init_step {
	const char *name;
	int (*run)(struct init_ctx *ctx, struct error *err);
};

/* The ordered tables, ended by a NULL name: read steps.c first. */
extern const struct init_step init_create_steps[];
extern const struct init_step init_exec_steps[];

/* Steps that are too long for steps.c (identity.c, execute.c). */
int init_step_identity(struct init_ctx *ctx, struct error *err);
int init_step_working_directory(struct init_ctx *ctx, struct error *err);
int init_step_descriptors(struct init_ctx *ctx, struct error *err);
int init_step_limits(struct init_ctx *ctx, struct error *err);

/* hooks_context.say of hooks in the container, @data: struct init_ctx. By the channel to the command that waits for them. */
void init_hook_said(void *data, int stream, const char *text, size_t len);

/* After the last step: parks as planned, runs startContainer hooks, executes. Returns only on failure. */
int init_execute(struct init_ctx *ctx, struct error *err);
