/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The process in front of km, of a container and of an exec: a program of its own, without libc, a few KiB. `pid1 PID`: PID is its
 * only child. Forwards every signal to it, kicks the km processes that get one in turn (pid1_travel.c), reaps, and exits as the child
 * did. Without signals it sleeps; with a terminal it asks now and then whose the keyboard is.
 *
 * It needs nothing of the container but, for the kick, /proc; and it holds nothing but a connection that ends km with it
 * (init/execute.c), and the descriptors that the caller preserves.
 */

#include <asm/unistd.h>
#include <linux/fcntl.h>
#include <linux/prctl.h>
#include <linux/signal.h>
#include <linux/wait.h>

#include "monitor/pid1.h"

/* Microseconds. */
enum {
	TRAVEL =
		30000000, /* as long as the longest grace time that engines use, a signal may be on its way */
	FIRST_PAUSE = 200,
	LONGEST_PAUSE = 250000,
	KEYBOARD_PAUSE = 100000,   /* somebody else's process group has the keyboard */
	KEYBOARD_LONGEST = 250000, /* and nobody in it is new, or our own has it */
	COST = 20,		   /* a pause is so many times as long as the look before it */
};

enum { FROM_KERNEL = 0x80 /* SI_KERNEL */, LINES = 2 /* ICANON */, GET_TERMINAL = 0x5401 /* TCGETS */ };

/* ---- the keyboard --------------------------------------------------------------------------------------------- */

struct terminal {
	int number, group, foreground;
};

/* Our own, proc_pid_stat(5); no terminal has the number 0. */
static struct terminal read_terminal(void)
{
	const char *at = pid1_read("/proc/self/stat"), *rest = 0;
	int64_t fields[6] = { 0 };

	for (; *at; at++)
		if (*at == ')')
			rest = at + 1;
	/* state ppid pgrp session tty_nr tpgid */
	for (int i = 0; rest && i < 6; i++) {
		while (*rest == ' ')
			rest++;
		fields[i] = pid1_number(rest);
		while (*rest && *rest != ' ')
			rest++;
	}
	return (struct terminal){ (int)fields[4], (int)fields[2], (int)fields[5] };
}

/*
 * Whether the terminal hands out whole lines. Who reads these has no handler for a new size of the window, and a read that ends
 * because of it; who draws on the screen reads keys.
 */
static bool reads_lines(void)
{
	struct {
		unsigned int iflag, oflag, cflag, lflag;
		unsigned char rest[64];
	} settings;
	int fd = (int)pid1_call(__NR_openat, AT_FDCWD, (long)"/dev/tty",
				O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC, 0);
	long r = fd < 0 ? -1 : pid1_call(__NR_ioctl, fd, GET_TERMINAL, (long)&settings, 0);

	if (fd >= 0)
		pid1_call(__NR_close, fd, 0, 0, 0);
	return r == 0 && (settings.lflag & LINES);
}

/* What the terminal sends to all of a process group, and not to its session's leader alone, as SIGHUP and SIGCONT. */
static bool is_typed(int signo, int code)
{
	return code == FROM_KERNEL &&
	       (signo == SIGINT || signo == SIGQUIT || signo == SIGTSTP || signo == SIGWINCH);
}

/* ---- when to look -------------------------------------------------------------------------------------------------- */

static struct {
	int64_t since, next; /* 0: nothing to look for */
	int64_t last_cost;
	bool has_terminal, is_travelling, is_foreign;
} watch;

static int64_t limit(int64_t value, int64_t low, int64_t high)
{
	return value < low ? low : value > high ? high : value;
}

/* A quarter of the time that it took so far: who sends a signal on at once is told at once. */
static void plan_next(void)
{
	int64_t now = pid1_now(), elapsed = now - watch.since, pause;

	if (watch.is_travelling && elapsed >= TRAVEL)
		watch.is_travelling = false;
	/* The filter refuses the clock: one look, and none ever after. */
	if (now == 0)
		watch.is_travelling = watch.has_terminal = false;
	pause = watch.is_travelling ? limit(elapsed / 4, FIRST_PAUSE, LONGEST_PAUSE) :
		watch.is_foreign    ? limit(elapsed / 16, KEYBOARD_PAUSE, KEYBOARD_LONGEST) :
				      KEYBOARD_LONGEST;
	pause = limit(pause, watch.last_cost * COST, INT64_MAX);
	watch.next = watch.is_travelling || watch.has_terminal ? now + pause : 0;
}

