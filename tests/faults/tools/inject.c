/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inject REPORT list            [--attach PID] -- COMMAND [ARGUMENT...]
 * inject REPORT kill P:CALL:K   [--attach PID] -- COMMAND [ARGUMENT...]
 * inject REPORT fail P:CALL:K:E [--attach PID] -- COMMAND [ARGUMENT...]
 *
 * Runs a command and sees every system call of it and of its children, by ptrace(2). `list` writes a line
 * for each call that returned to REPORT; `kill` ends the process with SIGKILL when the call has returned;
 * `fail` does not let the kernel make the call, and has it return the error number E (close(2) is made, as it
 * closes in any case). The status is that of the command; REPORT then has one line if the place was reached,
 * and none otherwise.
 *
 * A place is P:CALL:K, the K-th call of that name in process P, from 0. It does not move when an earlier loop
 * over poll(2) takes one round more. Process 0 is the command, 0.1 and 0.2 are the first and the second that
 * it makes, and 0.2.1 is one that the second makes; with --attach a process that is there already is 1. So
 * the order in which two processes make others does not matter. A process other than the command is left
 * alone when it executes another program, because what that does is not krun's.
 *
 * Runs as root, because krun's processes are not dumpable. Needs PTRACE_GET_SYSCALL_INFO (Linux 5.3) and
 * x86-64.
 */
#include <elf.h>
#include <err.h>
#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	PROCESSES_MAX = 256,
	CALLS_MAX = 1024,
	NAME_MAX_LEN = 32,
	OPTIONS = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
		  PTRACE_O_TRACEEXEC,
	SYSCALL_STOP = SIGTRAP | 0x80,
};

struct process {
	pid_t pid;		 /* -1: it has ended */
	char name[NAME_MAX_LEN]; /* "0.1"; "": its parent's stop has not told yet */
	unsigned int children;
	bool waits;		      /* it was stopped first while it had no name */
	int call;		      /* which it is in, or -1 */
	bool failing;		      /* its call is not made */
	unsigned int made[CALLS_MAX]; /* how many calls of each number have begun */
};

static struct process processes[PROCESSES_MAX];
static size_t count;
static bool has_begun; /* the command was executed; what this program does before is not looked at */

static enum { LIST, KILL, FAIL } mode;
static const char *wanted_process;
static int wanted_call;
static unsigned int wanted_index;
static int wanted_error;
static FILE *report;

static struct process *find(pid_t pid)
{
	for (size_t i = 0; i < count; i++)
		if (processes[i].pid == pid)
			return &processes[i];
	return NULL;
}

static struct process *add(pid_t pid)
{
	struct process *process = find(pid);

	if (process)
		return process;
	if (count == PROCESSES_MAX)
		errx(125, "more than %d processes", PROCESSES_MAX);
	process = &processes[count++];
	process->pid = pid;
	process->call = -1;
	return process;
}

static void add_child(struct process *parent, pid_t pid)
{
	struct process *child = add(pid);

	if (snprintf(child->name, NAME_MAX_LEN, "%s.%u", parent->name, ++parent->children) >= NAME_MAX_LEN)
		errx(125, "%s makes processes too deep", parent->name);
	if (child->waits)
		ptrace(PTRACE_SYSCALL, pid, 0, 0);
	child->waits = false;
}

/* Returns whether the parent of a process is one of @processes, whose stop will tell its name. */
static bool has_parent(pid_t pid)
{
	char path[32], line[128];
	pid_t parent = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "PPid: %d", &parent) == 1)
			break;
	if (file)
		fclose(file);
	return find(parent) != NULL;
}

/* A parent that was killed as it made a process does not tell. */
static void name_orphans(void)
{
	for (size_t i = 0; i < count; i++) {
		if (!processes[i].waits || has_parent(processes[i].pid))
			continue;
		snprintf(processes[i].name, NAME_MAX_LEN, "?");
		processes[i].waits = false;
		ptrace(PTRACE_SYSCALL, processes[i].pid, 0, 0);
	}
}

static bool is_wanted(const struct process *process)
{
	return mode != LIST && strcmp(process->name, wanted_process) == 0 && process->call == wanted_call &&
	       process->made[process->call] - 1 == wanted_index;
}

static void write_report(const struct process *process, long long result)
{
	char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, process->call);

	fprintf(report, "%s %s %u %lld\n", process->name, name ? name : "?", process->made[process->call] - 1,
		result);
	fflush(report);
	free(name);
}

static void change_registers(const struct process *process, long long number, const long long *result)
{
	struct user_regs_struct registers;
	struct iovec area = { &registers, sizeof(registers) };

	if (ptrace(PTRACE_GETREGSET, process->pid, NT_PRSTATUS, &area) < 0)
		err(125, "PTRACE_GETREGSET");
	registers.orig_rax = (unsigned long long)number;
	if (result)
		registers.rax = (unsigned long long)*result;
	if (ptrace(PTRACE_SETREGSET, process->pid, NT_PRSTATUS, &area) < 0)
		err(125, "PTRACE_SETREGSET");
}

