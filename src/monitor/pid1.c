/* SPDX-License-Identifier: Apache-2.0 */

/*
 * pid1, krun's process in front of km, of a container and of an exec: a program of its own without libc, of
 * a few KiB. Its arguments are the pid of its only child, km, and perhaps the number of a memfd. It
 *
 *   - passes each signal on to km, but SIGCHLD, signals of the keyboard, which km gets itself, and SIGUSR1
 *     while km waits for its release;
 *   - kicks the km processes to which such a signal travels (pid1_travel.c), for up to 30 s after it;
 *   - says, by seals of the memfd, whether km's process had executed km before it ended: the command
 *     `start` may come too late to see it;
 *   - reaps, and exits with km's status, or 128 + the signal that killed km.
 *
 * Without signals it sleeps; with a terminal it looks a few times a second which process group has the
 * keyboard.
 *
 * It needs nothing of the container but, for the kick, /proc. It holds no descriptors but a socket whose
 * end ends km (init/execute.c), the memfd, and those that the caller preserves.
 */

#include <asm/unistd.h>
#include <linux/fcntl.h>
#include <linux/prctl.h>
#include <linux/signal.h>
#include <linux/wait.h>

#include "monitor/pid1.h"

/* Microseconds. */
enum {
	TRAVEL = 30000000, /* a signal may be on its way as long as the longest grace time of engines */
	FIRST_PAUSE = 200,
	LONGEST_PAUSE = 250000,
	KEYBOARD_PAUSE = 100000,   /* while another process group has the keyboard */
	KEYBOARD_LONGEST = 250000, /* if no process in it is new, or pid1's own group has the keyboard */
	COST = 20,		   /* a pause is at least so many times as long as the look before it */
};

enum { FROM_KERNEL = 0x80 /* SI_KERNEL */, LINES = 2 /* ICANON */, GET_TERMINAL = 0x5401 /* TCGETS */ };
/* PF_FORKNOEXEC of the kernel (sched.h), in the flags of proc_pid_stat(5). */
enum { FORKED_NOT_EXECUTED = 0x40 };

/* ---- the keyboard ------------------------------------------------------------------------------------ */

struct terminal {
	int number, group, foreground;
};

/* Fields of proc_pid_stat(5) after the name of the program. */
enum { STATE, GROUP = 2, TERMINAL = 4, FOREGROUND, FLAGS, FIELDS };

/* Reads them from the text of a stat file. The state is its letter. False: there is nothing to read. */
static bool read_fields(const char *at, int64_t fields[FIELDS])
{
	const char *rest = 0;

	for (; *at; at++)
		if (*at == ')')
			rest = at + 1;
	for (int i = 0; rest && i < FIELDS; i++) {
		while (*rest == ' ')
			rest++;
		fields[i] = i == STATE ? *rest : pid1_number(rest);
		while (*rest && *rest != ' ')
			rest++;
	}
	return rest;
}

/* The terminal of pid1 itself; number 0: there is none. */
static struct terminal read_terminal(void)
{
	int64_t fields[FIELDS] = { 0 };

	read_fields(pid1_read("/proc/self/stat"), fields);
	return (struct terminal){ (int)fields[TERMINAL], (int)fields[GROUP], (int)fields[FOREGROUND] };
}

/*
 * True if the terminal is in canonical mode. A program that reads lines has no handler for a new window
 * size, and a kick would only end its read(2) with EINTR; a program that draws on the screen reads keys.
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

/*
 * True for a signal that the terminal sends to a whole process group, so that km has got it, too. SIGHUP
 * and SIGCONT it sends to the session leader alone.
 */
static bool is_typed(int signo, int code)
{
	return code == FROM_KERNEL &&
	       (signo == SIGINT || signo == SIGQUIT || signo == SIGTSTP || signo == SIGWINCH);
}

/* ---- when to look ------------------------------------------------------------------------------------ */

static struct {
	int64_t since;	   /* the time of the last signal, or of the last new process at the keyboard */
	int64_t next;	   /* the time of the next look; 0: none */
	int64_t last_cost; /* how long the last look took */
	bool has_terminal;
	bool is_travelling; /* a signal may be on its way */
	bool is_foreign;    /* another process group has the keyboard */
} watch;

