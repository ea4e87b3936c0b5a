/* SPDX-License-Identifier: Apache-2.0 */

/*
 * km's start protocol, theory of operation. `km --wait-for-signal` waits for SIGUSR1, its release, before the
 * payload's first instruction. km reports nothing but one line in its log, so krun polls /proc.
 *
 * 1. Set-up. The child ignores SIGUSR1 and executes km (init/execute.c). km builds the VM, loads the payload,
 *    and writes its line. A SIGUSR1 is dropped in this stage; with the default action it would kill km.
 *
 * 2. Ready. km blocks SIGUSR1 and calls rt_sigtimedwait(2), in which the kernel takes SIGUSR1 out of the
 *    mask. km_wait_ready() waits until the first thread is in that call and its mask is without SIGUSR1. The
 *    line in the log, or the call alone, would be too early: until the thread sleeps in the call, the signal
 *    goes to km's thread for management, which drops it. Now `create` connects to the management socket
 *    (held.c), bounds the log, and returns.
 *
 * 3. Created. km_is_waiting() tells this status. `kill` does not send SIGUSR1: it would be the release.
 *
 * 4. Release. km_release() sends SIGUSR1, and again if km still sleeps. Then it waits until km has a handler
 *    for SIGUSR1, which km installs with all others after its wait, or has ended. `start` does not return
 *    earlier, because a signal before the handlers would not reach the payload, and could kill km.
 *
 * 5. Running. km_is_released() tells this. Every signal reaches km's first thread; the payload notices it
 *    after a kick, by pid1 or, for a km without pid1, by km_kick().
 *
 * `exec` goes through 1, 2 and 4 in one command. With startAt "exec" km does not wait, and its process parks
 * before km's execve(2) instead (init/start.h).
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "krun/files.h"
#include "monitor/monitor.h"
#include "syscall/process.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/interrupt.h"
#include "util/io.h"
#include "util/log.h"
#include "util/proc.h"
#include "util/trace.h"

/* Appended to errors about a time limit. */
#define MORE_TIME "\"startTimeoutMs\" of " KM_SETTINGS_FILE ", or of the file of --config-file, allows more"

enum {
	KICK_SIGNAL = 63, /* km's KM_SIGVCPUSTOP, SIGRTMAX - 1 */
	END_MS = 3000,	  /* more than the 2 s for which km hangs if it cannot kill itself, as process 1 */
	LATE_MS = 1000,	  /* for km to start its program after a signal for that came */
	FIRST_PAUSE_NS = 40000, /* two to ten times what a look at km takes */
	LONGEST_PAUSE_NS = 2000000,
	LONGEST_RELEASE_NS = 200000,   /* of `start`, which somebody waits for */
	QUICK_NS = 2 * FIRST_PAUSE_NS, /* looks without a pause before the first one */
	TAKEN_LOOKS = 250,
	TAKEN_NAP_NS = 200000,
};

/*
 * A km that is looked at again and again. Its files stay open, because reading an open file again costs a
 * third of opening and reading it. They are of that process, also when another one has got its number.
 */
struct view {
	pid_t pid;
	int call_fd, stat_fd; /* proc_pid_syscall(5) and proc_pid_stat(5); -1: not opened yet */
};

static struct view view_of(pid_t pid)
{
	return (struct view){ pid, -1, -1 };
}

static void view_close(struct view *view)
{
	cleanup_close(&view->call_fd);
	cleanup_close(&view->stat_fd);
}

#define auto_view __attribute__((cleanup(view_close)))

