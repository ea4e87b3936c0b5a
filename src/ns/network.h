/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A new network namespace, which the kernel makes on one processor while init mounts file systems on another:
 * it is more work than all other namespaces together. On the host, in the process of the command, which
 * enters the new one for a moment and comes back.
 */

struct error;
struct ns_plan;

/*
 * If it can be made so, leaves it out of @plan->create, sets @plan->network_later, and *ret_own_fd to this
 * process's own, for ns_network_make() and owned by the caller. Else *ret_own_fd is -1, and clone3(2) makes
 * it: for another user namespace, or because this process may not come back. @proc_fd: open_proc().
 */
int ns_network_plan(struct ns_plan *plan, int proc_fd, int *ret_own_fd, struct error *err);
/* Makes it and returns its fd. After a failure this process may be in it: the command has to end. */
int ns_network_make(int proc_fd, int own_fd, struct error *err);
