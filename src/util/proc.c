/* SPDX-License-Identifier: Apache-2.0 */
#include "util/proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/array.h"
#include "util/io.h"

/* 65536 groups (NGROUPS_MAX) of up to ten digits and a blank are 720896 bytes. */
enum { STATUS_MAX = 1024 * 1024 };

/* The kernel's PF_FORKNOEXEC and PF_EXITING, as proc_pid_stat(5) shows them. */
enum { FORKED_NOT_EXECUTED = 0x40, ENDS = 0x4 };
/* Field numbers of proc_pid_stat(5). */
enum {
	FIELD_STATE = 3,
	FIELD_PARENT = 4,
	FIELD_FLAGS = 9,
	FIELD_THREADS = 20,
	FIELD_START_TIME = 22,
	FIELD_BLOCKED = 32,
	FIELD_CAUGHT = 34,
};

/* A process that /proc does not show (hidepid=) may exist: kill(2) tells. */
static int gone_or_hidden(pid_t pid, int code)
{
	return code == -ENOENT && kill(pid, 0) < 0 && errno == ESRCH ? -ESRCH : code;
}

/*
 * Returns the text from field @number of proc_pid_stat(5) on, or NULL. The command name in parentheses, field
 * 2, may have any character, so fields are counted after the last ')'. Async-signal-safe.
 */
static const char *stat_field(const char *text, int number)
{
	const char *at = strrchr(text, ')');

	for (int field = 3; at && field <= number; field++)
		at = strchr(at + 1, ' ');
	return at ? at + 1 : NULL;
}

/* Stores field @number. False: there is none, or it is no number. sscanf(3) is ten pages of code. */
static bool stat_number(const char *text, int number, unsigned long long *ret)
{
	const char *field = stat_field(text, number);
	char *end;

	if (!field)
		return false;
	*ret = strtoull(field, &end, 10);
	return end != field;
}

int proc_parse_stat(const char *text, struct proc_stat *ret)
{
	const char *state = stat_field(text, FIELD_STATE);
	struct proc_stat stat;
	unsigned long long threads;

	if (!state || !*state || !stat_number(text, FIELD_THREADS, &threads) ||
	    !stat_number(text, FIELD_START_TIME, &stat.start_time) ||
	    !stat_number(text, FIELD_BLOCKED, &stat.blocked) ||
	    !stat_number(text, FIELD_CAUGHT, &stat.caught))
		return -EPROTO;
	stat.state = *state;
	stat.threads = (int)threads;
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
	unsigned long long flags;

	if (!stat_number(text, FIELD_FLAGS, &flags))
		return -EPROTO;
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
		unsigned long long of;

		snprintf(path, sizeof(path), "%s/stat", entry->d_name);
		if (*entry->d_name < '1' || *entry->d_name > '9' ||
		    io_read_small(dirfd(proc), path, text, sizeof(text)) <= 0)
			continue;
		if (stat_number(text, FIELD_PARENT, &of) && of == (unsigned long long)parent)
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

bool proc_is_identity_map(const char *text)
{
	const unsigned long wanted[] = { 0, 0, UINT32_MAX };
	const char *at = text;

	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		char *end;

		if (strtoul(at, &end, 10) != wanted[i] || end == at)
			return false;
		at = end;
	}
	return true;
}

int proc_in_user_namespace(void)
{
	char text[256];
	const ssize_t n = io_read_small(AT_FDCWD, "/proc/self/uid_map", text, sizeof(text));

	return n < 0 ? (int)n : !proc_is_identity_map(text);
}

bool proc_is_ordinary_user(void)
{
	return geteuid() != 0 || proc_in_user_namespace() > 0;
}

bool proc_parse_first(const char *status)
{
	const char *line = strstr(status, "\nNSpid:");
	long number = 0, next;
	int count = 0;
	char *end;

	if (!line)
		return false;
	/* strtol(3) goes on to the next line: a number there is not one of these. */
	for (line += strlen("\nNSpid:"); line[strspn(line, " \t")] != '\n'; line = end, count++) {
		next = strtol(line, &end, 10);
		if (end == line)
			break;
		number = next;
	}
	return count > 1 && number == 1;
}

int proc_read_status(int proc_fd, const char *path, char **ret)
{
	return io_read_file(proc_fd, path, STATUS_MAX, ret, NULL);
}
