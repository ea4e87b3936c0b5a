/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What a process does inside its fresh namespaces so that they are usable. */

#include <stdbool.h>

struct error;
struct spec;

/* Brings the loopback interface of the current network namespace up. */
int ns_loopback_up(struct error *err);

/* hostname and domainname of the current UTS namespace; NULL leaves one alone. */
int ns_names_apply(const char *hostname, const char *domainname, struct error *err);

/* Offsets of the time namespace that this process's next child enters. @proc_fd: a trusted /proc. */
int ns_time_offsets_apply(int proc_fd, const struct spec *spec, struct error *err);

/*
 * True when this process is in a user namespace other than the initial one, where root is not root: its map is
 * not the full identity.
 */
bool ns_in_user_namespace(void);
