/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What /proc says about a process. */

#include <stdbool.h>
#include <sys/types.h>

struct proc_stat {
	char state;		       /* R S D T Z X ... */
	unsigned long long start_time; /* clock ticks after boot, field 22 of proc_pid_stat(5) */
};

/* 0, -ESRCH when there is no such process, or another negative errno. */
int proc_read_stat(pid_t pid, struct proc_stat *ret);

/* True while the very process that started at @start_time still runs (a zombie does not run). */
bool proc_is_alive(pid_t pid, unsigned long long start_time);

/*
 * proc_pid_status(5), a file below @proc_fd (AT_FDCWD: an absolute path): all of it, though a process of a container can give
 * itself 65536 groups, which stand in front of what is looked for. The caller frees *ret.
 */
int proc_read_status(int proc_fd, const char *path, char **ret);
