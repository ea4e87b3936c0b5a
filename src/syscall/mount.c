/* SPDX-License-Identifier: Apache-2.0 */
#include "syscall/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "syscall/newer.h"

int sys_open_tree(int dir_fd, const char *path, unsigned int flags)
{
	return sys_newer("open_tree", syscall(SYS_open_tree, dir_fd, path, flags | OPEN_TREE_CLOEXEC));
}

int sys_move_mount(int from_fd, const char *from, int to_fd, const char *to, unsigned int flags)
{
	return sys_newer("move_mount", syscall(SYS_move_mount, from_fd, from, to_fd, to, flags));
}

int sys_mount_setattr(int dir_fd, const char *path, unsigned int at_flags, uint64_t set, uint64_t clear,
		      uint64_t propagation, int userns_fd)
{
	struct mount_attr attr = {
		.attr_set = set,
		.attr_clr = clear,
		.propagation = propagation,
		.userns_fd = userns_fd < 0 ? 0 : (uint64_t)userns_fd,
	};

	return sys_newer("mount_setattr",
			 syscall(SYS_mount_setattr, dir_fd, path, at_flags, &attr, sizeof(attr)));
}

int sys_fsopen(const char *type, unsigned int flags)
{
	return sys_newer("fsopen", syscall(SYS_fsopen, type, flags | FSOPEN_CLOEXEC));
}

int sys_fsconfig(int fd, unsigned int command, const char *key, const void *value, int aux)
{
	return sys_newer("fsconfig", syscall(SYS_fsconfig, fd, command, key, value, aux));
}

int sys_fsmount(int fd, unsigned int flags, unsigned int attributes)
{
	return sys_newer("fsmount", syscall(SYS_fsmount, fd, flags | FSMOUNT_CLOEXEC, attributes));
}

int sys_pivot_root(const char *new_root, const char *put_old)
{
	return syscall(SYS_pivot_root, new_root, put_old) < 0 ? -errno : 0;
}
