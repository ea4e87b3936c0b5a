/* SPDX-License-Identifier: Apache-2.0 */
#include "util/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "util/io.h"

/* 65536 groups of ten digits, and as many lines as the kernel may add. */
enum { STATUS_MAX = 1024 * 1024 };

int proc_read_stat(pid_t pid, struct proc_stat *ret)
{
	char path[32], text[1024];
	struct proc_stat stat;
	const char *rest;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	n = io_read_small(AT_FDCWD, path, text, sizeof(text));
	if (n == -ENOENT)
		return -ESRCH;
	if (n < 0)
		return (int)n;
	/* The command name is free text in parentheses: fields are counted from the last one. */
	rest = strrchr(text, ')');
	if (!rest || sscanf(rest,
			    ") %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d "
			    "%*d %llu",
			    &stat.state, &stat.start_time) != 2)
		return -EPROTO;
	*ret = stat;
	return 0;
}

bool proc_is_alive(pid_t pid, unsigned long long start_time)
{
	struct proc_stat stat;

	if (pid <= 0 || proc_read_stat(pid, &stat) < 0)
		return false;
	return stat.start_time == start_time && stat.state != 'Z' && stat.state != 'X';
}

int proc_read_status(int proc_fd, const char *path, char **ret)
{
	return io_read_file(proc_fd, path, STATUS_MAX, ret, NULL);
}
