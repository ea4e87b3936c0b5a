/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What a process does inside its fresh namespaces so that they are usable. */

#include <stdbool.h>

struct error;
struct file_id;
struct spec;

/* Brings the loopback interface of the current network namespace up. */
int ns_loopback_up(struct error *err);

/*
 * After a process has entered a container's mount namespace. That gives the root of the namespace, which is not the container's when krun
 * was itself in a chroot as it made it: then that is above, with all of the host. @known: the container's root as it was made;
 * @root_fd: the root of its first process, to which this one changes when its own is another.
 */
int ns_enter_root(int root_fd, const struct file_id *known, struct error *err);

/* hostname and domainname of the current UTS namespace; NULL leaves one alone. */
int ns_names_apply(const char *hostname, const char *domainname, struct error *err);

/* Offsets of the time namespace that this process's next child enters. @proc_fd: a trusted /proc. */
int ns_time_offsets_apply(int proc_fd, const struct spec *spec, struct error *err);

/*
 * True when this process is in a user namespace other than the initial one, where root is not root: its map is
 * not the full identity.
 */
bool ns_in_user_namespace(void);
