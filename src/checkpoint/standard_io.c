/* SPDX-License-Identifier: Apache-2.0 */
#include "checkpoint/standard_io.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "mount/points.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"

enum { MOUNTINFO_MAX = 64 * 1024 * 1024 };

static bool is_inside(const struct mount_table *table, unsigned int mount)
{
	for (size_t i = 0; i < table->len; i++)
		if ((unsigned int)table->rows[i].id == mount)
			return true;
	return false;
}

static int look(int proc_fd, const struct mount_table *table, int fd, struct stdio_file *file,
		struct error *err)
{
	char path[32], info[512];
	const char *mount;
	ssize_t n;

	snprintf(path, sizeof(path), "fd/%d", fd);
	n = readlinkat(proc_fd, path, file->name, sizeof(file->name) - 1);
	/* The program may have closed it. */
	if (n < 0 || fstatat(proc_fd, path, &file->st, 0) < 0)
		return errno == ENOENT ? 0 : error_sys(err, -errno, "look at descriptor %d", fd);
	file->name[n] = '\0';
	snprintf(path, sizeof(path), "fdinfo/%d", fd);
	/* mnt_id stands near the beginning; after it come the file's locks, of any number. */
	if (io_read_start(proc_fd, path, info, sizeof(info)) < 0)
		return error_set(err, -EIO, "look at descriptor %d", fd);
	mount = strstr(info, "mnt_id:");
	if (!mount || sscanf(mount, "mnt_id: %u", &file->mount) != 1)
		return error_set(err, -EIO, "look at descriptor %d: no mnt_id", fd);
	file->outside = file->name[0] != '/' || !is_inside(table, file->mount);
	return 0;
}

int stdio_look(int proc_fd, struct stdio_file ret[3], struct error *err)
{
	struct mount_table table = { 0 };
	auto_free char *text = NULL;
	int r = io_read_file(proc_fd, "mountinfo", MOUNTINFO_MAX, &text, NULL);

	memset(ret, 0, 3 * sizeof(*ret));
	if (r == 0)
		r = mount_table_parse(text, &table);
	if (r < 0)
		return error_sys(err, r, "read the table of mounts");
	for (int fd = 0; r == 0 && fd <= 2; fd++)
		r = look(proc_fd, &table, fd, &ret[fd], err);
	mount_table_done(&table);
	return r;
}
