/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * statx(2), Linux 5.8: musl's struct does not have the mount, and an older musl does not have the call. The
 * kernel's own <linux/stat.h> cannot be included together with a C library's <sys/stat.h>.
 */

#include <stdbool.h>
#include <stdint.h>

/* The kernel's STATX_* of these names. */
enum sys_statx_mask {
	SYS_STATX_TYPE = 0x1,
	SYS_STATX_NLINK = 0x4,
	SYS_STATX_INO = 0x100,
	SYS_STATX_MNT_ID = 0x1000,
};

/* Only what the mask asks for is set, and always @mount_root. */
struct sys_statx {
	uint64_t mount_id;
	uint64_t inode;
	uint32_t links;
	uint16_t mode;	 /* its type, S_IFMT */
	bool mount_root; /* the file is the root of a mount */
};

/*
 * @dir_fd, @path, @flags: as for fstatat(2). @mask: of enum sys_statx_mask. With nothing but SYS_STATX_MNT_ID
 * in it, a file system that is another process or machine is not asked. Returns 0 or a negative errno.
 */
int sys_statx(int dir_fd, const char *path, int flags, unsigned int mask, struct sys_statx *ret);
