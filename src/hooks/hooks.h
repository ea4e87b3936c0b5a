/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Runs a list of hooks: each gets the state text on stdin, its own arguments, environment and time-out. */

#include <stddef.h>

#include "spec/spec.h"

struct error;

/*
 * What hooks say is also appended to these files, from here on and in every process that this one makes; NULL: it is not. Without a
 * file for stdout both go the same way.
 */
int hooks_output_open(const char *stdout_path, const char *stderr_path, struct error *err);

/* Their descriptors, close-on-exec; -1: none. */
int hooks_stdout_fd(void);
int hooks_stderr_fd(void);

/*
 * In order, one at a time; the first failure (cannot execute, non-zero status, death by signal, time-out:
 * killed with SIGKILL) ends the list and is the error, with the last line that the hook wrote to its
 * stderr. @state: JSON of runtime.md "State". The hooks run with the caller's namespaces and cwd, inherit
 * nothing but fds 0-2 (1 and 2 are captured), default signals and an empty mask.
 */
int hooks_run(enum hook_kind kind, const struct spec_hooks *hooks, const char *state, struct error *err);
/* For poststart and poststop: every hook runs; failures are warnings in the log. */
void hooks_run_all(enum hook_kind kind, const struct spec_hooks *hooks, const char *state);
