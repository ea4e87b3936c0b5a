/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The whole conversation between a command (parent) and the process it makes (child): one SOCK_SEQPACKET pair, one message
 * type. The child's end is close-on-exec; end of file means no more than that nobody holds it, SYNC_EXECUTE in front of it that
 * the child was about to execute its program.
 *
 *   create, run:
 *     parent -> stage   SYNC_ATTACHED    systemd has moved it into the container's cgroup      (rootless, if needed)
 *     child  -> parent  SYNC_CHILD       its pid is the sender's                  (if an intermediate process made it)
 *     parent -> child   SYNC_ID_MAPS     uid_map and gid_map are written          (new user namespace only)
 *     child  -> parent  SYNC_WANT_TREE   the value-th mount has to be copied in another way, mount_setup_copy_again()  (seldom)
 *     parent -> child   SYNC_TREE        fd = the copy
 *     child  -> parent  SYNC_WANT_HOOKS  mounts are done, the old root still visible        (with hooks only)
 *     parent -> child   SYNC_HOOKS_DONE  prestart and createRuntime ran; fd = the state for the child's hooks
 *     child  -> parent  SYNC_CONSOLE     fd = pty master                                     (terminal only)
 *     child  -> parent  SYNC_SECCOMP     fd = the listener of a filter that notifies; the child waits for the agent, seccomp_handover
 *     child  -> parent  SYNC_READY       nothing can fail any more but the final execve
 *     parent -> child   SYNC_START       `run` only: go on (after `create` the gate of start.h says it)
 *     child  -> parent  SYNC_EXECUTE     the filter and the execve are next; fd = where it leaves its last words, when a filter is
 *     child  -> parent  SYNC_FAILED      at any time: value = negative errno, text = the error
 *   exec: SYNC_ATTACHED and SYNC_CHILD likewise, SYNC_CONSOLE, SYNC_SECCOMP, SYNC_EXECUTE, SYNC_FAILED.
 *   `start` of a container that `create` parked: SYNC_EXECUTE, SYNC_FAILED over the pair that came through the gate.
 *   Any child at any time: SYNC_LOG, SYNC_STEP, and SYNC_HOOK_SAID (value = 1 or 2, the stream): what it has no descriptor of
 *   the host for.
 */

#include <stdbool.h>
#include <sys/types.h>

struct error;

enum sync_kind {
	SYNC_ATTACHED = 1,
	SYNC_CHILD,
	SYNC_ID_MAPS,
	SYNC_WANT_TREE,
	SYNC_TREE,
	SYNC_WANT_HOOKS,
	SYNC_HOOKS_DONE,
	SYNC_CONSOLE,
	SYNC_SECCOMP,
	SYNC_READY,
	SYNC_START,
	SYNC_EXECUTE,
	SYNC_FAILED,
	SYNC_LOG,
	SYNC_STEP,
	SYNC_HOOK_SAID,
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
/* What a hook said on @stream, in as many messages as it takes. Errors are ignored: nobody listens any more. */
void sync_send_hook_said(int socket_fd, int stream, const char *text, size_t len);
/*
 * Hands what this process logs from here on to the other side of *@socket_fd (read each time; negative: nobody is there, and it is
 * dropped).
 */
void sync_relay_log(const int *socket_fd);
/* The last message of a process that fails. Errors are ignored: there is nobody else to tell. */
void sync_send_failure(int socket_fd, const struct error *failure);

enum { SYNC_END = 0, SYNC_MESSAGE = 1 };

/*
 * SYNC_MESSAGE, SYNC_END at end of file, or a negative errno. A SYNC_FAILED is not a message for the
 * caller: it becomes the error; what the child logs, and what its hooks say, goes where it belongs and is not returned.
 */
int sync_receive(int socket_fd, struct sync_message *ret, struct error *err);
/* The next message has to be @kind. A peer that is gone is an error. */
int sync_expect(int socket_fd, enum sync_kind kind, struct sync_message *ret, struct error *err);

/*
 * Until the child executes its program: SYNC_MESSAGE when it said that it does, SYNC_END when the socket ended without that word, in
 * which case only a look at the process tells whether it did, or its error. @said: the SYNC_EXECUTE that has come already, with its
 * descriptor (used up); or NULL.
 */
int sync_expect_execution(int socket_fd, const struct sync_message *said, struct error *err);

/*
 * Runs @act in a copy of this process (fork(2); it has the same descriptors) and waits for its end. Its failure is the error, and
 * so is an end without a word. The copy is not dumpable, and closes everything but fds 0 to 2 and @keep (used up). @what completes "start a process for ...". @act may do the same again.
 */
struct fd_list;
int sync_run(int (*act)(void *data, struct error *err), void *data, struct fd_list *keep, const char *what,
	     struct error *err);
