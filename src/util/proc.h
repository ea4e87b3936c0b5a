/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Reading /proc/PID. */

#include <stdbool.h>
#include <sys/types.h>

/* Fields of proc_pid_stat(5). */
struct proc_stat {
	char state;		       /* field 3: R S D T Z X ..., of the first thread */
	int threads;		       /* field 20 */
	unsigned long long start_time; /* field 22: clock ticks after boot */
	unsigned long long blocked;    /* field 32: signals 1 to 31 that the first thread blocks */
	unsigned long long caught;     /* field 34: those of them that have a handler; bit 0 is signal 1 */
};

/* What a process has done since fork(2) or clone(2). */
enum proc_execution {
	PROC_NOT_EXECUTED, /* it runs on the program of its parent, or is within execve(2) */
	PROC_EXECUTED,
	PROC_ENDED_BEFORE, /* it ends, or has ended, without having executed a program */
};

/* Pure: read the text of a stat file; -EPROTO: it is none. The second is proc_execution(). */
int proc_parse_stat(const char *text, struct proc_stat *ret);
int proc_parse_execution(const char *text);

/*
 * Returns 0 or a negative errno. Only -ESRCH means that there is no such process: one that /proc does not
 * show (hidepid=, no procfs) is looked for with kill(2) first, and is -ENOENT when it exists.
 */
int proc_read_stat(pid_t pid, struct proc_stat *ret);

/*
 * Returns 1 while the process that started at @start_time runs, also when only its first thread has ended; 0
 * when it has ended, also when it is a zombie or another process has its number; a negative errno when that
 * cannot be told, which does not mean that it ended.
 */
int proc_is_alive(pid_t pid, unsigned long long start_time);

/*
 * Returns an enum proc_execution. This works for a zombie, too; -ESRCH after it has been waited for, or
 * another negative errno. Async-signal-safe.
 */
int proc_execution(pid_t pid);
/* Returns 1 or 0: whether the process has executed a program; or a negative errno. Async-signal-safe. */
int proc_has_executed(pid_t pid);

/* True when @code, the error of a call on /proc/PID or on an fd of it, means that the process is gone. */
bool proc_is_gone(int code);

/* Returns a child of process @pid, which has one thread; 0 when it has none. */
pid_t proc_child(pid_t pid);

/*
 * Returns 1 if this process is in a user namespace whose map of users is not the full identity, also when it
 * has no map yet; 0 otherwise; a negative errno when the map cannot be read. Root of such a namespace cannot
 * load BPF programs, for example.
 */
int proc_in_user_namespace(void);
/* True for an ordinary user, and for root of such a namespace, who is one to the host. */
bool proc_is_ordinary_user(void);
/* Pure: true if the text of a uid_map file, user_namespaces(7), maps every id to itself. */
bool proc_is_identity_map(const char *text);

/* Pure: true if the text of a status file is of process 1 of a pid namespace below ours. */
bool proc_parse_first(const char *status);

/*
 * Reads all of a status file (proc_pid_status(5)), @path relative to @proc_fd. A process of a container can
 * have 65536 groups, which stand in front of other lines; -EFBIG above 1 MiB. The caller frees *ret.
 */
int proc_read_status(int proc_fd, const char *path, char **ret);
