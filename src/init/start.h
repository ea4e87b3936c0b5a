/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How `start` releases a process that `create` left parked. Two FIFOs in the state directory:
 *
 *   start.fifo   the parked process blocks in read(2); `start` writes one byte. Whether anybody has it open
 *                is also what tells "created" from "running": init's ends are close-on-exec.
 *   result.fifo  init holds the writing end; `start` reads. End of file: the execve succeeded. Bytes: what
 *                startContainer hooks say, in parts with a head that no text begins with, and the text of the error.
 *
 * FIFOs rather than a socket, because a payload's seccomp filter may already be loaded while init waits:
 * read, write and close are calls that every payload needs itself.
 */

#include <stdbool.h>
#include <stddef.h>

struct error;

#define START_FIFO "start.fifo"
#define RESULT_FIFO "result.fifo"

/* Both ends of both FIFOs in one process: opened O_RDWR, so neither open blocks. */
struct start_gate {
	int start_fd;
	int result_fd;
};

/* Parent, at create. The child inherits the fds. */
int start_gate_make(int state_dir_fd, struct start_gate *ret, struct error *err);
void start_gate_done(struct start_gate *gate);

/* Child: blocks until `start` came. */
int start_gate_wait(const struct start_gate *gate, struct error *err);
/* Child: what a hook wrote to @stream. Dropped when nobody takes it: `start` may have been killed. */
void start_gate_say(const struct start_gate *gate, int stream, const char *text, size_t len);
/* Child: tells `start` why the program does not run. */
void start_gate_fail(const struct start_gate *gate, const struct error *failure);

/* True while a parked process holds the gate. Any process on the host that may open the state directory. */
bool start_gate_is_closed(int state_dir_fd);
/* `start`: opens the gate, waits for execve or the error, and removes the FIFOs. */
int start_gate_open(int state_dir_fd, struct error *err);
