/* SPDX-License-Identifier: Apache-2.0 */

/*
 * fresh TYPE...: mounts new file systems (proc, sysfs) in new user, mount, pid and network namespaces of its
 * own, as any user may where the kernel finds a full one of that type in sight. Lines: "MOUNTED TYPE" or
 * "REFUSED TYPE: why"; NONE when there are no user namespaces.
 */

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));

	if (fd >= 0)
		close(fd);
	return n < 0 ? -1 : 0;
}

int main(int argc, char **argv)
{
	char map[64];
	pid_t pid;

	snprintf(map, sizeof(map), "0 %u 1", geteuid());
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET) < 0 ||
	    write_file("/proc/self/setgroups", "deny") < 0 || write_file("/proc/self/uid_map", map) < 0) {
		printf("NONE: %s\n", strerror(errno));
		return 0;
	}
	pid = fork();
	if (pid != 0) {
		waitpid(pid, NULL, 0);
		return 0;
	}
	for (int i = 1; i < argc; i++) {
		if (mount(argv[i], "/tmp", argv[i], 0, NULL) == 0)
			printf("MOUNTED %s\n", argv[i]);
		else
			printf("REFUSED %s: %s\n", argv[i], strerror(errno));
	}
	fflush(stdout);
	_exit(0);
}
