/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

struct error;

/* ---- host.c -------------------------------------------------------------------------------------------- */

/*
 * Inside cgroup/: opens the root directory of the cgroup2 tree; the caller closes it. On a pure v1 host,
 * which has not mounted it, root gets a detached mount that is not visible to others: that tree has no
 * controllers, but it holds, freezes and kills processes and filters their devices. -EOPNOTSUPP: there is
 * none, and krun cannot mount one.
 */
int cgroup_root_open(struct error *err);
