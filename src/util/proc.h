/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What /proc says about a process. */

#include <stdbool.h>
#include <sys/types.h>

/* Fields of proc_pid_stat(5). */
struct proc_stat {
	char state;		       /* 3: R S D T Z X ..., of the first thread */
	int threads;		       /* 20 */
	unsigned long long start_time; /* 22: clock ticks after boot */
};

/*
 * 0, or a negative errno. -ESRCH, and that alone, says that there is no such process: what /proc does not show (hidepid=, no procfs) is
 * asked for by its number before.
 */
int proc_read_stat(pid_t pid, struct proc_stat *ret);

/*
 * 1 while the very process that started at @start_time is there and runs, also when its first thread has ended and others go on; 0
 * when it has ended (it may be a zombie, and its number another's). A negative errno: nobody can tell, which is no end.
 */
int proc_is_alive(pid_t pid, unsigned long long start_time);

/*
 * Whether the process has executed a program since it was made by fork or clone: 1 or 0, also of a zombie; -ESRCH when nobody can say
 * that any more, because it has been waited for, or another negative errno. Async-signal-safe.
 */
int proc_has_executed(pid_t pid);

/* Whether an error of a call on /proc/PID or on a descriptor of it says that the process is gone, rather than that nothing can be said. */
bool proc_is_gone(int code);

/* A child of process @pid, which has one thread; 0 when it has none. */
pid_t proc_child(pid_t pid);

/*
 * proc_pid_status(5), a file below @proc_fd (AT_FDCWD: an absolute path): all of it, though a process of a container can give
 * itself 65536 groups, which stand in front of what is looked for. The caller frees *ret.
 */
int proc_read_status(int proc_fd, const char *path, char **ret);
