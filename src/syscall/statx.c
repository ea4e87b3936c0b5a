/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "syscall/newer.h"
#include "syscall/statx.h"

_Static_assert(SYS_STATX_TYPE == STATX_TYPE && SYS_STATX_NLINK == STATX_NLINK && SYS_STATX_INO == STATX_INO &&
		       SYS_STATX_MNT_ID == STATX_MNT_ID,
	       "the masks are the kernel's");

int sys_statx(int dir_fd, const char *path, int flags, unsigned int mask, struct sys_statx *ret)
{
	struct statx st;
	int r = sys_newer("statx", syscall(SYS_statx, dir_fd, path, flags, mask, &st));

	if (r < 0)
		return r;
	*ret = (struct sys_statx){
		.mount_id = st.stx_mnt_id,
		.inode = st.stx_ino,
		.links = st.stx_nlink,
		.mode = st.stx_mode,
		.mount_root = st.stx_attributes & STATX_ATTR_MOUNT_ROOT,
	};
	return 0;
}
