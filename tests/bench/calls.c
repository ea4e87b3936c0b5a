/* SPDX-License-Identifier: Apache-2.0 */

/*
 * calls FILE PROGRAM [ARGUMENT...]: runs a program, writes to FILE how many system calls it has made from its
 * execve(2) to its end, and those that its descendants made meanwhile, and ends with its status. Descendants
 * that are left go on untraced.
 *
 * strace -f -c counts the same, but ends only when the last descendant has, and those of `create` live on.
 * Needs PTRACE_GET_SYSCALL_INFO (Linux 5.3).
 */
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "follow.h"

enum { SYSCALL_STOP = SIGTRAP | 0x80 };

static unsigned long count;
static bool has_begun; /* the program was executed; what this one does before is not counted */

static bool is_entry(pid_t pid)
{
	struct __ptrace_syscall_info info;

	return ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) > 0 &&
	       info.op == PTRACE_SYSCALL_INFO_ENTRY;
}

static void stopped(pid_t pid, int status)
{
	const int signal_number = WSTOPSIG(status), event = FOLLOW_EVENT(status);
	int passed = 0;

	if (signal_number == SYSCALL_STOP)
		count += has_begun && is_entry(pid);
	else if (event == 0)
		passed = signal_number;
	if (event == PTRACE_EVENT_EXEC && !has_begun) {
		has_begun = true;
		count = 1;
	}
	ptrace(PTRACE_SYSCALL, pid, NULL, (long)passed);
}

int main(int argc, char **argv)
{
	int status;
	FILE *file;

	if (argc < 3)
		return 2;
	status = follow(argv + 2, PTRACE_O_TRACESYSGOOD, stopped);
	if (status < 0)
		return 1;
	file = fopen(argv[1], "we");
	if (!file || fprintf(file, "%lu\n", count) < 0 || fclose(file) != 0)
		return 1;
	return status;
}
