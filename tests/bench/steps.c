/* SPDX-License-Identifier: Apache-2.0 */

/*
 * steps FILE PROGRAM [ARGUMENT...]: executes a program instruction by instruction, with the processes that it
 * clones, each until it executes another program, and writes to FILE where in the program's file they were:
 *
 *     OFFSET COUNT WHO
 *
 * in hexadecimal and twice decimal, for each 16 bytes of it that were executed. WHO is 1 for the program's
 * own process, 2 for those that it cloned, and 3 for both. Its status is the program's. For contrib/order;
 * the program's own second execve(2) counts, too.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/user.h>
#include <sys/wait.h>

#include "follow.h"

enum { UNIT = 16, FILE_MAX = 8 << 20, PROCESSES_MAX = 64 };

enum { OWN = 1, CLONED = 2 };

static unsigned int counts[FILE_MAX / UNIT];
static unsigned char who[FILE_MAX / UNIT];

static struct process {
	pid_t pid;
	unsigned long base; /* where the program's file is mapped; 0: not known yet */
} processes[PROCESSES_MAX];

static pid_t program; /* the first process, once it has executed the program; 0: it has not */

static struct process *find(pid_t pid)
{
	for (int i = 0; i < PROCESSES_MAX; i++) {
		if (processes[i].pid == 0)
			processes[i].pid = pid;
		if (processes[i].pid == pid)
			return &processes[i];
	}
	fprintf(stderr, "steps: more than %d processes\n", PROCESSES_MAX);
	exit(2);
}

/* The first mapping of a file is the program's. */
static unsigned long find_base(pid_t pid)
{
	char path[64], line[512];
	unsigned long base = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	file = fopen(path, "re");
	while (file && !base && fgets(line, sizeof(line), file))
		if (strchr(line, '/'))
			base = strtoul(line, NULL, 16);
	if (file)
		fclose(file);
	return base;
}

static void count(struct process *process)
{
	struct user_regs_struct registers;
	unsigned long offset;

	if (ptrace(PTRACE_GETREGS, process->pid, NULL, &registers) < 0)
		return;
	if (!process->base)
		process->base = find_base(process->pid);
	offset = registers.rip - process->base;
	if (offset >= FILE_MAX)
		return;
	counts[offset / UNIT]++;
	who[offset / UNIT] |= process->pid == program ? OWN : CLONED;
}

static void stopped(pid_t pid, int status)
{
	struct process *process = find(pid);
	const int signal_number = WSTOPSIG(status), event = FOLLOW_EVENT(status);
	int passed = 0, request = PTRACE_SINGLESTEP;

	if (event == PTRACE_EVENT_EXEC) {
		process->base = 0;
		program = program ? program : pid;
		if (pid != program)
			request = PTRACE_DETACH;
	} else if (program && event == 0 && signal_number == SIGTRAP) {
		count(process);
	} else if (event == 0 && signal_number != SIGTRAP) {
		passed = signal_number;
	}
	ptrace(program ? request : PTRACE_CONT, pid, NULL, (long)passed);
}

int main(int argc, char **argv)
{
	int status;
	FILE *file;

	if (argc < 3)
		return 2;
	status = follow(argv + 2, 0, stopped);
	if (status < 0)
		return 1;
	file = fopen(argv[1], "we");
	for (unsigned long i = 0; file && i < FILE_MAX / UNIT; i++)
		if (counts[i])
			fprintf(file, "%lx %u %d\n", i * UNIT, counts[i], who[i]);
	return !file || fclose(file) != 0 ? 1 : status;
}
