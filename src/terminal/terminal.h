/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A pseudo terminal for the payload, its hand-over to the engine, and the relay of a foreground command. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct error;

/*
 * Child, with the container's devpts mounted: opens "dev/pts/ptmx" below
 * @root_fd, falling back to "dev/ptmx", unlocks it and takes the slave by TIOCGPTPEER (Linux 4.13),
 * so that no path is looked up. The slave is owned by @uid. @height/@width 0: unchanged.
 */
int terminal_open(int root_fd, uid_t uid, uint16_t height, uint16_t width, int *ret_master, int *ret_slave,
		  struct error *err);
/* Child: the slave becomes the controlling terminal and fds 0, 1, 2. Needs an own session (setsid). */
int terminal_attach(int slave_fd, struct error *err);

/* To the engine's socket (syscall/socket.h), one message: the text "/dev/pts/console"-like name and exactly one fd: go-runc and conmon check both. */
int console_socket_send(int socket_fd, int master_fd, struct error *err);

/*
 * What becomes of a master that came from a container, which is taken over: it goes to the engine's socket, when there is one and
 * it is open still, and the socket is closed; else it stays here, in place of an earlier one.
 */
int console_take(int master_fd, int *socket_fd, int *ret_master, struct error *err);

/*
 * The foreground side: copies between our stdin/stdout and a pty master, puts our own terminal into raw
 * mode, follows SIGWINCH. Nothing in it blocks: a stdout that nobody reads holds up the payload, and not what else is to be done. The end of
 * our stdin is passed on as the key for it. SIGPIPE is ignored from then on.
 */
struct terminal_relay;
int terminal_relay_new(int master_fd, struct terminal_relay **ret, struct error *err);
/* Fds to poll: fills that many and returns their number; call terminal_relay_pump() with them after poll(2), also when its time is over. */
enum { TERMINAL_RELAY_FDS = 3 };
struct pollfd;
int terminal_relay_poll(struct terminal_relay *relay, struct pollfd *fds);
/* For poll(2), in ms: when it has something to do by itself; -1: never. */
int terminal_relay_timeout(const struct terminal_relay *relay);
/* Moves what is ready. Returns 1 while the master is open, 0 when it is at its end. */
int terminal_relay_pump(struct terminal_relay *relay, const struct pollfd *fds);
/* Copies our terminal's size to the master. */
void terminal_relay_resize(struct terminal_relay *relay);
/* Drains what the payload wrote last, as long as somebody reads it; restores the terminal mode, closes the master. */
void terminal_relay_free(struct terminal_relay *relay);
