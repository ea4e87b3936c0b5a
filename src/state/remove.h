/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Removing a container. On the host, in the process of the command. */

struct runtime_options;
struct error;
struct spec;
struct state;

/*
 * Kills the container's first process, if it is alive, and waits for its end; -ETIMEDOUT after 10 s. Needs no
 * lock: it uses a pidfd, so that no other process can be hit.
 */
int container_kill_init(const struct state *state, struct error *err);

/* Removes the resctrl groups that krun made for the container, if any. */
int rdt_leave(const struct state *state, struct error *err);

/*
 * Kills the container's processes, removes its cgroup and resctrl groups, runs the poststop hooks and removes
 * the state directory, in this order. @dir_fd: the state directory, locked. @spec NULL: read from the state
 * directory if the container has hooks.
 *
 * Stops at once if the first process cannot be killed. If the cgroup cannot be removed, the hooks still run,
 * but the state directory stays so that `delete` can be tried again. Failures of resctrl and of hooks are
 * warnings.
 */
int container_remove(const struct runtime_options *runtime, int dir_fd, const struct state *state,
		     const struct spec *spec, struct error *err);