static void look(void)
{
	const int64_t begin = pid1_now();
	bool was_foreign = watch.is_foreign;

	if (watch.has_terminal) {
		struct terminal terminal = read_terminal();

		watch.is_foreign = terminal.foreground > 0 && terminal.foreground != terminal.group;
	}
	if (watch.is_foreign && !was_foreign && !watch.is_travelling) {
		watch.since = begin;
		pid1_travel_begin();
	} else if ((watch.is_foreign || watch.is_travelling) && pid1_travel_look() && !watch.is_travelling) {
		watch.since = begin;
	}
	watch.last_cost = pid1_now() - begin;
	plan_next();
}

/* ---- signals -------------------------------------------------------------------------------------------------------- */

/* km has a handler for every signal that payloads know once the payload runs, and none before. */
static bool catches(int child, int signo)
{
	return pid1_has_signal(pid1_read_of(child, "/status"), "\nSigCgt:\t", signo);
}

static void pass_on(int child, int signo, bool typed)
{
	if (typed && signo == SIGWINCH && reads_lines())
		return;
	/* What was seen long ago tells nothing of who gets a signal now. */
	if (watch.is_travelling || watch.is_foreign)
		pid1_travel_look();
	else
		pid1_travel_begin();
	if (!typed)
		pid1_call(__NR_kill, child, signo, 0, 0);
	if (typed)
		pid1_travel_expect(0, read_terminal().group);
	else if (catches(child, signo))
		pid1_travel_expect(child, 0);
	watch.since = pid1_now();
	watch.last_cost = 0;
	watch.is_travelling = true;
	plan_next();
}

/* Returns only if the child still lives. */
static void reap(int child)
{
	int status;

	for (;;) {
		long pid = pid1_call(__NR_wait4, -1, (long)&status, WNOHANG, 0);

		if (pid <= 0)
			return;
		if (pid == child) {
			int signo = status & 0x7f;

			pid1_call(__NR_exit_group, signo ? 128 + signo : (status >> 8) & 0xff, 0, 0, 0);
		}
	}
}

/* The next signal, 0 when it is time to look. */
static int wait_for_signal(uint64_t set, int *ret_code)
{
	int info[32] = { 0 };
	int64_t left = watch.next ? limit(watch.next - pid1_now(), 0, INT64_MAX) : 0;
	const int64_t timeout[2] = { left / 1000000, left % 1000000 * 1000 };
	long signo = pid1_call(__NR_rt_sigtimedwait, (long)&set, (long)info, watch.next ? (long)timeout : 0,
			       sizeof(set));

	*ret_code = info[2];
	return signo > 0 ? (int)signo : 0;
}

__attribute__((used)) static void pid1(long *stack)
{
	const char *const *argv = (const char *const *)(stack + 1);
	int child = stack[0] > 1 ? (int)pid1_number(argv[1]) : 0;
	uint64_t all = ~0ULL;

	pid1_call(__NR_prctl, PR_SET_NAME, (long)"krun-init", 0, 0);
	/* Who has the same user must not write the memory of a process that is no virtual machine. */
	pid1_call(__NR_prctl, PR_SET_DUMPABLE, 0, 0, 0);
	pid1_call(__NR_rt_sigprocmask, 0 /* SIG_BLOCK */, (long)&all, 0, sizeof(all));
	/* A pipe that the payload closes must be seen closed by its reader. */
	for (int fd = 0; fd <= 2; fd++)
		pid1_call(__NR_close, fd, 0, 0, 0);
	if (child <= 0)
		pid1_call(__NR_exit_group, 125, 0, 0, 0);
	watch.has_terminal = read_terminal().number != 0;
	plan_next();
	for (;;) {
		int signo, code;

		/* Before the wait too: the child may have ended before its signal was blocked here. */
		reap(child);
		signo = wait_for_signal(all, &code);
		if (watch.next && pid1_now() >= watch.next)
			look();
		/* km's own release is not sent here: before `start` nobody lets the payload go by it. */
		if (signo > 0 && signo != SIGCHLD && !(signo == SIGUSR1 && !catches(child, SIGUSR1)))
			pass_on(child, signo, is_typed(signo, code));
	}
}

__asm__(".globl _start\n"
	"_start:\n"
	"	xor %ebp, %ebp\n"
	"	mov %rsp, %rdi\n"
	"	and $-16, %rsp\n"
	"	call pid1\n");