/* As io_read_again(), and opens the file before if it is not open: an error may have been of that moment. */
static int read_of(pid_t pid, const char *name, int *fd, char *text, size_t size)
{
	char path[40];

	if (*fd < 0) {
		snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
		*fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	return *fd < 0 ? -errno : (int)io_read_again(*fd, text, size);
}

static bool in_wait_call(struct view *view)
{
	char path[40], text[256];

	if (read_of(view->pid, "syscall", &view->call_fd, text, sizeof(text)) > 0)
		return strtol(text, NULL, 10) == SYS_rt_sigtimedwait && text[0] >= '0' && text[0] <= '9';
	/* A kernel without that file, or a caller who may not read it, may still have wchan. */
	snprintf(path, sizeof(path), "/proc/%d/wchan", view->pid);
	return io_read_small(AT_FDCWD, path, text, sizeof(text)) > 0 && strstr(text, "sigtimedwait");
}

/* Returns 0 or a negative errno: -ESRCH when the process is gone. */
static int read_signals(struct view *view, struct proc_stat *ret)
{
	char text[1024];
	const int r = read_of(view->pid, "stat", &view->stat_fd, text, sizeof(text));

	return r < 0 ? r : proc_parse_stat(text, ret);
}

static bool has_signal(unsigned long long set, int signo)
{
	return set >> (signo - 1) & 1;
}

/*
 * A handler for SIGUSR1 tells that km was released. Handlers of other signals do not: with a management
 * socket km has a second thread before, and with it libc's own signal.
 */
static bool has_handlers(const struct proc_stat *stat)
{
	return has_signal(stat->caught, SIGUSR1);
}

/* Returns 1, 0, or a negative errno: -ESRCH when km has ended. */
static int sees_handlers(struct view *view)
{
	struct proc_stat stat;
	const int r = read_signals(view, &stat);

	return r < 0 ? r : has_handlers(&stat);
}

/*
 * Looks at the call first, then at the mask: the thread may have begun the call and sleep in a page fault,
 * with SIGUSR1 still blocked.
 */
static bool is_waiting(struct view *view)
{
	struct proc_stat stat;

	return in_wait_call(view) && read_signals(view, &stat) == 0 && !has_handlers(&stat) &&
	       !has_signal(stat.blocked, SIGUSR1);
}

bool km_is_waiting(pid_t pid)
{
	auto_view struct view view = view_of(pid);

	return is_waiting(&view);
}

bool km_is_released(pid_t pid)
{
	struct proc_stat stat;

	return proc_read_stat(pid, &stat) == 0 && has_handlers(&stat);
}

/* With pid1 the child exits a moment after km, with km's status or 128 + its signal. */
static void describe_end(pid_t child, char *how, size_t size)
{
	auto_close int pidfd = sys_pidfd_open(child);
	struct pollfd item = { .fd = pidfd, .events = POLLIN };
	siginfo_t info = { 0 };
	int status;

	snprintf(how, size, "ended");
	if (pidfd < 0 || poll(&item, 1, END_MS) <= 0 ||
	    waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOWAIT | WNOHANG) < 0 || info.si_pid == 0)
		return;
	status = info.si_status;
	if (info.si_code == CLD_EXITED && status <= 128)
		snprintf(how, size, "exited with status %d", status);
	else
		snprintf(how, size, "was killed by signal %d",
			 info.si_code == CLD_EXITED ? status - 128 : status);
}

int km_died(const struct km_process *km, struct error *err)
{
	char how[64];

	describe_end(km->child, how, sizeof(how));
	return error_set(err, -ECHILD, "km %s before the payload was loaded", how);
}

/*
 * Pauses end in time, and not when the kernel finds it convenient: by default up to 50 us later,
 * PR_SET_TIMERSLACK(2const). Children inherit that, so it ends with the wait. Returns what it was.
 */
static unsigned long be_punctual(void)
{
	const int slack = prctl(PR_GET_TIMERSLACK);

	prctl(PR_SET_TIMERSLACK, 1UL);
	/* 0 is the default one. */
	return slack > 0 ? (unsigned long)slack : 0;
}

/* Pauses grow: a small VM is noticed soon, a large one costs few looks. */
static void lengthen(struct timespec *pause, long longest_ns)
{
	pause->tv_nsec += pause->tv_nsec < longest_ns ? pause->tv_nsec / 8 : 0;
}

static int wait_ready(const struct km_process *km, unsigned int timeout_ms, struct error *err)
{
	const int64_t deadline = clock_ms() + timeout_ms;
	struct pollfd item = { .fd = km->pidfd, .events = POLLIN };
	struct timespec pause = { .tv_nsec = FIRST_PAUSE_NS };
	auto_view struct view view = view_of(km->pid);

	if (km->pidfd < 0)
		return km->pidfd == -ESRCH ? km_died(km, err) :
					     error_sys(err, km->pidfd, "open a pidfd of km");
	/* Polls: km's line in its log comes too early, and to close an inotify(7) would cost 10 ms, too. */
	while (!is_waiting(&view)) {
		if (clock_ms() >= deadline)
			return error_set(err, -ETIMEDOUT, "km is not ready after %u ms (" MORE_TIME ")",
					 timeout_ms);
		if (ppoll(&item, 1, &pause, NULL) < 0 && errno != EINTR)
			return error_sys(err, -errno, "wait for km");
		if (item.revents)
			return km_died(km, err);
		/* The signal ends pid1, but a km that is stopped outlives it. */
		if (interrupt_check(err) < 0)
			return err->code;
		lengthen(&pause, LONGEST_PAUSE_NS);
	}
	return 0;
}

