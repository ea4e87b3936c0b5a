/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Removing a container that is dead, or is ended here. */

struct runtime_options;
struct error;
struct spec;
struct state;

/* Kills the container's process, if that is alive, and sees it die. Needs no lock: no other process can have its number then. */
int container_kill_init(const struct state *state, struct error *err);

/* Removes the resctrl groups of a container, if it has any. */
int rdt_leave(const struct state *state, struct error *err);

/*
 * The process is dead (or is killed here): what is left in its cgroup, the cgroup, poststop hooks, the state
 * directory. @spec NULL: read from the state directory when it has hooks. Goes on after a failure and reports
 * the first.
 */
int container_remove(const struct runtime_options *runtime, int dir_fd, const struct state *state,
		     const struct spec *spec, struct error *err);
