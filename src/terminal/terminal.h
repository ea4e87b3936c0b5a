/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The payload's pseudoterminal (pty(7)), passing it to the engine, and the relay of a foreground command. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct error;

/*
 * The relay of a foreground command, in its process: copies between stdin/stdout and a pty master, and puts a
 * terminal at stdin into raw mode. It does not block: a stdout that is not read stops the payload, not the
 * caller. The end of stdin is passed on as the end-of-file character.
 */
struct terminal_relay;

/*
 * Sets TERMINAL_RELAY_FDS entries for poll(2) and returns their number. After poll(2), also after its
 * timeout, call terminal_relay_pump().
 */
enum { TERMINAL_RELAY_FDS = 3 };
struct pollfd;

/* ---- pty.c --------------------------------------------------------------------------------------------- */

/*
 * Child, with the container's devpts mounted: opens "dev/pts/ptmx" below @root_fd, or else "dev/ptmx",
 * unlocks it and opens the slave with TIOCGPTPEER (Linux 4.13), which does not look up a path. The slave's
 * owner is @uid. The size is @height rows and @width columns; both 0: unchanged. Both fds are the caller's,
 * close-on-exec. 0 or a negative errno; -ENOTTY: the file is not a ptmx.
 */
int terminal_open(int root_fd, uid_t uid, uint16_t height, uint16_t width, int *ret_master, int *ret_slave,
		  struct error *err);
/* Child, leader of a session: makes the slave the controlling terminal and duplicates it to fds 0 to 2. */
int terminal_attach(int slave_fd, struct error *err);

/* ---- console_socket.c ---------------------------------------------------------------------------------- */

/* Sends the master to the engine: one message with a text and one fd, as go-runc and conmon require. */
int console_socket_send(int socket_fd, int master_fd, struct error *err);

/*
 * Takes over a master that a container sent (-EPROTO when @master_fd is negative): sends it to the engine's
 * socket and closes both, or stores it in *ret_master, in place of an earlier one, when *socket_fd is -1.
 */
int console_take(int master_fd, int *socket_fd, int *ret_master, struct error *err);

/* ---- relay.c ------------------------------------------------------------------------------------------- */

/* Takes over @master_fd, also on failure, and ignores SIGPIPE from then on. -ENOMEM. */
int terminal_relay_new(int master_fd, struct terminal_relay **ret, struct error *err);

int terminal_relay_poll(struct terminal_relay *relay, struct pollfd *fds);
/* The timeout for poll(2) in milliseconds, after which the relay has to act; -1: none. */
int terminal_relay_timeout(const struct terminal_relay *relay);
/* Copies what is ready, by the .revents of @fds. Returns 1 while the master is open, else 0. */
int terminal_relay_pump(struct terminal_relay *relay, const struct pollfd *fds);
/* Copies the size of the terminal at stdin to the master; for SIGWINCH. */
void terminal_relay_resize(struct terminal_relay *relay);
/*
 * Copies the payload's last output, waiting up to 5 s for a reader, restores the terminal's mode and closes
 * the master.
 */
void terminal_relay_free(struct terminal_relay *relay);
