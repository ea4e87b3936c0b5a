/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The gate, at which a process that `create` left parked waits for `start`: a datagram socket in the state
 * directory. The parked process holds it and blocks in recvmsg(2). `start` makes a sync pair (sync.h) and
 * sends one end of it, over which the child reports as it does to `run`. The socket is close-on-exec: that
 * a process holds it tells "created" from "running".
 *
 * It is a socket and not a FIFO, because a socket cannot be opened through /proc/PID/fd: whoever may look
 * into that directory of the parked process reaches neither this file of the host nor what is said to
 * `start`.
 */

#include <stdbool.h>

struct error;

#define START_SOCKET "start.sock"
/* In the state directory of an older krun: the FIFO at which its parked process waits. */
#define START_FIFO "start.fifo"

/* Parent, at create: makes the socket that the child inherits, close-on-exec; the caller owns it. */
int start_gate_make(int state_dir_fd, struct error *err);

/*
 * Child: blocks until `start` came; returns its end of the pair, owned by the caller. *ret_traced: `start`
 * writes a trace, whether `create` did or not; unset after an error.
 */
int start_gate_wait(int gate_fd, bool *ret_traced, struct error *err);

/*
 * 1 while a parked process waits at the gate (or at the FIFO), 0 if none does, -ENOENT if there is no gate
 * any more, another negative errno if that cannot be told. Fills no error. Any process on the host that may
 * open the state directory.
 */
int start_gate_is_closed(int state_dir_fd);
/*
 * `start`: opens the gate; returns the parent's end of the pair, owned by the caller. -ESRCH: nobody waits
 * there any more; -EOPNOTSUPP: an older krun made the container.
 */
int start_gate_open(int state_dir_fd, struct error *err);
/* Removes the socket, once the program runs or has failed to. */
void start_gate_remove(int state_dir_fd);
