/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A command in the foreground: relays the terminal, forwards signals to the process, and returns its exit
 * status. SIGWINCH is not forwarded; it sets the size of the terminal, if there is one. Signals about krun
 * itself are not forwarded either (faults, SIGCHLD, SIGPIPE, job control).
 */

#include <stdbool.h>
#include <sys/types.h>

struct error;
struct oom_watch;

/*
 * Blocks the signals that foreground_wait() will forward, so that an early one is not lost. Called before the
 * process is released; the container's process resets its mask itself.
 */
void foreground_prepare(void);

struct foreground {
	pid_t pid;		  /* a child of this process */
	int master_fd;		  /* pty master; owned by foreground_wait(); -1: no terminal */
	int notify_fd;		  /* notify socket of the container; borrowed; -1: none */
	struct oom_watch *memory; /* updated while waiting; borrowed; NULL: none */
};

/*
 * Waits for the end of the process. *ret_status: its exit status, or 128 + signal number. On failure the
 * process has been killed, so that it does not run on after a command that reports a failure.
 */
int foreground_wait(const struct foreground *foreground, int *ret_status, struct error *err);
