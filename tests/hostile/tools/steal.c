/* SPDX-License-Identifier: Apache-2.0 */

/*
 * steal SECONDS SIZE PATH SECRET: looks at every process that comes into sight, and says what it gets of
 * those that are krun.
 *
 * SIZE is that of krun's program, by which a process is known to be krun still, whatever its file is called
 * inside; PATH is a file of the host, relative to its root, that contains SECRET, as krun's own environment
 * does. A new process is stopped, looked at, let go for a moment and so on. Lines: READY, "STOLEN WHAT ..."
 * and "ESCAPED WHAT ...", DONE.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { DESCRIPTORS = 64, LEVELS = 12, PIDS = 1 << 22, WATCH_MS = 1500 };

static off_t krun_size;
static const char *host_path, *secret;
static bool known[PIDS];

static long now_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static int open_of(const char *pid, const char *name, int flags)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/proc/%s/%s", pid, name);
	return open(path, flags | O_CLOEXEC);
}

static const char *link_of(int fd)
{
	static char target[PATH_MAX];
	char path[32];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, target, sizeof(target) - 1);
	target[n > 0 ? n : 0] = '\0';
	return target;
}

/* Whether the process can be seen to run krun's program: its exe is given to those only who may trace it. */
static bool is_krun(const char *pid)
{
	int fd = open_of(pid, "exe", O_PATH);
	struct stat st;
	bool is;

	if (fd < 0)
		return false;
	is = fstat(fd, &st) == 0 && st.st_size == krun_size;
	close(fd);
	return is;
}

/* Whether the file of the host is found from this directory, on the way up. */
static bool leads_out(int dir_fd)
{
	char path[PATH_MAX], content[256];

	for (int level = 0; level < LEVELS; level++) {
		int fd, length = 0;
		ssize_t n;

		for (int i = 0; i < level; i++)
			length += snprintf(path + length, sizeof(path) - (size_t)length, "../");
		snprintf(path + length, sizeof(path) - (size_t)length, "%s", host_path);
		fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		n = read(fd, content, sizeof(content) - 1);
		close(fd);
		content[n > 0 ? n : 0] = '\0';
		if (strstr(content, secret))
			return true;
	}
	return false;
}

static bool try_descriptors(const char *pid)
{
	bool krun = is_krun(pid), got = false;

	for (int i = 0; i < DESCRIPTORS; i++) {
		char name[32];
		struct stat st;
		int fd;

		snprintf(name, sizeof(name), "fd/%d", i);
		fd = open_of(pid, name, O_PATH);
		if (fd < 0)
			continue;
		if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) && leads_out(fd)) {
			printf("ESCAPED fd %d of process %s: %s\n", i, pid, link_of(fd));
			got = true;
		} else if (i > 2 && krun && is_krun(pid)) {
			printf("STOLEN fd %d of process %s: %s\n", i, pid, link_of(fd));
			got = true;
		}
		close(fd);
	}
	return got;
}

static bool try_directory(const char *pid, const char *name)
{
	int fd = open_of(pid, name, O_PATH | O_DIRECTORY);
	bool out = fd >= 0 && leads_out(fd);

	if (out)
		printf("ESCAPED %s of process %s: %s\n", name, pid, link_of(fd));
	if (fd >= 0)
		close(fd);
	return out;
}

static bool try_environment(const char *pid)
{
	static char text[1 << 17];
	int fd = open_of(pid, "environ", O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));

	if (fd >= 0)
		close(fd);
	if (n <= 0 || !memmem(text, (size_t)n, secret, strlen(secret)))
		return false;
	printf("STOLEN environ of process %s\n", pid);
	return true;
}

/* Of krun before and afterwards, so not of a program that it has become. */
static bool try_memory(const char *pid)
{
	bool before = is_krun(pid);
	int fd = open_of(pid, "mem", O_RDWR);

	if (fd < 0)
		return false;
	close(fd);
	if (!before || !is_krun(pid))
		return false;
	printf("STOLEN mem of process %s, for writing\n", pid);
	return true;
}

static bool try_trace(const char *pid)
{
	const pid_t number = atoi(pid);
	bool krun;

	if (ptrace(PTRACE_SEIZE, number, 0, 0) < 0)
		return false;
	krun = is_krun(pid);
	ptrace(PTRACE_INTERRUPT, number, 0, 0);
	waitpid(number, NULL, __WALL);
	ptrace(PTRACE_DETACH, number, 0, 0);
	if (krun)
		printf("STOLEN ptrace of process %s\n", pid);
	return krun;
}

static bool try_all(const char *pid)
{
	bool got = false;

	if (is_krun(pid)) {
		printf("STOLEN exe of process %s\n", pid);
		got = true;
	}
	got |= try_descriptors(pid);
	got |= try_directory(pid, "root");
	got |= try_directory(pid, "cwd");
	got |= try_environment(pid);
	got |= try_memory(pid);
	got |= try_trace(pid);
	fflush(stdout);
	return got;
}

/* One new process, until it is gone, has been robbed, or has been looked at for long enough. */
static bool watch(const char *pid)
{
	const long end = now_ms() + WATCH_MS;
	bool got = false;

	while (!got && now_ms() < end) {
		kill(atoi(pid), SIGSTOP);
		got = try_all(pid);
		if (kill(atoi(pid), SIGCONT) < 0 && errno == ESRCH)
			return got;
		for (volatile int i = 0; i < 300; i++)
			;
	}
	kill(atoi(pid), SIGCONT);
	return got;
}

int main(int argc, char **argv)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	bool first = true;
	long end;

	if (argc != 5 || !proc)
		return 2;
	end = now_ms() + atoi(argv[1]) * 1000;
	krun_size = atol(argv[2]);
	host_path = argv[3];
	secret = argv[4];
	while (now_ms() < end) {
		rewinddir(proc);
		while ((entry = readdir(proc))) {
			const int pid = atoi(entry->d_name);

			if (pid <= 0 || known[pid % PIDS])
				continue;
			known[pid % PIDS] = true;
			if (!first && watch(entry->d_name))
				return 42;
		}
		if (first)
			puts("READY");
		first = false;
		fflush(stdout);
	}
	puts("DONE");
	return 0;
}
