/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Runs a list of hooks: each gets the state text on stdin, its own arguments, environment and time-out. */

#include <stdbool.h>
#include <stddef.h>

#include "spec/spec.h"

struct error;

/* Where a kind of hooks runs. Everything is borrowed. */
struct hooks_context {
	/*
	 * For hooks that have none of their own, NULL-terminated; NULL: what this process has. Hooks on the host inherit, as hooks
	 * are written for it; those that run in the container must not learn what the caller's has.
	 */
	char *const *env;
	/* Where they begin; "/" where that is gone or not to be entered, and when NULL. */
	const char *directory;
	/*
	 * Passes on what they say (@stream: STDOUT_FILENO or STDERR_FILENO), for a process that may not have the files itself; NULL:
	 * hooks_output_write().
	 */
	void (*say)(void *data, int stream, const char *text, size_t len);
	/*
	 * What confines a hook beyond this process: runs in the hook's own, right before its execve(2), and behind it nothing is called
	 * but that. NULL: nothing.
	 */
	int (*confine)(void *data, struct error *err);
	void *data;
};

/*
 * What hooks say is also appended to these files, from here on and in every process that this one makes; NULL: it is not. Without a
 * file for stdout both go the same way. The files are krun's alone: a hook's stdout and stderr are pipes.
 */
int hooks_output_open(const char *stdout_path, const char *stderr_path, struct error *err);
/* In a process of the container: it goes on saying what it has to by hooks_context.say, and has no file of the host. */
void hooks_output_close(void);
/* Appends to the file of @stream, if there is one. */
void hooks_output_write(int stream, const char *text, size_t len);

/* PATH alone, as this process has it, or the usual one; static. */
char *const *hooks_path_only(void);

/*
 * In order, one at a time; the first failure (cannot execute, non-zero status, death by signal, time-out:
 * killed with SIGKILL) ends the list and is the error, with the last line that the hook wrote to its
 * stderr. @state: JSON of runtime.md "State". The hooks run with the caller's namespaces, inherit
 * nothing but fds 0-2 (pipes all of them), default signals and an empty mask.
 */
int hooks_run(enum hook_kind kind, const struct spec_hooks *hooks, const char *state,
	      const struct hooks_context *context, struct error *err);
/* For poststart and poststop: every hook runs; failures are warnings in the log. */
void hooks_run_all(enum hook_kind kind, const struct spec_hooks *hooks, const char *state,
		   const struct hooks_context *context);
