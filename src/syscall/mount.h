/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Thin wrappers, one kernel call each. They return 0 or an fd, or a negative errno. fds are close-on-exec. */

#include <linux/mount.h>
#include <stdint.h>

/* Linux 5.2. Returns the fd of a mount or, with OPEN_TREE_CLONE, of a detached copy. */
int sys_open_tree(int dir_fd, const char *path, unsigned int flags);
/* Linux 5.2. */
int sys_move_mount(int from_fd, const char *from, int to_fd, const char *to, unsigned int flags);
/*
 * Linux 5.12. @at_flags: AT_EMPTY_PATH, AT_RECURSIVE. @set, @clear: MOUNT_ATTR_*. @userns_fd: for
 * MOUNT_ATTR_IDMAP, or negative.
 */
int sys_mount_setattr(int dir_fd, const char *path, unsigned int at_flags, uint64_t set, uint64_t clear,
		      uint64_t propagation, int userns_fd);
/* The file system context calls, Linux 5.2. */
int sys_fsopen(const char *type, unsigned int flags);
int sys_fsconfig(int fd, unsigned int command, const char *key, const void *value, int aux);
int sys_fsmount(int fd, unsigned int flags, unsigned int attributes);
int sys_pivot_root(const char *new_root, const char *put_old);
