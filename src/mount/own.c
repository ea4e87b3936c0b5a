/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Records which mounts are the container's own. In a directory of the host (a bind mount, or a submount
 * that came with the root) krun makes and changes nothing but the mount points that config.json asks
 * for. A path does not tell which it is: the image may have links, and /dev may be anything.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "mount/internal.h"
#include "syscall/statx.h"

int mount_id(int fd, uint64_t *ret)
{
	struct sys_statx st;
	int r = sys_statx(fd, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, SYS_STATX_MNT_ID, &st);

	if (r < 0)
		return r;
	*ret = st.mount_id;
	return 0;
}

int mount_own_add(struct mount_setup *setup, int fd)
{
	uint64_t *ids, id;
	int r = mount_id(fd, &id);

	if (r < 0)
		return r;
	ids = realloc(setup->own, (setup->own_len + 1) * sizeof(*ids));
	if (!ids)
		return -ENOMEM;
	setup->own = ids;
	setup->own[setup->own_len++] = id;
	return 0;
}

bool mount_is_own(const struct mount_setup *setup, int fd)
{
	uint64_t id;

	if (mount_id(fd, &id) < 0)
		return false;
	for (size_t i = 0; i < setup->own_len; i++)
		if (setup->own[i] == id)
			return true;
	return false;
}
