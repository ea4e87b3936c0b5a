/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup/counting.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/array.h"
#include "util/cleanup.h"
#include "util/io.h"

/* In every directory from the root to the parent, as long as it is granted. */
static void enable(int root_fd, const char *path, const char *word)
{
	char copy[PATH_MAX], *rest = copy, *part;
	auto_close int dir_fd = -1;

	if (snprintf(copy, sizeof(copy), "%s", path) >= (int)sizeof(copy))
		return;
	while ((part = strsep(&rest, "/"))) {
		int fd = dir_fd < 0 ? root_fd : dir_fd, next;

		if (io_write_existing(fd, "cgroup.subtree_control", word) < 0 || !rest)
			return;
		next = openat(fd, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		cleanup_close(&dir_fd);
		if (next < 0)
			return;
		dir_fd = next;
	}
}

void cgroup_count(int root_fd, int dir_fd, const char *path)
{
	static const struct {
		const char *file, *word;
	} rows[] = {
		{ "memory.current", "+memory" },
		{ "pids.current", "+pids" },
		{ "io.stat", "+io" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (faccessat(dir_fd, rows[i].file, F_OK, 0) < 0)
			enable(root_fd, path, rows[i].word);
}
