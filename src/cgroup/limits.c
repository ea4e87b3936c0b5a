/* SPDX-License-Identifier: Apache-2.0 */

/* Writing the limits of a container. */

#include "cgroup/limit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup/cgroup.h"
#include "cgroup/resources.h"
#include "spec/spec.h"
#include "util/error.h"
#include "util/io.h"

int cgroup_missing_controller(const struct cgroup_write *write, const char *path, struct error *err)
{
	if (cgroup_host_kind() == CGROUP_HOST_HYBRID)
		return error_set(
			err, -EOPNOTSUPP,
			"/linux/resources/%s: the %s controller is on cgroup v1 on this (hybrid) host, where "
			"krun sets no limits: boot with systemd.unified_cgroup_hierarchy=1, or drop the "
			"limit",
			write->property, write->controller);
	return error_set(err, -EOPNOTSUPP,
			 "/linux/resources/%s: the %s controller is not available in cgroup '%s'",
			 write->property, write->controller, path);
}

static int check_usage(const struct cgroup *cgroup, const struct spec_memory *memory, struct error *err)
{
	char text[32];

	if (!memory->check_before_update.value || !memory->limit.set || memory->limit.value <= 0)
		return 0;
	if (io_read_small(cgroup->dir_fd, "memory.current", text, sizeof(text)) > 0 &&
	    strtoll(text, NULL, 10) > memory->limit.value)
		return error_set(err, -EBUSY,
				 "/linux/resources/memory/limit: %lld is below the present usage, %s",
				 (long long)memory->limit.value, text);
	return 0;
}

/* Kernels without huge page reservations, and schedulers without weights, lack these; the limit itself holds. */
static bool may_be_missing(const char *file)
{
	return strncmp(file, "hugetlb.", 8) == 0 && strstr(file, ".rsvd.");
}

int cgroup_limit(const struct cgroup *cgroup, const struct spec_resources *resources, struct error *err)
{
	struct cgroup_writes writes;
	int r = cgroup_writes_make(resources, &writes, err);

	if (r < 0)
		return r;
	if (cgroup_wants_limits(resources) && cgroup->dir_fd < 0)
		r = error_set(err, -EOPNOTSUPP, "/linux/resources: the container has no cgroup of its own");
	if (r == 0)
		r = check_usage(cgroup, &resources->memory, err);
	for (size_t i = 0; r == 0 && i < writes.len; i++) {
		const struct cgroup_write *write = &writes.items[i];

		r = io_write_existing(cgroup->dir_fd, write->file, write->text);
		if (r == -ENOENT && write->bfq_text)
			r = io_write_existing(cgroup->dir_fd, "io.bfq.weight", write->bfq_text);
		if (r == -ENOENT && (write->is_default || may_be_missing(write->file)))
			r = 0;
		else if (r == -ENOENT && write->controller && strncmp(write->property, "unified", 7) != 0)
			r = cgroup_missing_controller(write, cgroup->place.path, err);
		else if (r < 0)
			r = error_sys(err, r, "/linux/resources/%s: write '%s' to '%s'", write->property,
				      write->text, write->file);
	}
	cgroup_writes_done(&writes);
	return r;
}
