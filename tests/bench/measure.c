/* SPDX-License-Identifier: Apache-2.0 */

/*
 * measure PROGRAM [ARGUMENT...]: runs a program with stdin, stdout and stderr on /dev/null and prints
 *
 *     NANOSECONDS PEAK_RSS_KIB STATUS
 *
 * from the moment before fork(2) to the return of wait4(2). A small static program, because the peak that
 * wait4 reports includes the memory of the process that called execve(2).
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

int main(int argc, char **argv)
{
	struct rusage usage;
	int status, null = open("/dev/null", O_RDWR | O_CLOEXEC);
	long long start;
	pid_t pid;

	if (argc < 2 || null < 0)
		return 2;
	start = now();
	pid = fork();
	if (pid == 0) {
		for (int fd = 0; fd <= 2; fd++)
			dup2(null, fd);
		execv(argv[1], argv + 1);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &usage) < 0) {
		perror("measure");
		return 1;
	}
	printf("%lld %ld %d\n", now() - start, usage.ru_maxrss,
	       WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return 0;
}