static int64_t limit(int64_t value, int64_t low, int64_t high)
{
	return value < low ? low : value > high ? high : value;
}

/*
 * The pause is a quarter of the time since the signal: a signal that is passed on at once is noticed at
 * once, and one that takes long costs little.
 */
static void plan_next(void)
{
	int64_t now = pid1_now(), elapsed = now - watch.since, pause;

	if (watch.is_travelling && elapsed >= TRAVEL)
		watch.is_travelling = false;
	/* The seccomp filter refuses the clock: there is one look, and none later. */
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

/* ---- signals ----------------------------------------------------------------------------------------- */

/* km has handlers for the signals that payloads know, but only once the payload runs. */
static bool catches(int child, int signo)
{
	return pid1_has_signal(pid1_read_of(child, "/status"), "\nSigCgt:\t", signo);
}

static void pass_on(int child, int signo, bool typed)
{
	if (typed && signo == SIGWINCH && reads_lines())
		return;
	/* An old record does not tell which process gets a signal now: makes a new one. */
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

/* The memfd of the second argument; 0: there is none, or all is told. */
static int front_fd;

static void tell(int seal)
{
	if (front_fd > 0)
		pid1_call(__NR_fcntl, front_fd, F_ADD_SEALS, seal, 0);
}

/* Returns whether it is known if @child has executed km, and tells it. */
static bool has_told(int child)
{
	int64_t fields[FIELDS] = { 0 };
	bool executed;

	if (front_fd <= 0)
		return true;
	executed =
		!read_fields(pid1_read_of(child, "/stat"), fields) || !(fields[FLAGS] & FORKED_NOT_EXECUTED);
	if (!executed && fields[STATE] != 'Z' && fields[STATE] != 'X')
		return false;
	tell(executed ? PID1_EXECUTED : PID1_NOT_EXECUTED);
	pid1_call(__NR_close, front_fd, 0, 0, 0);
	front_fd = 0;
	return true;
}

/*
 * Reaps what has ended. Exits if that is @child. Before it is known whether that has executed km nothing is
 * reaped: it might end right then.
 */
static void reap(int child)
{
	int status;

	while (has_told(child)) {
		long pid = pid1_call(__NR_wait4, -1, (long)&status, WNOHANG, 0);

		if (pid <= 0)
			return;
		if (pid == child) {
			int signo = status & 0x7f;

			pid1_call(__NR_exit_group, signo ? 128 + signo : (status >> 8) & 0xff, 0, 0, 0);
		}
	}
}

/* Returns the next signal; 0: it is time to look. */
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

void pid1(const long *stack)
{
	const char *const *argv = (const char *const *)(stack + 1);
	int child = stack[0] > 1 ? (int)pid1_number(argv[1]) : 0;
	uint64_t all = ~0ULL;

	pid1_call(__NR_prctl, PR_SET_NAME, (long)"krun-init", 0, 0);
	/* Processes of the same user must not trace pid1, which runs outside of the VM. */
	pid1_call(__NR_prctl, PR_SET_DUMPABLE, 0, 0, 0);
	pid1_call(__NR_rt_sigprocmask, 0 /* SIG_BLOCK */, (long)&all, 0, sizeof(all));
	/* Else the reader of a pipe would not see that the payload has closed it. */
	for (int fd = 0; fd <= 2; fd++)
		pid1_call(__NR_close, fd, 0, 0, 0);
	if (child <= 0)
		pid1_call(__NR_exit_group, 125, 0, 0, 0);
	front_fd = stack[0] > 2 ? (int)pid1_number(argv[2]) : 0;
	tell(PID1_BEGAN);
	watch.has_terminal = read_terminal().number != 0;
	plan_next();
	for (;;) {
		int signo, code;

		/* Also before the first wait: the child may have ended before SIGCHLD was blocked. */
		reap(child);
		signo = wait_for_signal(all, &code);
		if (watch.next && pid1_now() >= watch.next)
			look();
		/* SIGUSR1 would release a km that waits, which only `start` may do, and does directly. */
		if (signo > 0 && signo != SIGCHLD && !(signo == SIGUSR1 && !catches(child, SIGUSR1)))
			pass_on(child, signo, is_typed(signo, code));
	}
}
