/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Set-up that a process does inside new namespaces, and after it has entered one. 0 or a negative errno. */

struct error;
struct file_id;
struct spec;

/* Brings up the loopback interface of the current network namespace. */
int ns_loopback_up(struct error *err);

/*
 * Called after setns(2) to a container's mount namespace, which sets the root directory to that of the
 * namespace. If krun was in a chroot when it made the container, that is the host's root and not the
 * container's. If it is not @known, the root that the container was made with, this changes to @root_fd, the
 * root of the container's first process.
 */
int ns_enter_root(int root_fd, const struct file_id *known, struct error *err);

/* Sets both names of the current UTS namespace; NULL leaves one unchanged. */
int ns_names_apply(const char *hostname, const char *domainname, struct error *err);

/* Sets the offsets of the time namespace that this process's next child enters. @proc_fd: trusted /proc. */
int ns_time_offsets_apply(int proc_fd, const struct spec *spec, struct error *err);
