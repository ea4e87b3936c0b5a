/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The whole conversation between a command (parent) and the process it makes (child): one SOCK_SEQPACKET
 * pair, one message type. End of file means that the peer is gone, or, after SYNC_READY, that the child's
 * execve succeeded, because its end is close-on-exec.
 *
 *   create, run:
 *     parent -> stage   SYNC_ATTACHED    systemd has moved it into the container's cgroup      (rootless, if needed)
 *     child  -> parent  SYNC_CHILD       its pid is the sender's                  (if an intermediate process made it)
 *     parent -> child   SYNC_ID_MAPS     uid_map and gid_map are written          (new user namespace only)
 *     child  -> parent  SYNC_WANT_HOOKS  mounts are done, the old root still visible        (with hooks only)
 *     parent -> child   SYNC_HOOKS_DONE  prestart and createRuntime ran; fd = the state for the child's hooks
 *     child  -> parent  SYNC_CONSOLE     fd = pty master                                     (terminal only)
 *     child  -> parent  SYNC_SECCOMP     a filter that notifies is loaded next; its listener comes by shared memory
 *     child  -> parent  SYNC_READY       nothing can fail any more but the final execve
 *     parent -> child   SYNC_START       `run` only: go on (after `create` the FIFO of start.h says it)
 *     child  -> parent  SYNC_HOOK_SAID   at any time: value = the stream, text = what a hook wrote to it
 *     child  -> parent  SYNC_FAILED      at any time: value = negative errno, text = the error
 *   exec: SYNC_ATTACHED and SYNC_CHILD likewise, SYNC_CONSOLE, SYNC_SECCOMP, SYNC_FAILED, then end of file.
 */

#include <stddef.h>
#include <sys/types.h>

struct error;

enum sync_kind {
	SYNC_ATTACHED = 1,
	SYNC_CHILD,
	SYNC_ID_MAPS,
	SYNC_WANT_HOOKS,
	SYNC_HOOKS_DONE,
	SYNC_CONSOLE,
	SYNC_SECCOMP,
	SYNC_READY,
	SYNC_START,
	SYNC_HOOK_SAID,
	SYNC_FAILED,
};

struct sync_message {
	enum sync_kind kind;
	int value;
	int fd;		  /* received: owned by the receiver; -1 when none came */
	pid_t sender;	  /* received: pid of the sender as the receiver sees it (SO_PASSCRED) */
	const char *text; /* only for sending */
};

/* A pair: [0] for the parent, which learns the sender's pid with each message, [1] for the child. */
int sync_pair(int ret_fds[2], struct error *err);

/* @fd -1: no descriptor goes along. */
int sync_send(int socket_fd, enum sync_kind kind, int value, int fd, struct error *err);
/* SYNC_HOOK_SAID, in as many messages as it takes. Errors are ignored. */
void sync_send_text(int socket_fd, enum sync_kind kind, int value, const char *text, size_t len);
/* The last message of a process that fails. Errors are ignored: there is nobody else to tell. */
void sync_send_failure(int socket_fd, const struct error *failure);

enum { SYNC_END = 0, SYNC_MESSAGE = 1 };

/*
 * SYNC_MESSAGE, SYNC_END at end of file, or a negative errno. A SYNC_FAILED is not a message for the
 * caller: it becomes the error; nor is a SYNC_HOOK_SAID, which goes to the files for what hooks say.
 */
int sync_receive(int socket_fd, struct sync_message *ret, struct error *err);
/* The next message has to be @kind. A peer that is gone is an error. */
int sync_expect(int socket_fd, enum sync_kind kind, struct sync_message *ret, struct error *err);

/*
 * Runs @act in a copy of this process (fork(2); it has the same descriptors) and waits for its end. Its failure is the error, and
 * so is an end without a word. @what completes "start a process for ...". @act may do the same again.
 */
int sync_run(int (*act)(void *data, struct error *err), void *data, const char *what, struct error *err);