int km_wait_ready(const struct km_process *km, unsigned int timeout_ms, struct error *err)
{
	const unsigned long long began = trace_clock();
	const unsigned long slack = be_punctual();
	const int r = wait_ready(km, timeout_ms, err);

	prctl(PR_SET_TIMERSLACK, slack);
	trace_made_by(km->child, km->pid, "km");
	trace_note("error", r < 0 ? err->text : NULL);
	trace_program(km->pid, "km", "load", began);
	trace_note("for", "km");
	log_wait_done("wait", began);
	return r;
}

static int release(pid_t pid, int pidfd, unsigned int timeout_ms, struct error *err)
{
	const int64_t deadline = clock_ms() + timeout_ms;
	struct timespec pause = { .tv_nsec = FIRST_PAUSE_NS };
	struct pollfd item = { .fd = pidfd, .events = POLLIN };
	auto_view struct view view = view_of(pid);
	int64_t given_up = 0, pauses_from;
	int r, seen = 0;

	if (!is_waiting(&view))
		return error_set(err, -EBUSY, "km does not wait for its start");
	r = sys_pidfd_send_signal(pidfd, SIGUSR1);
	pauses_from = clock_ns() + QUICK_NS;
	/* A short payload may have ended before its km's handlers were seen. */
	while (r == 0 && (seen = sees_handlers(&view)) != 1 && seen != -ESRCH) {
		/* km needs less time for its handlers than this process to wake up from a pause. */
		if (clock_ns() < pauses_from) {
			sched_yield();
			continue;
		}
		if (ppoll(&item, 1, &pause, NULL) > 0)
			return 0;
		if (clock_ms() >= deadline)
			return error_set(err, -ETIMEDOUT,
					 "km does not start its payload after %u ms (" MORE_TIME ")",
					 timeout_ms);
		/* A signal that came for the program waits until that has started, but not forever. */
		if (interrupt_late() && given_up == 0)
			given_up = clock_ms() + LATE_MS;
		if (given_up != 0 && clock_ms() >= given_up)
			return error_set(err, -EINTR,
					 "interrupted by signal %d, and km has not started its payload",
					 interrupt_late());
		/* A thread that got the signal is awake at once. One that still sleeps did not get it. */
		if (is_waiting(&view))
			r = sys_pidfd_send_signal(pidfd, SIGUSR1);
		lengthen(&pause, LONGEST_RELEASE_NS);
	}
	return r < 0 && r != -ESRCH ? error_sys(err, r, "release km") : 0;
}

int km_release(pid_t pid, int pidfd, unsigned int timeout_ms, struct error *err)
{
	const unsigned long slack = be_punctual();
	const int r = release(pid, pidfd, timeout_ms, err);

	prctl(PR_SET_TIMERSLACK, slack);
	return r;
}

/* The signal was taken if it is not pending and the thread sleeps again. */
void km_wait_taken(pid_t pid, int signo)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	for (int i = 0; i < TAKEN_LOOKS; i++) {
		const struct timespec nap = { .tv_nsec = TAKEN_NAP_NS };
		auto_free char *text = NULL;
		const char *state, *shared;

		if (proc_read_status(AT_FDCWD, path, &text) < 0)
			return;
		state = strstr(text, "\nState:\t");
		shared = strstr(text, "\nShdPnd:\t");
		if (!state || !shared ||
		    (state[8] != 'R' && !(strtoull(shared + 9, NULL, 16) >> (signo - 1) & 1)))
			return;
		nanosleep(&nap, NULL);
	}
}

/* As proc_pid_status(5) has them, also those above 31. 0: the thread is gone, or nobody may look. */
static uint64_t caught_signals(const char *status_path)
{
	auto_free char *text = NULL;
	const char *line;

	if (proc_read_status(AT_FDCWD, status_path, &text) < 0)
		return 0;
	line = strstr(text, "\nSigCgt:");
	return line ? strtoull(line + strlen("\nSigCgt:"), NULL, 16) : 0;
}

void km_kick(pid_t pid, int signo)
{
	char path[64];
	struct dirent *entry;
	DIR *dir;

	km_wait_taken(pid, signo);
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);
		char status[96];

		if (tid <= 0 || tid == pid)
			continue;
		snprintf(status, sizeof(status), "%s/%d/status", path, tid);
		/* A thread that does not catch the kick would die of it, and all of km with it. */
		if (has_signal(caught_signals(status), KICK_SIGNAL))
			sys_tgkill(pid, tid, KICK_SIGNAL);
	}
	closedir(dir);
}
