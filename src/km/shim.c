/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Process 1 in front of km: a program of its own, without libc, a few KiB. `shim PID`: PID is its only child. Forwards
 * every signal to it, kicks km's vcpu threads so that the payload notices, reaps, and exits as the child did.
 *
 * It needs nothing of the container but, for the kick, /proc; and it holds nothing: no descriptor, no memory worth
 * mentioning.
 */

#include <linux/prctl.h>
#include <linux/signal.h>
#include <linux/wait.h>
#include <asm/unistd.h>
#include <stdint.h>

enum { KICK_SIGNAL = 63 };

static long call(long number, long a, long b, long c, long d)
{
	register long r10 __asm__("r10") = d;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
			 : "rcx", "r11", "memory");
	return result;
}

static int to_number(const char *text)
{
	int number = 0;

	while (*text >= '0' && *text <= '9')
		number = number * 10 + (*text++ - '0');
	return number;
}

static char *put_text(char *out, const char *text)
{
	while (*text)
		*out++ = *text++;
	*out = '\0';
	return out;
}

static char *put_number(char *out, int number)
{
	char digits[12];
	int n = 0;

	do
		digits[n++] = (char)('0' + number % 10);
	while ((number /= 10));
	while (n > 0)
		*out++ = digits[--n];
	*out = '\0';
	return out;
}

/* /proc/PID/status; a process that is gone gives an empty text. */
static const char *read_status(const char *path)
{
	static char text[4096];
	int fd = (int)call(__NR_open, (long)path, 0, 0, 0);
	long n = fd < 0 ? 0 : call(__NR_read, fd, (long)text, sizeof(text) - 1, 0);

	if (fd >= 0)
		call(__NR_close, fd, 0, 0, 0);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

/* What stands behind @key, or 0. */
static const char *find_value(const char *text, const char *key)
{
	for (; *text; text++) {
		long i = 0;

		while (key[i] && text[i] == key[i])
			i++;
		if (!key[i])
			return text + i;
	}
	return 0;
}

/* Whether @signo is in the set that stands behind @key, as 16 hex digits. */
static int has_signal(const char *text, const char *key, int signo)
{
	const char *digits = find_value(text, key);
	int at = 15 - (signo - 1) / 4, value;

	for (int i = 0; digits && i <= at; i++)
		if (digits[i] < '0')
			return 0;
	if (!digits)
		return 0;
	value = digits[at] >= 'a' ? digits[at] - 'a' + 10 : digits[at] - '0';
	return value >> ((signo - 1) & 3) & 1;
}

/* See wait_until_taken() of protocol.c. */
static void wait_until_taken(const char *status_path, int signo)
{
	const long nap[2] = { 0, 200000 };

	for (int i = 0; i < 250; i++) {
		const char *text = read_status(status_path), *state = find_value(text, "\nState:\t");

		if (!state || (*state != 'R' && !has_signal(text, "\nShdPnd:\t", signo)))
			return;
		call(__NR_nanosleep, (long)nap, 0, 0, 0);
	}
}

struct directory_entry {
	uint64_t ino;
	int64_t off;
	unsigned short reclen;
	unsigned char type;
	char name[];
};

static void kick(int child, int signo)
{
	static char entries[2048];
	char path[64], *end = put_number(put_text(path, "/proc/"), child);
	long n;
	int fd;

	put_text(end, "/status");
	wait_until_taken(path, signo);
	end = put_text(end, "/task/");
	fd = (int)call(__NR_open, (long)path, 0200000 /* O_DIRECTORY */, 0, 0);
	if (fd < 0)
		return;
	while ((n = call(__NR_getdents64, fd, (long)entries, sizeof(entries), 0)) > 0) {
		for (long at = 0; at < n;) {
			const struct directory_entry *entry = (const void *)(entries + at);
			int thread = to_number(entry->name);

			at += entry->reclen;
			if (thread <= 0 || thread == child)
				continue;
			put_text(put_number(end, thread), "/status");
			/* A thread that does not catch the kick would die of it. */
			if (has_signal(read_status(path), "\nSigCgt:\t", KICK_SIGNAL))
				call(__NR_tgkill, child, thread, KICK_SIGNAL, 0);
		}
	}
	call(__NR_close, fd, 0, 0, 0);
}

/* km has a handler for every signal that payloads know once the payload runs, and none before. */
static int catches(int child, int signo)
{
	char path[64];

	put_text(put_number(put_text(path, "/proc/"), child), "/status");
	return has_signal(read_status(path), "\nSigCgt:\t", signo);
}

/* Returns only if the child still lives. */
static void reap(int child)
{
	int status;

	for (;;) {
		long pid = call(__NR_wait4, -1, (long)&status, WNOHANG, 0);

		if (pid <= 0)
			return;
		if (pid == child) {
			int signo = status & 0x7f;

			call(__NR_exit_group, signo ? 128 + signo : (status >> 8) & 0xff, 0, 0, 0);
		}
	}
}

__attribute__((used)) static void shim(long *stack)
{
	const char *const *argv = (const char *const *)(stack + 1);
	int child = stack[0] > 1 ? to_number(argv[1]) : 0;
	uint64_t all = ~0ULL;

	call(__NR_prctl, PR_SET_NAME, (long)"krun-init", 0, 0);
	call(__NR_rt_sigprocmask, 0 /* SIG_BLOCK */, (long)&all, 0, sizeof(all));
	/* A pipe that the payload closes must be seen closed by its reader. */
	for (int fd = 0; fd <= 2; fd++)
		call(__NR_close, fd, 0, 0, 0);
	if (child <= 0)
		call(__NR_exit_group, 125, 0, 0, 0);
	for (;;) {
		long signo;

		/* Before the wait too: the child may have ended before its signal was blocked here. */
		reap(child);
		signo = call(__NR_rt_sigtimedwait, (long)&all, 0, 0, sizeof(all));
		if (signo <= 0 || signo == SIGCHLD)
			continue;
		/* km's own release is not sent here: before `start` nobody lets the payload go by it. */
		if (signo == SIGUSR1 && !catches(child, SIGUSR1))
			continue;
		call(__NR_kill, child, signo, 0, 0);
		kick(child, (int)signo);
	}
}

__asm__(".globl _start\n"
	"_start:\n"
	"	xor %ebp, %ebp\n"
	"	mov %rsp, %rdi\n"
	"	and $-16, %rsp\n"
	"	call shim\n");
