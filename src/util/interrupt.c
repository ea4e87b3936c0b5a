/* SPDX-License-Identifier: Apache-2.0 */
#include "util/interrupt.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "util/array.h"
#include "util/error.h"
#include "util/proc.h"

static const int signals[] = { SIGTERM, SIGINT, SIGHUP };

static volatile sig_atomic_t seen;
static volatile sig_atomic_t watched[INTERRUPT_SLOTS];
static volatile sig_atomic_t event_fd = -1;
static volatile sig_atomic_t spares_program;
static volatile sig_atomic_t late;
static volatile sig_atomic_t refused;

static void tell(void)
{
	const uint64_t one = 1;
	int saved = errno;

	if (event_fd >= 0)
		(void)!write(event_fd, &one, sizeof(one));
	errno = saved;
}

static void kill_watched(void)
{
	int saved = errno;

	for (int i = 0; i < INTERRUPT_SLOTS; i++) {
		pid_t pid = (pid_t)watched[i];

		if (pid > 0 && kill(-pid, SIGKILL) < 0)
			kill(pid, SIGKILL);
	}
	errno = saved;
}

static bool has_executed(void)
{
	const pid_t pid = (pid_t)watched[INTERRUPT_CHILD];
	const int saved = errno;
	const bool executed = pid > 0 && proc_has_executed(pid) > 0;

	errno = saved;
	return executed;
}

static void on_signal(int signo)
{
	if (spares_program && has_executed()) {
		late = signo;
		return;
	}
	if (refused)
		return;
	seen = signo;
	kill_watched();
	tell();
}

static void set_all(void (*handler)(int))
{
	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART }, old;

		sigaction(signals[i], NULL, &old);
		if (old.sa_handler != SIG_IGN)
			sigaction(signals[i], &action, NULL);
	}
}

void interrupt_begin(void)
{
	sigset_t set;

	set_all(on_signal);
	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		sigaddset(&set, signals[i]);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

void interrupt_spare_program(void)
{
	spares_program = 1;
}

void interrupt_end(void)
{
	set_all(SIG_DFL);
}

void interrupt_watch(enum interrupt_slot slot, pid_t pid)
{
	watched[slot] = pid;
	if (seen && pid > 0)
		kill_watched();
}

int interrupt_check(struct error *err)
{
	return seen ? error_set(err, -EINTR, "interrupted by signal %d", (int)seen) : 0;
}

void interrupt_refuse(void)
{
	refused = 1;
	seen = 0;
}

int interrupt_late(void)
{
	return late;
}

int interrupt_fd(void)
{
	if (event_fd < 0) {
		event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		/* A signal that came before the first call. */
		if (seen)
			tell();
	}
	return event_fd;
}
