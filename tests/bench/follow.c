/* SPDX-License-Identifier: Apache-2.0 */
#include "follow.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static void go_on(pid_t pid, int status, follow_stopped *stopped)
{
	if (FOLLOW_EVENT(status) == PTRACE_EVENT_STOP && WSTOPSIG(status) != SIGTRAP)
		ptrace(PTRACE_LISTEN, pid, NULL, NULL);
	else
		stopped(pid, status);
}

static int wait_for(pid_t program, follow_stopped *stopped)
{
	for (;;) {
		int status;
		pid_t pid = waitpid(-1, &status, __WALL);

		if (pid < 0 && errno == EINTR)
			continue;
		if (pid < 0) {
			perror("waitpid");
			return -1;
		}
		if (WIFSTOPPED(status))
			go_on(pid, status, stopped);
		else if (pid == program)
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
}

int follow(char *const *argv, long options, follow_stopped *stopped)
{
	int gate[2];
	pid_t pid;

	if (pipe(gate) < 0) {
		perror("pipe");
		return -1;
	}
	pid = fork();
	if (pid == 0) {
		char byte;

		/* Until the parent traces this process. */
		close(gate[1]);
		if (read(gate[0], &byte, 1) == 0)
			execv(argv[0], argv);
		_exit(127);
	}
	close(gate[0]);
	options |= PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC;
	if (pid < 0 || ptrace(PTRACE_SEIZE, pid, NULL, options) < 0 ||
	    ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) < 0) {
		perror("ptrace");
		return -1;
	}
	close(gate[1]);
	return wait_for(pid, stopped);
}
