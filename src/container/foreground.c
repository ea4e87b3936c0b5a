/* SPDX-License-Identifier: Apache-2.0 */
#include "container/foreground.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "container/oom.h"
#include "krun/exit_codes.h"
#include "launch/notify.h"
#include "syscall/process.h"
#include "terminal/terminal.h"
#include "util/cleanup.h"
#include "util/error.h"

/* All signals except those about krun itself: faults, its children, its terminal. */
static void forwarded_signals(sigset_t *set)
{
	static const int ours[] = { SIGSEGV, SIGBUS,  SIGFPE,  SIGILL,	SIGTRAP, SIGSYS,
				    SIGABRT, SIGCHLD, SIGTTIN, SIGTTOU, SIGTSTP, SIGPIPE };

	sigfillset(set);
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		sigdelset(set, ours[i]);
}

void foreground_prepare(void)
{
	sigset_t set;

	forwarded_signals(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static void forward(const struct foreground *foreground, int signo, struct terminal_relay *relay)
{
	/*
	 * It is about krun's terminal. A program without a terminal may give it another meaning, as httpd
	 * does.
	 */
	if (signo == SIGWINCH) {
		if (relay)
			terminal_relay_resize(relay);
		return;
	}
	kill(foreground->pid, signo);
}

static int collect(pid_t pid, int *ret_status, struct error *err)
{
	int status, r = sys_wait(pid, &status, __WALL);

	if (r < 0)
		return error_sys(err, r, "wait for the container");
	*ret_status = WIFSIGNALED(status) ? KRUN_EXIT_SIGNAL + WTERMSIG(status) : WEXITSTATUS(status);
	return 0;
}

/* Returns when the process has ended. */
static int loop(const struct foreground *foreground, int pidfd, int signal_fd, struct terminal_relay *relay,
		struct error *err)
{
	enum { PROCESS, SIGNALS, NOTIFY, MEMORY, RELAY, FDS = RELAY + TERMINAL_RELAY_FDS };

	for (;;) {
		struct pollfd fds[FDS] = {
			[PROCESS] = { .fd = pidfd, .events = POLLIN },
			[SIGNALS] = { .fd = signal_fd, .events = POLLIN },
			[NOTIFY] = { .fd = foreground->notify_fd, .events = POLLIN },
			[MEMORY] = { .fd = foreground->memory ? foreground->memory->fd : -1,
				     .events = POLLPRI },
		};
		int relay_len = relay ? terminal_relay_poll(relay, &fds[RELAY]) : 0;

		if (poll(fds, (nfds_t)(RELAY + relay_len), relay ? terminal_relay_timeout(relay) : -1) < 0) {
			if (errno == EINTR)
				continue;
			return error_sys(err, -errno, "wait for the container");
		}
		/* First, because the cgroup may be removed soon. */
		if (fds[MEMORY].revents)
			oom_watch_look(foreground->memory);
		if (relay_len > 0)
			terminal_relay_pump(relay, &fds[RELAY]);
		if (fds[SIGNALS].revents) {
			struct signalfd_siginfo info;

			if (read(signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
				forward(foreground, (int)info.ssi_signo, relay);
		}
		/* Before the end of the process, because its last act may have been a message. */
		if (fds[NOTIFY].revents)
			notify_forward(foreground->notify_fd, 0);
		else if (fds[PROCESS].revents)
			break;
	}
	/* systemd removes the cgroup of a scope once this process is collected. */
	if (foreground->memory)
		oom_watch_look(foreground->memory);
	return 0;
}

static int watch(const struct foreground *foreground, struct terminal_relay *relay, struct error *err)
{
	auto_close int pidfd = sys_pidfd_open(foreground->pid);
	auto_close int signal_fd = -1;
	sigset_t set;

	if (pidfd < 0)
		return error_sys(err, pidfd, "open a pidfd");
	forwarded_signals(&set);
	signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (signal_fd < 0)
		return error_sys(err, -errno, "open a signalfd");
	return loop(foreground, pidfd, signal_fd, relay, err);
}

int foreground_wait(const struct foreground *foreground, int *ret_status, struct error *err)
{
	struct terminal_relay *relay = NULL;
	int r = foreground->master_fd < 0 ? 0 : terminal_relay_new(foreground->master_fd, &relay, err);

	if (r == 0)
		r = watch(foreground, relay, err);
	if (r == 0)
		r = collect(foreground->pid, ret_status, err);
	else
		sys_kill_and_wait(foreground->pid);
	if (relay)
		terminal_relay_free(relay);
	return r;
}
