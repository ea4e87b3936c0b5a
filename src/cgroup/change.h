/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Limits that change: what a request finds in force, and how it is taken back. */

#include <stdbool.h>
#include <stddef.h>

#include "cgroup/resources.h"

struct cgroup;
struct error;
struct spec_resources;

/* What a file said before it was written. */
struct cgroup_earlier {
	char *file, *text; /* owned */
};

struct cgroup_undo {
	struct cgroup_earlier *items;
	size_t len;
};

/* One update; see cgroup_update(). Released with cgroup_change_done(). */
struct cgroup_change {
	const struct spec_resources *before; /* what was asked for until now; borrowed */
	struct cgroup_present present;	     /* what was in force, as far as the request needs it */
	struct cgroup_writes writes;	     /* what was written */
	struct cgroup_undo undo;
};

void cgroup_change_done(struct cgroup_change *change);

/* ---- inside cgroup/ -------------------------------------------------------------------------------------------- */

/*
 * Reads what cgroup_writes_make() needs to know for @resources. @before: NULL at create; what was asked for stands there, and the
 * kernel may show it otherwise (systemd's rounding, no period without a quota). A file that is not there leaves the default.
 */
int cgroup_present_read(int dir_fd, const struct spec_resources *resources,
			const struct spec_resources *before, struct cgroup_present *ret, struct error *err);
/* The files alone. After a failure they say what they said before. */
int cgroup_change_make(const struct cgroup *cgroup, const struct spec_resources *resources,
		       struct cgroup_change *change, struct error *err);
void cgroup_change_undo(const struct cgroup *cgroup, const struct cgroup_change *change);
/*
 * Writes once more the files that somebody else has written meanwhile, those for which @is_his is true: what was written, and what is
 * in force of earlier requests in other files of the same controllers.
 */
int cgroup_change_repeat(const struct cgroup *cgroup, const struct cgroup_change *change,
			 bool (*is_his)(const char *file), struct error *err);
