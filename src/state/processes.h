/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

struct error;
struct state;

/*
 * The processes of a container, sorted: those of its cgroup; without one of its own (an ordinary user's, --cgroup-manager disabled)
 * when its first process is 1 of a pid namespace, everybody in that namespace, also if it is below another one; else that process
 * alone, because nothing tells its children from others'. The caller frees *ret.
 *
 * Where its first process has ended, it is those of the cgroup that are left, if it has one, which may be gone (an empty list).
 */
int processes_list(const struct state *state, pid_t **ret, size_t *ret_len, struct error *err);

/*
 * 1 when the container's first process is 1 of its pid namespace, so that nobody there outlives it; 0 when not (the host's, a pod's); a
 * negative errno when nobody can tell, -ESRCH when that process is gone.
 */
int processes_end_with_first(const struct state *state, struct error *err);
