/* SPDX-License-Identifier: Apache-2.0 */
#include "util/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "util/io.h"

/* 65536 groups of ten digits, and as many lines as the kernel may add. */
enum { STATUS_MAX = 1024 * 1024 };

enum { FORKED_NOT_EXECUTED = 0x40 }; /* PF_FORKNOEXEC */

int proc_read_stat(pid_t pid, struct proc_stat *ret)
{
	char path[32], text[1024];
	struct proc_stat stat;
	const char *rest;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	n = io_read_small(AT_FDCWD, path, text, sizeof(text));
	if (n == -ENOENT)
		return kill(pid, 0) < 0 && errno == ESRCH ? -ESRCH : -ENOENT;
	if (n < 0)
		return (int)n;
	/* The command name is free text in parentheses: fields are counted from the last one. */
	rest = strrchr(text, ')');
	if (!rest || sscanf(rest,
			    ") %c %*d %*d %*d %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %d "
			    "%*d %llu",
			    &stat.state, &stat.flags, &stat.threads, &stat.start_time) != 4)
		return -EPROTO;
	*ret = stat;
	return 0;
}

int proc_is_alive(pid_t pid, unsigned long long start_time)
{
	struct proc_stat stat;
	int r;

	if (pid <= 0)
		return 0;
	r = proc_read_stat(pid, &stat);
	if (r < 0)
		return r == -ESRCH ? 0 : r;
	if (stat.start_time != start_time || stat.state == 'X')
		return 0;
	/* The letter is the first thread's: the process ends with the last one, as its pidfd tells. */
	return stat.state != 'Z' || stat.threads > 1;
}

int proc_has_executed(pid_t pid)
{
	struct proc_stat stat;
	int r = proc_read_stat(pid, &stat);

	return r < 0 ? r : !(stat.flags & FORKED_NOT_EXECUTED);
}

bool proc_is_gone(int code)
{
	return code == -ESRCH || code == -ENOENT;
}

int proc_read_status(int proc_fd, const char *path, char **ret)
{
	return io_read_file(proc_fd, path, STATUS_MAX, ret, NULL);
}
