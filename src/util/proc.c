/* SPDX-License-Identifier: Apache-2.0 */
#include "util/proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/io.h"

/* 65536 groups (NGROUPS_MAX) of up to ten digits and a blank are 720896 bytes. */
enum { STATUS_MAX = 1024 * 1024 };

/* The kernel's PF_FORKNOEXEC and PF_EXITING, as proc_pid_stat(5) shows them. */
enum { FORKED_NOT_EXECUTED = 0x40, ENDS = 0x4 };

/* A process that /proc does not show (hidepid=) may exist: kill(2) tells. */
static int gone_or_hidden(pid_t pid, int code)
{
	return code == -ENOENT && kill(pid, 0) < 0 && errno == ESRCH ? -ESRCH : code;
}

int proc_parse_stat(const char *text, struct proc_stat *ret)
{
	/* The command name in parentheses may have any character: fields are counted after the last ')'. */
	const char *rest = strrchr(text, ')');
	struct proc_stat stat;

	if (!rest || sscanf(rest,
			    ") %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %d "
			    "%*d %llu",
			    &stat.state, &stat.threads, &stat.start_time) != 3)
		return -EPROTO;
	*ret = stat;
	return 0;
}

int proc_read_stat(pid_t pid, struct proc_stat *ret)
{
	char path[32], text[1024];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	n = io_read_small(AT_FDCWD, path, text, sizeof(text));
	return n < 0 ? gone_or_hidden(pid, (int)n) : proc_parse_stat(text, ret);
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
	/* The state is that of the first thread: a process with other threads has not ended. */
	return stat.state != 'Z' || stat.threads > 1;
}

/* Writes "/proc/PID/stat" to @path. snprintf(3) is not async-signal-safe. */
static void stat_path(pid_t pid, char *path)
{
	char digits[16], *at = path + strlen("/proc/");
	int len = 0;

	do
		digits[len++] = (char)('0' + pid % 10);
	while ((pid /= 10) > 0);
	memcpy(path, "/proc/", strlen("/proc/"));
	while (len > 0)
		*at++ = digits[--len];
	memcpy(at, "/stat", sizeof("/stat"));
}

int proc_parse_execution(const char *text)
{
	const char *field = strrchr(text, ')');
	unsigned long flags;

	/* Field 3 follows the first blank; field 9 is the kernel's flags word, proc_pid_stat(5). */
	for (int i = 3; field && i <= 9; i++)
		field = strchr(field + 1, ' ');
	if (!field)
		return -EPROTO;
	flags = strtoul(field + 1, NULL, 10);
	if (!(flags & FORKED_NOT_EXECUTED))
		return PROC_EXECUTED;
	return flags & ENDS ? PROC_ENDED_BEFORE : PROC_NOT_EXECUTED;
}

int proc_execution(pid_t pid)
{
	char path[40], text[1024];
	ssize_t n;

	stat_path(pid, path);
	n = io_read_small(AT_FDCWD, path, text, sizeof(text));
	return n < 0 ? gone_or_hidden(pid, (int)n) : proc_parse_execution(text);
}

int proc_has_executed(pid_t pid)
{
	const int r = proc_execution(pid);

	return r < 0 ? r : r == PROC_EXECUTED;
}

bool proc_is_gone(int code)
{
	return code == -ESRCH || code == -ENOENT;
}

/* For kernels without CONFIG_PROC_CHILDREN: looks for a process whose parent is @parent. */
static pid_t find_child(pid_t parent)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	pid_t found = 0;

	while (proc && found == 0 && (entry = readdir(proc))) {
		char path[PATH_MAX], text[1024];
		const char *rest;
		int of;

		snprintf(path, sizeof(path), "%s/stat", entry->d_name);
		if (*entry->d_name < '1' || *entry->d_name > '9' ||
		    io_read_small(dirfd(proc), path, text, sizeof(text)) <= 0)
			continue;
		rest = strrchr(text, ')');
		if (rest && sscanf(rest, ") %*c %d", &of) == 1 && of == parent)
			found = (pid_t)strtol(entry->d_name, NULL, 10);
	}
	if (proc)
		closedir(proc);
	return found;
}

pid_t proc_child(pid_t pid)
{
	char path[64], text[32];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	n = io_read_small(AT_FDCWD, path, text, sizeof(text));
	return n >= 0 ? (pid_t)strtol(text, NULL, 10) : find_child(pid);
}

bool proc_parse_first(const char *status)
{
	const char *line = strstr(status, "\nNSpid:");
	int number = 0, count = 0, length;

	if (!line)
		return false;
	line += strlen("\nNSpid:");
	while (*line != '\n' && sscanf(line, "%d%n", &number, &length) == 1) {
		line += length;
		count++;
	}
	return count > 1 && number == 1;
}

int proc_read_status(int proc_fd, const char *path, char **ret)
{
	return io_read_file(proc_fd, path, STATUS_MAX, ret, NULL);
}
