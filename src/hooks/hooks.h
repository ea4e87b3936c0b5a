/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Runs lists of hooks (config.md "POSIX-platform Hooks"). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spec/spec.h"

struct error;

/* How the hooks of a list are run. Everything is borrowed. */
struct hooks_context {
	/*
	 * Environment of hooks that have none in config.json, NULL-terminated; NULL: that of this process.
	 * Hooks on the host inherit it, because they rely on that; those that run in the container must not
	 * see the caller's.
	 */
	char *const *env;
	/* Working directory; "/" is used when it is NULL or cannot be entered. */
	const char *directory;
	/*
	 * Receives the hooks' output (@stream: STDOUT_FILENO or STDERR_FILENO), in a process that must not
	 * have the files; NULL: hooks_output_write().
	 */
	void (*say)(void *data, int stream, const char *text, size_t len);
	/*
	 * Confines the hook beyond this process: called in the hook's process, immediately before execve(2).
	 * NULL: not needed.
	 */
	int (*confine)(void *data, struct error *err);
	void *data;
};

/* ---- run.c --------------------------------------------------------------------------------------------- */

/*
 * From now on appends the output of hooks to these files (mode 0600), in this process and its children; NULL
 * or "": no file. Without @stdout_path, stdout goes where stderr goes. Only krun has the files: a hook's
 * stdout and stderr are pipes. 0 or a negative errno.
 */
int hooks_output_open(const char *stdout_path, const char *stderr_path, struct error *err);
/* Closes the files in a process that enters the container; it passes the output on by hooks_context.say. */
void hooks_output_close(void);
/* Appends @len bytes of @text to the file of @stream, if there is one. */
void hooks_output_write(int stream, const char *text, size_t len);

/* Returns an environment with PATH only: this process's, or PATH_DEFAULT. Static storage. */
char *const *hooks_path_only(void);

/*
 * A hook without "timeout" in config.json has this one, so that no command waits for it for ever. A poststart
 * hook has none: the program would have to be killed for it.
 */
enum { HOOK_TIMEOUT_S = 300 };

/* Pure. Returns how many seconds these hooks of create or start may take, all together. */
int64_t hooks_seconds(const struct spec_hooks *hooks);

/*
 * Runs the hooks in order, one at a time; each gets @state on stdin, the JSON of runtime.md "State". The
 * first failure ends the list: a hook cannot be executed, exits with a status other than 0 or is killed by a
 * signal (-ECANCELED), or exceeds its timeout, HOOK_TIMEOUT_S if it has none (-ETIMEDOUT, killed with
 * SIGKILL). The error has the last line that it wrote to stderr, or to stdout when that has no file. Hooks
 * run in the caller's namespaces, with pipes as fds 0 to 2 and no others, default signal actions and an empty
 * mask.
 */
int hooks_run(enum hook_kind kind, const struct spec_hooks *hooks, const char *state,
	      const struct hooks_context *context, struct error *err);
/* For poststart and poststop: runs every hook; failures are warnings in the log (runtime.md "Lifecycle"). */
void hooks_run_all(enum hook_kind kind, const struct spec_hooks *hooks, const char *state,
		   const struct hooks_context *context);
