/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Before Linux 6.13 a VM brings a kernel thread (kvm_nx_lpage_recovery) into the cgroup of the process that
 * made it. That thread does not freeze, so the kernel never reports such a cgroup as frozen, although every
 * process in it is. Therefore krun looks at each thread itself.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "monitor/monitor.h"
#include "util/io.h"
#include "util/proc.h"

enum { KERNEL_THREAD = 0x00200000 /* PF_KTHREAD, field "flags" of proc_pid_stat(5) */ };

bool km_task_is_frozen(const char *stat, const char *wchan)
{
	const char *rest = strrchr(stat, ')');
	unsigned int flags;
	char state;

	if (!rest || sscanf(rest, ") %c %*d %*d %*d %*d %*d %u", &state, &flags) != 2)
		return false;
	if ((flags & KERNEL_THREAD) || strchr("TtZX", state))
		return true;
	/* The freezer's do_freezer_trap() is mostly inlined into get_signal(), where nothing else sleeps. */
	return state == 'S' && (strcmp(wchan, "get_signal") == 0 || strcmp(wchan, "do_freezer_trap") == 0);
}

static bool is_thread_frozen(const char *task)
{
	char path[512], stat[1024], wchan[128];
	ssize_t n;

	snprintf(path, sizeof(path), "%s/wchan", task);
	if (io_read_small(AT_FDCWD, path, wchan, sizeof(wchan)) <= 0)
		wchan[0] = '\0';
	snprintf(path, sizeof(path), "%s/stat", task);
	n = io_read_small(AT_FDCWD, path, stat, sizeof(stat));
	return n > 0 ? km_task_is_frozen(stat, wchan) : n == 0 || proc_is_gone((int)n);
}

static bool is_process_frozen(pid_t pid)
{
	char path[64];
	struct dirent *entry;
	int r = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	if (!dir)
		return proc_is_gone(-errno);
	while (r == 0 && (r = io_next_entry(dir, &entry)) > 0) {
		char task[64 + sizeof(entry->d_name)];

		r = 0;
		snprintf(task, sizeof(task), "%s/%s", path, entry->d_name);
		if (entry->d_name[0] != '.' && !is_thread_frozen(task))
			r = -EBUSY;
	}
	closedir(dir);
	return r == 0;
}

bool km_is_frozen(const pid_t *pids, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!is_process_frozen(pids[i]))
			return false;
	return true;
}
