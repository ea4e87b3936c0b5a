/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How `start` releases a process that `create` left parked: a datagram socket in the state directory. The parked process holds
 * it and blocks in recvmsg(2); `start` makes a sync pair (sync.h) and sends one end of it, over which the two go on as `run` does.
 * Whether anybody holds the socket is also what tells "created" from "running": it is close-on-exec.
 *
 * A socket and no FIFO, because who may look into the parked process' /proc/PID/fd cannot open a socket there, and so reaches
 * neither this file of the host nor what the process says to `start`.
 */

struct error;

#define START_SOCKET "start.sock"
/* What an older krun left in a state directory: the FIFO at which its parked process waits. */
#define START_FIFO "start.fifo"

/* Parent, at create: the socket for the child to inherit, close-on-exec, or a negative errno. */
int start_gate_make(int state_dir_fd, struct error *err);

/* Child: blocks until `start` came; returns its end of the pair, owned. */
int start_gate_wait(int gate_fd, struct error *err);

/*
 * 1 while a parked process holds the gate, 0 when nobody does, a negative errno when nobody can tell. Any process on the host that may open
 * the state directory.
 */
int start_gate_is_closed(int state_dir_fd);
/* `start`: opens the gate; returns our end of the pair, owned. -ESRCH: nobody waits there any more. */
int start_gate_open(int state_dir_fd, struct error *err);
/* Once the program runs, or will not. */
void start_gate_remove(int state_dir_fd);
