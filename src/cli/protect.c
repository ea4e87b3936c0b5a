/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/protect.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "syscall/mount.h"
#include "syscall/process.h"
#include "util/cleanup.h"
#include "util/error.h"

int protect_program(char **argv, struct error *err)
{
	auto_close int tree_fd = -1;
	int r;

	/* EROFS is how the second start is told from the first. */
	if (faccessat(AT_FDCWD, "/proc/self/exe", W_OK, AT_EACCESS) < 0)
		return 0;
	tree_fd = sys_open_tree(AT_FDCWD, "/proc/self/exe", OPEN_TREE_CLONE);
	/* Without the right to mount, or on a file system that cannot be: krun's file is not root's business then. */
	if (tree_fd < 0)
		return 0;
	r = sys_mount_setattr(tree_fd, "", AT_EMPTY_PATH, MOUNT_ATTR_RDONLY, 0, 0, -1);
	if (r == 0)
		r = sys_execveat(tree_fd, "", argv, environ, AT_EMPTY_PATH);
	return error_sys(err, r, "start krun from a read-only mount of itself");
}
