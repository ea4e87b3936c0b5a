/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>

#include "cgroup/cgroup.h"
#include "syscall/mount.h"
#include "util/cleanup.h"
#include "util/error.h"

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

/* Mounts the cgroup2 tree, which the kernel always has, detached with fsopen(2) (Linux 5.2). */
static int open_unmounted(void)
{
	auto_close int context_fd = sys_fsopen("cgroup2", 0);
	int r = context_fd < 0 ? context_fd : sys_fsconfig(context_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	auto_close int mount_fd =
		r < 0 ? r :
			sys_fsmount(context_fd, 0, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	int fd;

	if (mount_fd < 0)
		return mount_fd;
	/* fsmount(2) returns an O_PATH fd. */
	fd = openat(mount_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int cgroup_root_open(struct error *err)
{
	const char *mount_point = cgroup_mount_point();
	int fd;

	if (!mount_point) {
		fd = open_unmounted();
		if (error_is_shortage(fd))
			return error_sys(err, fd, "mount the cgroup v2 tree");
		return fd >= 0 ? fd :
				 error_set(err, -EOPNOTSUPP,
					   "this host has no cgroup v2 tree at /sys/fs/cgroup or "
					   "/sys/fs/cgroup/unified, and krun cannot mount one (%s): mount "
					   "one, or "
					   "use --cgroup-manager disabled",
					   error_reason(fd));
	}
	fd = open(mount_point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? error_sys(err, -errno, "open '%s'", mount_point) : fd;
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
