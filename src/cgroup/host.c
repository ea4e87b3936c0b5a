/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>

#include "cgroup/cgroup.h"

#define UNIFIED "/sys/fs/cgroup"
#define HYBRID "/sys/fs/cgroup/unified"

static bool is_cgroup2(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && (unsigned long)fs.f_type == CGROUP2_SUPER_MAGIC;
}

enum cgroup_host cgroup_host_kind(void)
{
	struct statfs fs;

	if (is_cgroup2(UNIFIED))
		return CGROUP_HOST_UNIFIED;
	if (is_cgroup2(HYBRID))
		return CGROUP_HOST_HYBRID;
	return statfs(UNIFIED "/memory", &fs) == 0 ? CGROUP_HOST_V1 : CGROUP_HOST_NONE;
}

const char *cgroup_mount_point(void)
{
	switch (cgroup_host_kind()) {
	case CGROUP_HOST_UNIFIED:
		return UNIFIED;
	case CGROUP_HOST_HYBRID:
		return HYBRID;
	case CGROUP_HOST_V1:
	case CGROUP_HOST_NONE:
	default:
		return NULL;
	}
}

static const char *const manager_names[] = {
	[CGROUP_CGROUPFS] = "cgroupfs",
	[CGROUP_SYSTEMD] = "systemd",
	[CGROUP_DISABLED] = "disabled",
};

int cgroup_manager_parse(const char *word, enum cgroup_manager *ret)
{
	for (int i = 0; i <= CGROUP_DISABLED; i++) {
		if (strcmp(word, manager_names[i]) == 0) {
			*ret = (enum cgroup_manager)i;
			return 0;
		}
	}
	return -EINVAL;
}

const char *cgroup_manager_name(enum cgroup_manager manager)
{
	return manager_names[manager];
}
