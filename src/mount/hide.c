/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Hides the host's proc and sysfs when the host's tree stays in the container's mount namespace, that
 * is, without a pivot.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mount/internal.h"
#include "mount/points.h"
#include "syscall/statx.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"

enum { MOUNTINFO_MAX = 64 << 20 };

static bool is_kernel_file_system(const struct mount_row *row)
{
	return strcmp(row->type, "proc") == 0 || strcmp(row->type, "sysfs") == 0;
}

static bool is_below(const struct mount_table *table, const struct mount_row *row, int root)
{
	for (size_t steps = 0; row && steps <= table->len; steps++) {
		if (row->id == root)
			return true;
		row = mount_table_find(table, row->parent);
	}
	return false;
}

static int cover(int fd)
{
	auto_close int tmpfs_fd = mount_new(&(struct mount_new_options){
		.type = "tmpfs",
		.source = "krun",
		.data = "size=0",
		.attributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
	});

	return tmpfs_fd < 0 ? tmpfs_fd : mount_attach(tmpfs_fd, fd);
}

static int hide(const struct mount_row *row, int proc_fd)
{
	auto_close int fd = open(row->point, O_PATH | O_CLOEXEC);
	struct sys_statx st;
	char path[32];
	int r;

	/* A path that does not exist is hidden by another mount, and so is this mount. */
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	r = sys_statx(fd, "", AT_EMPTY_PATH, SYS_STATX_MNT_ID, &st);
	if (r < 0)
		return r;
	if ((int)st.mount_id != row->id)
		return 0;
	snprintf(path, sizeof(path), "self/fd/%d", fd);
	if (fchdir(proc_fd) < 0)
		return -errno;
	if (umount2(path, MNT_DETACH) == 0)
		return 0;
	/* EINVAL: a mount from a more privileged mount namespace is locked (mount_namespaces(7)). */
	return errno == EINVAL || errno == EPERM ? cover(fd) : -errno;
}

int mount_hide_kernel_files(const struct mount_setup *setup, int proc_fd, struct error *err)
{
	auto_free char *text = NULL;
	struct mount_table table = { 0 };
	int r = io_read_file(proc_fd, "self/mountinfo", MOUNTINFO_MAX, &text, NULL);

	if (r == 0)
		r = mount_table_parse(text, &table);
	if (r < 0)
		return error_sys(err, r, "read the mounts of the host");
	/* From last to first, because later mounts may be on top of earlier ones. */
	for (size_t i = table.len; r == 0 && i-- > 0;) {
		const struct mount_row *row = &table.rows[i];

		if (!is_kernel_file_system(row) || is_below(&table, row, (int)setup->own[0]))
			continue;
		r = hide(row, proc_fd);
		if (r < 0)
			error_sys(err, r, "hide the host's '%s' (%s), which stays mounted without pivot_root",
				  row->point, row->type);
	}
	mount_table_done(&table);
	return r;
}
