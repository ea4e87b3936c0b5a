/* SPDX-License-Identifier: Apache-2.0 */
#include "syscall/process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/memfd.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "syscall/newer.h"

enum { DEATH_MS = 10000 };
enum { MEMFD_EXEC = 0x10 }; /* MFD_EXEC: older headers do not have it */

static int result(long r)
{
	return r < 0 ? -errno : (int)r;
}

pid_t sys_clone3(uint64_t flags, int exit_signal, int cgroup_fd)
{
	struct clone_args args = {
		.flags = flags,
		.exit_signal = (uint64_t)exit_signal,
	};

	if (cgroup_fd >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)cgroup_fd;
	}
	return sys_newer("clone3", syscall(SYS_clone3, &args, sizeof(args)));
}

int sys_wait(pid_t pid, int *ret_status, int options)
{
	while (waitpid(pid, ret_status, options) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

int sys_kill_and_wait(pid_t pid)
{
	struct pollfd item = { .fd = sys_pidfd_open(pid), .events = POLLIN };
	int r;

	kill(pid, SIGKILL);
	/* Without a descriptor (none is left) there is no limit. */
	do
		r = item.fd < 0 ? 1 : poll(&item, 1, DEATH_MS);
	while (r < 0 && errno == EINTR);
	if (item.fd >= 0)
		close(item.fd);
	return r == 0 ? -ETIMEDOUT : sys_wait(pid, NULL, __WALL);
}

int sys_wait_within(pid_t pid, int limit_ms, int *ret_status)
{
	struct pollfd item = { .fd = sys_pidfd_open(pid), .events = POLLIN };
	const int r = item.fd < 0 ? item.fd : poll(&item, 1, limit_ms);

	if (item.fd >= 0)
		close(item.fd);
	if (r > 0)
		return sys_wait(pid, ret_status, 0);
	sys_kill_and_wait(pid);
	return item.fd < 0 ? item.fd : -ETIME;
}

void sys_die_with_parent(pid_t parent)
{
	pid_t now;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	now = getppid();
	if (now != parent && now != 0)
		_exit(EXIT_FAILURE);
}

int sys_pidfd_open(pid_t pid)
{
	const int r = sys_newer("pidfd_open", syscall(SYS_pidfd_open, pid, 0));

	/*
	 * No process has this number. For the number of a thread, pidfd_prepare() of kernel/fork.c returns
	 * EINVAL before Linux 6.15 and ENOENT since; EINVAL also for a process that is being reaped, before
	 * 6.15.
	 */
	return (r == -EINVAL || r == -ENOENT) && pid > 0 ? -ESRCH : r;
}

int sys_pidfd_send_signal(int pidfd, int signo)
{
	return sys_newer("pidfd_send_signal", syscall(SYS_pidfd_send_signal, pidfd, signo, NULL, 0));
}

int sys_tgkill(pid_t tgid, pid_t tid, int signo)
{
	return result(syscall(SYS_tgkill, tgid, tid, signo));
}

void sys_set_dumpable(bool dumpable)
{
	/* It cannot fail for these two values. */
	prctl(PR_SET_DUMPABLE, dumpable ? 1 : 0, 0, 0, 0);
}

int fd_list_add(struct fd_list *list, int fd)
{
	int *items;

	if (fd < 0)
		return 0;
	items = realloc(list->items, (list->len + 1) * sizeof(*items));
	if (!items)
		return -ENOMEM;
	list->items = items;
	list->items[list->len++] = fd;
	return 0;
}

void fd_list_done(struct fd_list *list)
{
	free(list->items);
	*list = (struct fd_list){ 0 };
}

static int compare_fds(const void *a, const void *b)
{
	const int left = *(const int *)a, right = *(const int *)b;

	return (left > right) - (left < right);
}

int fd_list_close_others(struct fd_list *list, unsigned int first)
{
	int r = 0;

	if (list->len > 0)
		qsort(list->items, list->len, sizeof(*list->items), compare_fds);
	for (size_t i = 0; r == 0 && i < list->len; i++) {
		const unsigned int keep = (unsigned int)list->items[i];

		if (keep < first)
			continue;
		if (keep > first)
			r = sys_close_range(first, keep - 1, 0);
		first = keep + 1;
	}
	return r < 0 ? r : sys_close_range(first, ~0U, 0);
}

static struct {
	bool raised;
	struct rlimit limit;
} files_before;

void sys_raise_files(size_t count)
{
	enum { USUAL = 256 };
	const rlim_t need = count + USUAL;
	struct rlimit before, limit;

	if (getrlimit(RLIMIT_NOFILE, &before) < 0 || before.rlim_cur >= need)
		return;
	limit = (struct rlimit){ need, before.rlim_max < need ? need : before.rlim_max };
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0) {
		limit = (struct rlimit){ before.rlim_max, before.rlim_max };
		if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
			return;
	}
	files_before.raised = true;
	files_before.limit = before;
}

void sys_restore_files(void)
{
	if (files_before.raised)
		setrlimit(RLIMIT_NOFILE, &files_before.limit);
	files_before.raised = false;
}

int sys_close_range(unsigned int first, unsigned int last, unsigned int flags)
{
	return sys_newer("close_range", syscall(SYS_close_range, first, last, flags));
}

int sys_execveat(int fd, const char *path, char *const *argv, char *const *envp, int flags)
{
	return result(syscall(SYS_execveat, fd, path, argv, envp, flags));
}

void sys_reset_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	for (int signo = 1; signo < SIGRTMIN; signo++)
		if (signo != SIGKILL && signo != SIGSTOP)
			signal(signo, SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

long sys_join_session_keyring(const char *name)
{
	long key = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name, 0, 0, 0);

	return key < 0 ? -errno : key;
}

int sys_keyctl_describe(long key, char *buffer, unsigned long size)
{
	return result(syscall(SYS_keyctl, KEYCTL_DESCRIBE, key, buffer, size, 0));
}

int sys_keyctl_setperm(long key, uint32_t permissions)
{
	return result(syscall(SYS_keyctl, KEYCTL_SETPERM, key, permissions, 0, 0));
}

int sys_setresuid(uid_t uid)
{
	return result(syscall(SYS_setresuid, uid, uid, uid));
}

int sys_setresgid(gid_t gid)
{
	return result(syscall(SYS_setresgid, gid, gid, gid));
}

int sys_become_root(void)
{
	int r = sys_setresgid(0);

	return r < 0 ? r : sys_setresuid(0);
}

int sys_setgroups(size_t count, const gid_t *groups)
{
	return result(syscall(SYS_setgroups, count, groups));
}

int sys_sched_setattr(pid_t pid, const void *attr)
{
	return result(syscall(SYS_sched_setattr, pid, attr, 0));
}

int sys_sched_setaffinity(pid_t pid, const unsigned long *mask, unsigned long size)
{
	return result(syscall(SYS_sched_setaffinity, pid, size, mask));
}

int sys_ioprio_set(pid_t pid, int value)
{
	return result(syscall(SYS_ioprio_set, 1 /* IOPRIO_WHO_PROCESS */, pid, value));
}

int sys_set_mempolicy(int mode, const unsigned long *mask, unsigned long bits)
{
	return result(syscall(SYS_set_mempolicy, mode, mask, bits));
}

int sys_pidfd_getfd(int pidfd, int fd)
{
	return sys_newer("pidfd_getfd", syscall(SYS_pidfd_getfd, pidfd, fd, 0));
}

int sys_memfd_create(const char *name, unsigned int flags)
{
	return result(syscall(SYS_memfd_create, name, flags | MFD_CLOEXEC));
}

int sys_memfd_executable(const char *name)
{
	const unsigned int flags = MFD_ALLOW_SEALING;
	int fd = sys_memfd_create(name, flags | MEMFD_EXEC);

	return fd == -EINVAL ? sys_memfd_create(name, flags) : fd;
}

int sys_memfd_seal(int fd)
{
	return fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0 ? -errno :
												      0;
}

int sys_bpf(int command, void *attr, unsigned int size)
{
	return result(syscall(SYS_bpf, command, attr, size));
}

int sys_seccomp(unsigned int operation, unsigned int flags, const void *args)
{
	return result(syscall(SYS_seccomp, operation, flags, args));
}