static void call_begins(struct process *process, const struct __ptrace_syscall_info *info)
{
	process->call = info->entry.nr < CALLS_MAX ? (int)info->entry.nr : CALLS_MAX - 1;
	process->made[process->call]++;
	if (mode == FAIL && is_wanted(process)) {
		process->failing = true;
		write_report(process, -wanted_error);
		if (process->call != SYS_close)
			change_registers(process, -1, NULL);
	}
}

/* Returns whether the process was killed. */
static bool call_ends(struct process *process, long long result)
{
	const bool kills = mode == KILL && is_wanted(process);

	if (process->call < 0)
		return false;
	if (process->failing)
		change_registers(process, process->call, &(long long){ -wanted_error });
	else if (mode == LIST || kills)
		write_report(process, result);
	if (kills)
		kill(process->pid, SIGKILL);
	process->failing = false;
	process->call = -1;
	return kills;
}

static void see_call(struct process *process)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, process->pid, sizeof(info), &info) < 0)
		return;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
		call_begins(process, &info);
	else if (info.op == PTRACE_SYSCALL_INFO_EXIT)
		call_ends(process, info.exit.rval);
}

/* Handles one stop, and lets the process go on. */
static void handle(pid_t pid, int status)
{
	struct process *process = add(pid);
	const int signo = WSTOPSIG(status), event = status >> 16;
	unsigned long message = 0;

	/* A new process may stop for the first time before its parent's stop says that it was made. */
	if (!process->name[0]) {
		process->waits = true;
		return;
	}
	if (event == PTRACE_EVENT_STOP && signo != SIGTRAP) {
		ptrace(PTRACE_LISTEN, pid, 0, 0);
		return;
	}
	if (event == PTRACE_EVENT_CLONE || event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK) {
		if (ptrace(PTRACE_GETEVENTMSG, pid, 0, &message) == 0)
			add_child(process, (pid_t)message);
	} else if (event == PTRACE_EVENT_EXEC) {
		if (process != processes && !call_ends(process, 0)) {
			ptrace(PTRACE_DETACH, pid, 0, 0);
			process->pid = -1;
			return;
		}
		has_begun = true;
	} else if (event == 0 && signo == SYSCALL_STOP && has_begun) {
		see_call(process);
	}
	ptrace(PTRACE_SYSCALL, pid, 0, event == 0 && signo != SYSCALL_STOP ? signo : 0);
}

/* Returns the status of the command as a shell says it. What is traced still goes on without this process. */
static int serve(void)
{
	for (;;) {
		int status;
		const pid_t pid = waitpid(-1, &status, __WALL);

		if (pid < 0 && errno == EINTR)
			continue;
		if (pid < 0)
			err(125, "waitpid");
		if (WIFSTOPPED(status)) {
			handle(pid, status);
			continue;
		}
		if (pid == processes[0].pid)
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		/* Another process may get its number. */
		if (find(pid))
			find(pid)->pid = -1;
		name_orphans();
	}
}

static void start(char **command)
{
	int gate[2];
	char byte;

	if (pipe(gate) < 0)
		err(125, "pipe");
	const pid_t pid = fork();

	if (pid < 0)
		err(125, "fork");
	if (pid == 0) {
		close(gate[1]);
		if (read(gate[0], &byte, 1) != 0)
			_exit(125);
		close(gate[0]);
		fclose(report);
		execv(command[0], command);
		_exit(127);
	}
	close(gate[0]);
	if (ptrace(PTRACE_SEIZE, pid, 0, OPTIONS) < 0 || ptrace(PTRACE_INTERRUPT, pid, 0, 0) < 0)
		err(125, "PTRACE_SEIZE");
	strcpy(add(pid)->name, "0");
	close(gate[1]);
}

static void attach(pid_t pid)
{
	if (ptrace(PTRACE_SEIZE, pid, 0, OPTIONS) < 0 || ptrace(PTRACE_INTERRUPT, pid, 0, 0) < 0)
		err(125, "process %d", pid);
	strcpy(add(pid)->name, "1");
}

static void parse_place(char *text)
{
	const char *process = strtok(text, ":"), *call = strtok(NULL, ":"), *place = strtok(NULL, ":"),
		   *error = strtok(NULL, ":");

	if (!place || (mode == FAIL && !error))
		errx(125, "a place is PROCESS:CALL:INDEX[:ERROR]");
	wanted_process = process;
	wanted_call = seccomp_syscall_resolve_name(call);
	wanted_index = (unsigned int)strtoul(place, NULL, 10);
	wanted_error = mode == FAIL ? atoi(error) : 0;
	if (wanted_call < 0)
		errx(125, "no system call %s", call);
}

int main(int argc, char **argv)
{
	int next = 3;
	pid_t other = 0;

	if (argc < 5)
		errx(125, "usage: inject REPORT list|kill|fail [PLACE] [--attach PID] -- COMMAND...");
	report = fopen(argv[1], "we");
	if (!report)
		err(125, "%s", argv[1]);
	mode = strcmp(argv[2], "kill") == 0 ? KILL : strcmp(argv[2], "fail") == 0 ? FAIL : LIST;
	if (mode != LIST)
		parse_place(argv[next++]);
	if (strcmp(argv[next], "--attach") == 0) {
		other = (pid_t)atoi(argv[next + 1]);
		next += 2;
	}
	start(argv + next + 1);
	if (other > 0)
		attach(other);
	return serve();
}
