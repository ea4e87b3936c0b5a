/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The conversation between a command (parent) and the process that it makes (child), over one SOCK_SEQPACKET
 * pair with one type of message. The child's end is close-on-exec. End of file only means that no process
 * holds that end any more; after SYNC_EXECUTE it means that the child executed its program or died.
 *
 *   create, run:
 *     parent -> stage   SYNC_ATTACHED    systemd has moved the stage into the container's cgroup
 *                                        (only an ordinary user who may not clone into it)
 *     child  -> parent  SYNC_CHILD       the child's pid is the sender's (only if a stage made it)
 *     parent -> child   SYNC_ID_MAPS     limits are set, and uid_map and gid_map if it is new (only
 *                                        with a user namespace)
 *     parent -> child   SYNC_NETWORK     fd = the network namespace (only with ns_plan.network_later); the
 *                                        child takes it when it needs it, and before it waits for an answer
 *     child  -> parent  SYNC_WANT_TREE   mount number VALUE has to be copied in another way,
 *                                        mount_setup_copy_again() (rare)
 *     parent -> child   SYNC_TREE        fd = the copy
 *     child  -> parent  SYNC_WANT_HOOKS  the mounts are made, the old root is still visible (only with hooks)
 *     parent -> child   SYNC_HOOKS_DONE  prestart and createRuntime hooks ran; fd = the state for the child's
 *     child  -> parent  SYNC_CONSOLE     fd = pty master (only with a terminal)
 *     child  -> parent  SYNC_SECCOMP     fd = listener of a filter with an agent; the child waits for the
 *                                        agent, struct seccomp_handover
 *     child  -> parent  SYNC_READY       all steps are done
 *     parent -> child   SYNC_START       go on (only `run`; after `create` the gate of start.h says so)
 *     child  -> parent  SYNC_FRONT       fd = a memfd by whose seals the process in front of km tells whether
 *                                        km had executed when it ended (monitor/pid1.h)
 *     child  -> parent  SYNC_EXECUTE     filter and execve(2) are next; fd = memory for the reason of a
 *                                        failure, if the filter refuses sendmsg(2)
 *     child  -> parent  SYNC_FAILED      at any time: VALUE = negative errno, text = the error
 *   exec: SYNC_ATTACHED, SYNC_CHILD, SYNC_CONSOLE, SYNC_SECCOMP, SYNC_EXECUTE and SYNC_FAILED likewise.
 *   start, of a container that create parked at the gate: SYNC_FRONT, SYNC_EXECUTE and SYNC_FAILED, over the
 *     pair that came through the gate.
 *   Any child at any time: SYNC_LOG and SYNC_STEP (records of krun's log, slices of its trace) and
 *     SYNC_HOOK_SAID (output of a hook; VALUE = 1 or 2, the stream), for the child has no descriptors of the
 *     host's files.
 */

#include <stdbool.h>
#include <stdint.h>
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
	SYNC_FRONT,
	SYNC_NETWORK,
};

struct sync_message {
	enum sync_kind kind;
	int value;
	int fd;		  /* owned by the receiver; -1: none came */
	pid_t sender;	  /* the sender's pid in the receiver's pid namespace (SO_PASSCRED) */
	const char *text; /* unused: NULL */
};

/*
 * Makes a close-on-exec pair: [0] for the parent, which learns the sender's pid with each message, [1] for
 * the child.
 */
int sync_pair(int ret_fds[2], struct error *err);
/*
 * The parent waits for each message for 120 s at most, because its child may be stopped, or frozen, or wait
 * for a file system that the container serves; -ETIMEDOUT then, and the caller kills the child. @seconds are
 * added to that for hooks that the child runs. The child waits for its parent as long as that lives.
 */
void sync_allow(int socket_fd, int64_t seconds);

/*
 * @fd: a descriptor to send along, which stays the caller's; -1: none. When the other process has ended and
 * said why, that is the error.
 */
int sync_send(int socket_fd, enum sync_kind kind, int value, int fd, struct error *err);
/*
 * Sends the output of a hook on @stream, in as many messages as needed; @socket_fd negative: drops it.
 * Errors are ignored: if the parent is gone, nobody wants the output.
 */
void sync_send_hook_said(int socket_fd, int stream, const char *text, size_t len);
/*
 * From here on this process's log goes to the other end of *socket_fd, which is read for each record; while
 * it is negative, records are dropped.
 */
void sync_relay_log(const int *socket_fd);
/* Sends the last message of a process that fails. Errors are ignored: there is nobody else to tell. */
void sync_send_failure(int socket_fd, const struct error *failure);

enum { SYNC_END = 0, SYNC_MESSAGE = 1 };

/*
 * Returns SYNC_MESSAGE, SYNC_END at end of file, or a negative errno. SYNC_FAILED is not returned as a
 * message but as its error; records of the log and output of hooks are written where they belong and not
 * returned.
 */
int sync_receive(int socket_fd, struct sync_message *ret, struct error *err);
/*
 * Receives a message that has to be of @kind: -EPROTO for another, -EPIPE at end of file. @ret NULL: the
 * message has nothing of interest.
 */
int sync_expect(int socket_fd, enum sync_kind kind, struct sync_message *ret, struct error *err);

/*
 * Waits until the child has executed its program. SYNC_MESSAGE: it said SYNC_EXECUTE before the socket ended;
 * SYNC_END: it did not, and only /proc tells whether it has executed; or the error of its execve(2). @said:
 * the SYNC_EXECUTE that was received before, whose descriptor is closed; or NULL. *ret_front_fd: the memfd of
 * SYNC_FRONT, which the caller closes, or -1; @ret_front_fd may be NULL.
 */
int sync_expect_execution(int socket_fd, const struct sync_message *said, int *ret_front_fd,
			  struct error *err);

/*
 * Runs @act in a child, a copy of this process, and waits for its end. A failure of @act is the error;
 * -ESRCH: the child ended without one (killed?); -ETIMEDOUT: it did not within 120 s, or half of that for a
 * call of this function by @act, and was killed. The child is not dumpable, nor is this process afterwards;
 * it closes all descriptors but 0 to 2 and those of @keep, which is released once the child runs. @what
 * completes "start a process for ...". @act may call this function itself.
 */
struct fd_list;
int sync_run(int (*act)(void *data, struct error *err), void *data, struct fd_list *keep, const char *what,
	     struct error *err);
