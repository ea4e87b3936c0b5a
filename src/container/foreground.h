/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A command that stays: relays the terminal, forwards every signal it gets to the process but SIGWINCH, which becomes the size of a
 * terminal when there is one, and ends with the process' status.
 */

#include <stdbool.h>
#include <sys/types.h>

struct error;
struct oom_watch;

/*
 * Blocks the signals that foreground_wait() will forward, so that none that comes before it is lost. To be
 * called before the process is started: init resets the mask itself.
 */
void foreground_prepare(void);

struct foreground {
	pid_t pid;		  /* our child */
	int master_fd;		  /* pty master, taken over; -1: no terminal */
	int notify_fd;		  /* notify socket of the container, borrowed; -1: none */
	struct oom_watch *memory; /* looked at when there is something to see, borrowed; NULL: none */
};

/*
 * *ret_status: exit status for the shell, 128 + signal when it was killed. On failure the process has been ended: nobody goes on unwatched
 * behind a command that says that it failed.
 */
int foreground_wait(const struct foreground *foreground, int *ret_status, struct error *err);
