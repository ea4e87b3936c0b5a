/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Changes of limits: what was in force before, and how to undo them. Inside cgroup/, but for the structs and
 * cgroup_change_done().
 */

#include <stdbool.h>
#include <stddef.h>

#include "cgroup/resources.h"

struct cgroup;
struct error;
struct spec_resources;

/* Contents of a file before it was written. */
struct cgroup_earlier {
	char *file, *text; /* owned */
};

struct cgroup_undo {
	struct cgroup_earlier *items;
	size_t len;
};

/* An update, see cgroup_update(). Released with cgroup_change_done(). */
struct cgroup_change {
	const struct spec_resources *before; /* all earlier requests, merged; borrowed */
	struct cgroup_present present;	     /* limits in force before, as far as the request needs them */
	struct cgroup_writes writes;
	struct cgroup_undo undo; /* in the order of the writes */
};

/* ---- limits.c ------------------------------------------------------------------------------------------ */

void cgroup_change_done(struct cgroup_change *change);

/*
 * Reads what cgroup_writes_make() needs for @resources. @before: the earlier requests, which take precedence
 * where the kernel may show another value (systemd rounds quotas, and has no period without a quota); NULL at
 * create. A missing file leaves the default. *ret is released with cgroup_present_done(), also on failure.
 * -ENOMEM.
 */
int cgroup_present_read(int dir_fd, const struct spec_resources *resources,
			const struct spec_resources *before, struct cgroup_present *ret, struct error *err);
/* Writes the files, without systemd. After a failure they have their earlier contents. */
int cgroup_change_make(const struct cgroup *cgroup, const struct spec_resources *resources,
		       struct cgroup_change *change, struct error *err);
/* Writes the earlier contents back, in reverse order. */
void cgroup_change_undo(const struct cgroup *cgroup, const struct cgroup_change *change);
/*
 * Repeats writes to files that systemd has written meanwhile, those for which @is_his returns true: the
 * writes of this change, and what earlier requests left in other files of the same controllers.
 */
int cgroup_change_repeat(const struct cgroup *cgroup, const struct cgroup_change *change,
			 bool (*is_his)(const char *file), struct error *err);
