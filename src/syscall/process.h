/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Thin wrappers around system calls about processes that libc does not have or does not complete; negative
 * errno on failure.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * clone3(2), Linux 5.3: a copy of this process, as by fork(2), with the CLONE_* @flags. @cgroup_fd >= 0
 * starts it in that cgroup v2 directory (CLONE_INTO_CGROUP, Linux 5.7). @exit_signal is 0 with CLONE_PARENT.
 * Returns the pid, and 0 in the child, which has a copy of the caller's memory. libc does not know of the
 * clone: no pthread_atfork(3) handlers run.
 */
pid_t sys_clone3(uint64_t flags, int exit_signal, int cgroup_fd);

/* waitpid(2), retried on EINTR. Returns 0. @ret_status may be NULL, and is unchanged on failure. */
int sys_wait(pid_t pid, int *ret_status, int options);
/*
 * Kills a child (SIGKILL), of whatever exit signal, and waits for its end. -ETIMEDOUT when it has not ended
 * after 10 s: one that waits for a file system of FUSE does not die before that answers.
 */
int sys_kill_and_wait(pid_t pid);
/*
 * Waits up to @limit_ms for the end of a child. One that has not ended by then, or when a signal comes, is
 * killed: -ETIME. Another negative errno: it could not be waited for, and is killed, too.
 */
int sys_wait_within(pid_t pid, int limit_ms, int *ret_status);
/*
 * Has the kernel kill this process when its parent ends, and ends it now if the parent was gone before that
 * was set. @parent: getpid() of the parent before it made this process. To be called after the last change of
 * uids, which clears the setting (prctl(2), PR_SET_PDEATHSIG). A parent outside of this pid namespace cannot
 * be told from one that is gone, so there only the first holds.
 */
void sys_die_with_parent(pid_t parent);
/* Linux 5.3. The fd is close-on-exec. -ESRCH when no process has this number, also when a thread has it. */
int sys_pidfd_open(pid_t pid);
/* Linux 5.1. */
int sys_pidfd_send_signal(int pidfd, int signo);
int sys_tgkill(pid_t tgid, pid_t tid, int signo);

/*
 * PR_SET_DUMPABLE: whether processes of the same user may trace this one and read its /proc/PID (ptrace(2),
 * "Ptrace access mode checking"). Inherited by fork(2) and clone(2), and reset by execve(2) and by a change
 * of ids.
 */
void sys_set_dumpable(bool dumpable);

/* A list of fds in any order. Zero-initialised, it is empty. */
struct fd_list {
	int *items; /* owned: fd_list_done() */
	size_t len;
};

/* Appends @fd; a negative one is ignored. -ENOMEM. */
int fd_list_add(struct fd_list *list, int fd);
void fd_list_done(struct fd_list *list);
/* Closes every fd from @first on except those in @list, which it sorts. */
int fd_list_close_others(struct fd_list *list, unsigned int first);

/*
 * Raises RLIMIT_NOFILE of this process to hold @count fds and 256 more, and the hard limit, too, where that
 * is permitted. sys_restore_files() must be called before execve(2); it does nothing when nothing was raised.
 */
void sys_raise_files(size_t count);
void sys_restore_files(void);

/* close_range(2), Linux 5.9: closes @first to @last, or only marks them (CLOSE_RANGE_CLOEXEC, Linux 5.11). */
int sys_close_range(unsigned int first, unsigned int last, unsigned int flags);

/* execveat(2); AT_EMPTY_PATH in @flags with an empty @path is the file behind @fd. Returns on failure. */
int sys_execveat(int fd, const char *path, char *const *argv, char *const *envp, int flags);

/* Restores the default actions of signals below SIGRTMIN and empties the mask. Async-signal-safe. */
void sys_reset_signals(void);

/* keyctl(KEYCTL_JOIN_SESSION_KEYRING); returns the serial number of the keyring. */
long sys_join_session_keyring(const char *name);
/* KEYCTL_DESCRIBE returns the text's length, perhaps above @size. KEYCTL_SETPERM sets the whole mask. */
int sys_keyctl_describe(long key, char *buffer, unsigned long size);
int sys_keyctl_setperm(long key, uint32_t permissions);

/* Raw calls: libc's versions are not needed, because krun has one thread. All three ids are set. */
int sys_setresuid(uid_t uid);
int sys_setresgid(gid_t gid);
int sys_setgroups(size_t count, const gid_t *groups);
/* Sets uid and gid to 0 in the current user namespace. This resets sys_set_dumpable(). */
int sys_become_root(void);

/* sched_setattr(2), Linux 3.14. @attr: struct sched_attr with its size. */
int sys_sched_setattr(pid_t pid, const void *attr);
/* sched_setaffinity(2) without <sched.h>, which conflicts with <linux/sched/types.h>. @size: in bytes. */
int sys_sched_setaffinity(pid_t pid, const unsigned long *mask, unsigned long size);
/* ioprio_set(2), IOPRIO_WHO_PROCESS. */
int sys_ioprio_set(pid_t pid, int value);
/* set_mempolicy(2). @bits: number of bits of @mask. */
int sys_set_mempolicy(int mode, const unsigned long *mask, unsigned long bits);
/* pidfd_getfd(2), Linux 5.6: duplicates fd @fd of the process; close-on-exec. */
int sys_pidfd_getfd(int pidfd, int fd);

/* memfd_create(2), close-on-exec. */
int sys_memfd_create(const char *name, unsigned int flags);
/*
 * A memfd to be filled, sealed and executed: with MFD_EXEC (Linux 6.3), because of the sysctl
 * vm.memfd_noexec. Close-on-exec.
 */
int sys_memfd_executable(const char *name);
/* Seals it for good: nobody can write to it or change its size. */
int sys_memfd_seal(int fd);
/* bpf(2). @attr: union bpf_attr. */
int sys_bpf(int command, void *attr, unsigned int size);
/* seccomp(2). */
int sys_seccomp(unsigned int operation, unsigned int flags, const void *args);
