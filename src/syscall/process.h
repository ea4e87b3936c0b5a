/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Thin wrappers around process calls that libc lacks, or leaves half done; negative errno on failure. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * clone3(2), Linux 5.3: a copy of this process, as fork(2), with namespace @flags. @cgroup_fd >= 0 starts
 * it in that cgroup v2 directory (CLONE_INTO_CGROUP, Linux 5.7). @exit_signal 0 is for CLONE_PARENT.
 * Returns the pid, 0 in the child. The child has the stack and memory of the caller; libc's own
 * bookkeeping (cached pid) is not involved.
 */
pid_t sys_clone3(uint64_t flags, int exit_signal, int cgroup_fd);

/* waitpid(2), again after every signal. @ret_status may be NULL, and is left alone on failure. */
int sys_wait(pid_t pid, int *ret_status, int options);
/* Linux 5.3. Close-on-exec always. -ESRCH where no process has this number, one of a thread included. */
int sys_pidfd_open(pid_t pid);
/* Linux 5.1. */
int sys_pidfd_send_signal(int pidfd, int signo);
int sys_tgkill(pid_t tgid, pid_t tid, int signo);

/*
 * PR_SET_DUMPABLE, and with it whether processes of the same user may trace this one and look into its /proc/PID
 * (ptrace(2), "Ptrace access mode checking"). Inherited by fork and clone; execve sets it again.
 */
void sys_set_dumpable(bool dumpable);

/* A list of descriptors, any order, -1 for none; zero-initialised is empty. */
struct fd_list {
	int *items; /* owned: fd_list_done() */
	size_t len;
};

/* -ENOMEM. */
int fd_list_add(struct fd_list *list, int fd);
void fd_list_done(struct fd_list *list);
/* Closes every descriptor from @first on but those in @list, which gets sorted. */
int fd_list_close_others(struct fd_list *list, unsigned int first);

/*
 * Raises RLIMIT_NOFILE of this process for @count descriptors beside the usual ones, the hard limit too where that is permitted. What is
 * executed, and what a child does for good, comes after sys_restore_files(), which does nothing in a process that raised nothing.
 */
void sys_raise_files(size_t count);
void sys_restore_files(void);

/* Closes [first, last]; with CLOSE_RANGE_CLOEXEC (Linux 5.11) only marks them. */
int sys_close_range(unsigned int first, unsigned int last, unsigned int flags);

/* execveat(2) with AT_EMPTY_PATH: executes the file behind @fd. Returns only on failure. */
int sys_execveat(int fd, const char *path, char *const *argv, char *const *envp, int flags);

/* Default actions and an empty mask, as a program expects them at its start. Async-signal-safe. */
void sys_reset_signals(void);

/* keyctl(KEYCTL_JOIN_SESSION_KEYRING, @name); returns the key serial. */
long sys_join_session_keyring(const char *name);
/* Adds bits to the permission mask of a key. */
int sys_keyctl_describe(long key, char *buffer, unsigned long size);
int sys_keyctl_setperm(long key, uint32_t permissions);

/* Raw calls for this one thread (libc's versions would signal other threads; krun has none). */
int sys_setresuid(uid_t uid);
int sys_setresgid(gid_t gid);
int sys_setgroups(size_t count, const gid_t *groups);
/* Both ids 0, of the user namespace that this process is in. The kernel sets what a caller has cleared anew: see sys_set_dumpable(). */
int sys_become_root(void);

/* sched_setattr(2), Linux 3.14. @attr: struct sched_attr with its size. */
int sys_sched_setattr(pid_t pid, const void *attr);
/* sched_setaffinity(2) without libc's type, which <linux/sched/types.h> cannot stand beside. @size: bytes of @mask. */
int sys_sched_setaffinity(pid_t pid, const unsigned long *mask, unsigned long size);
/* ioprio_set(2) of one process. */
int sys_ioprio_set(pid_t pid, int value);
/* set_mempolicy(2). @bits: length of @mask. */
int sys_set_mempolicy(int mode, const unsigned long *mask, unsigned long bits);
/* pidfd_getfd(2), Linux 5.6: a copy of descriptor @fd of the process; close-on-exec. */
int sys_pidfd_getfd(int pidfd, int fd);

int sys_memfd_create(const char *name, unsigned int flags);
/* One to be filled, sealed and executed: MFD_EXEC (Linux 6.3), which the sysctl vm.memfd_noexec asks for. Close-on-exec. */
int sys_memfd_executable(const char *name);
/* When it is filled: nobody writes it or changes its size any more, for ever. */
int sys_memfd_seal(int fd);
/* bpf(2). @attr: union bpf_attr. */
int sys_bpf(int command, void *attr, unsigned int size);
/* seccomp(2). */
int sys_seccomp(unsigned int operation, unsigned int flags, const void *args);
