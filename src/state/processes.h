/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

struct error;
struct state;

/*
 * Lists the pids of a container's processes, sorted. The caller frees *ret.
 *
 *   - With a cgroup of its own: the processes in that cgroup, whether or not the first process is alive; an
 *     empty list when the cgroup is gone.
 *   - Without one (an ordinary user's container, --cgroup-manager disabled): every process of the pid
 *     namespace in which the first process is pid 1, but not of namespaces below. If the first process is not
 *     pid 1, only that process, because nothing tells its children from other processes. An error when the
 *     first process has ended.
 */
int processes_list(const struct state *state, pid_t **ret, size_t *ret_len, struct error *err);

/*
 * Returns 1 if the container's first process is pid 1 of its pid namespace, so that the kernel kills all
 * others there when it ends (pid_namespaces(7)); 0 if it is not (the host's or a pod's namespace). -ESRCH:
 * the process has ended; other errors: unknown.
 */
int processes_end_with_first(const struct state *state, struct error *err);
