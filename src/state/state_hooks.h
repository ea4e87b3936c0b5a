/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Hooks of a container that exists, with its state on standard input (runtime.md
 * "State"). They run on the host, in the process of the command.
 */

#include "hooks/hooks.h"

struct error;
struct spec;
struct state;

/* Runs the hooks of one kind up to the first that fails. @spec: of the container. */
int state_hooks_run(enum hook_kind kind, const struct state *state, const struct spec *spec,
		    const char *status, struct error *err);
/* Runs all poststop hooks; a failure is a warning. */
void state_hooks_run_poststop(const struct state *state, const struct spec *spec);
