/* SPDX-License-Identifier: Apache-2.0 */
#include "init/sync.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hooks/hooks.h"
#include "syscall/process.h"
#include "util/cleanup.h"
#include "util/error.h"

struct wire {
	int kind;
	int value;
	char text[ERROR_TEXT_MAX];
};

static const size_t WIRE_HEAD = offsetof(struct wire, text);

static const char *const names[] = {
	[SYNC_ATTACHED] = "attached",	  [SYNC_CHILD] = "child",	    [SYNC_ID_MAPS] = "id maps",
	[SYNC_WANT_HOOKS] = "want hooks", [SYNC_HOOKS_DONE] = "hooks done", [SYNC_CONSOLE] = "console",
	[SYNC_SECCOMP] = "seccomp",	  [SYNC_READY] = "ready",	    [SYNC_START] = "start",
	[SYNC_HOOK_SAID] = "hook said",	  [SYNC_FAILED] = "failed",
};

static const char *kind_name(int kind)
{
	return kind >= SYNC_ATTACHED && kind <= SYNC_FAILED ? names[kind] : "unknown";
}

int sync_pair(int ret_fds[2], struct error *err)
{
	const int on = 1;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_fds) < 0)
		return error_sys(err, -errno, "make the sync socket");
	if (setsockopt(ret_fds[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0) {
		int r = error_sys(err, -errno, "set up the sync socket");

		cleanup_close(&ret_fds[0]);
		cleanup_close(&ret_fds[1]);
		return r;
	}
	return 0;
}

static ssize_t send_wire(int socket_fd, struct wire *wire, size_t size, int fd)
{
	struct iovec iov = { .iov_base = wire, .iov_len = size };
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (fd >= 0) {
		struct cmsghdr *header;

		message.msg_control = &control;
		message.msg_controllen = sizeof(control.space);
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	}
	do
		n = sendmsg(socket_fd, &message, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n;
}

int sync_send(int socket_fd, enum sync_kind kind, int value, int fd, struct error *err)
{
	struct wire wire;

	wire.kind = (int)kind;
	wire.value = value;
	if (send_wire(socket_fd, &wire, WIRE_HEAD, fd) < 0)
		return error_sys(err, -errno, "send sync message '%s'", kind_name(kind));
	return 0;
}

void sync_send_failure(int socket_fd, const struct error *failure)
{
	struct wire wire;
	size_t len = strlen(failure->text);

	wire.kind = SYNC_FAILED;
	wire.value = failure->code;
	memcpy(wire.text, failure->text, len + 1);
	send_wire(socket_fd, &wire, WIRE_HEAD + len + 1, -1);
}

void sync_send_text(int socket_fd, enum sync_kind kind, int value, const char *text, size_t len)
{
	struct wire wire;

	wire.kind = (int)kind;
	wire.value = value;
	for (size_t part; len > 0; text += part, len -= part) {
		part = len < sizeof(wire.text) ? len : sizeof(wire.text);
		memcpy(wire.text, text, part);
		if (send_wire(socket_fd, &wire, WIRE_HEAD + part, -1) < 0)
			return;
	}
}

static void take_control(struct msghdr *message, struct sync_message *got)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == SCM_RIGHTS)
			memcpy(&got->fd, CMSG_DATA(c), sizeof(got->fd));
		if (c->cmsg_type == SCM_CREDENTIALS) {
			struct ucred credentials;

			memcpy(&credentials, CMSG_DATA(c), sizeof(credentials));
			got->sender = credentials.pid;
		}
	}
}

/* One message of any kind: SYNC_MESSAGE with the length of its text, or as sync_receive(). */
/* One message of any kind: SYNC_MESSAGE with the length of its text, or as sync_receive(). */
static int receive_one(int socket_fd, struct wire *ret_wire, size_t *ret_len, struct sync_message *ret,
		       struct error *err)
{
	struct iovec iov = { .iov_base = ret_wire, .iov_len = sizeof(*ret_wire) };
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control.space),
	};
	ssize_t n;

	*ret = (struct sync_message){ .fd = -1 };
	do
		n = recvmsg(socket_fd, &message, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n == 0 || (n < 0 && errno == ECONNRESET))
		return SYNC_END;
	if (n < 0)
		return error_sys(err, -errno, "receive a sync message");
	take_control(&message, ret);
	if ((size_t)n < WIRE_HEAD) {
		cleanup_close(&ret->fd);
		return error_set(err, -EPROTO, "short sync message");
	}
	*ret_len = (size_t)n - WIRE_HEAD;
	return SYNC_MESSAGE;
}

int sync_receive(int socket_fd, struct sync_message *ret, struct error *err)
{
	struct sync_message got;
	struct wire wire;
	size_t len = 0;
	int r;

	while ((r = receive_one(socket_fd, &wire, &len, &got, err)) == SYNC_MESSAGE &&
	       wire.kind == SYNC_HOOK_SAID) {
		cleanup_close(&got.fd);
		hooks_output_write(wire.value, wire.text, len);
	}
	if (r != SYNC_MESSAGE)
		return r;
	if (wire.kind == SYNC_FAILED) {
		cleanup_close(&got.fd);
		wire.text[len < sizeof(wire.text) ? len : sizeof(wire.text) - 1] = '\0';
		return error_set(err, wire.value < 0 ? wire.value : -EPROTO, "%s", wire.text);
	}
	got.kind = (enum sync_kind)wire.kind;
	got.value = wire.value;
	*ret = got;
	return SYNC_MESSAGE;
}

int sync_expect(int socket_fd, enum sync_kind kind, struct sync_message *ret, struct error *err)
{
	struct sync_message got;
	int r = sync_receive(socket_fd, &got, err);

	if (r < 0)
		return r;
	if (r == SYNC_END)
		return error_set(err, -EPIPE, "the other process ended before sync message '%s'",
				 kind_name(kind));
	if (got.kind != kind) {
		cleanup_close(&got.fd);
		return error_set(err, -EPROTO, "sync message '%s' came, '%s' was expected",
				 kind_name(got.kind), kind_name(kind));
	}
	if (ret)
		*ret = got;
	else
		cleanup_close(&got.fd);
	return 0;
}

static _Noreturn void run_child(int (*act)(void *data, struct error *err), void *data, int sync_fd)
{
	struct error err = { 0 };
	int r = act(data, &err);

	if (r < 0)
		sync_send_failure(sync_fd, &err);
	_exit(r < 0);
}

int sync_run(int (*act)(void *data, struct error *err), void *data, const char *what, struct error *err)
{
	auto_close int parent_fd = -1, child_fd = -1;
	int fds[2], status = 0, r;
	pid_t pid;

	r = sync_pair(fds, err);
	if (r < 0)
		return r;
	parent_fd = fds[0];
	child_fd = fds[1];
	pid = sys_clone3(0, SIGCHLD, -1);
	if (pid < 0)
		return error_sys(err, pid, "start a process for %s", what);
	if (pid == 0) {
		cleanup_close(&parent_fd);
		run_child(act, data, child_fd);
	}
	cleanup_close(&child_fd);
	r = sync_receive(parent_fd, &(struct sync_message){ 0 }, err);
	sys_wait(pid, &status, 0);
	if (r < 0)
		return r;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return error_set(err, -ESRCH, "the process for %s ended without a word (killed?)", what);
	return 0;
}
