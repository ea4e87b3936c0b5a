/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The conversation with CRIU: it gets one end of a socket, reads the request from it, and sends
 * notifications, each of which waits for an answer, and finally its own answer. CRIU opens the fds that a
 * request names through /proc/PID/fd of the process that made the socket. Therefore CRIU's own process makes
 * it, before execve(2), and all fds are of CRIU's mount namespace. Its stdout and stderr are a memfd, because
 * errors before it opens its log are only printed there.
 */

#include "criu/call.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "criu/log.h"
#include "syscall/process.h"
#include "syscall/socket.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/interrupt.h"
#include "util/io.h"
#include "util/log.h"
#include "util/path.h"
#include "util/trace.h"

/*
 * CRIU may write memory for long without a word. A dump with lazy pages, which waits for the other host, has
 * no limit.
 */
enum { SILENCE_MS = 300000 };
enum { ANSWER_MAX = 64 * 1024, SAID_MAX = 64 * 1024, EXCERPT_MAX = 1024 };

struct process {
	pid_t pid;
	int socket_fd;
	int early_fd;	      /* the child sends the caller's end of the socket, or an error */
	int said_fd;	      /* memfd with CRIU's stdout and stderr */
	struct timespec used; /* of the processor, when has_worked() looked last */
};

/* ---- the child ----------------------------------------------------------------------------- */

/* Copies every fd above all requested numbers first, so that none is overwritten before it has moved. */
static int arrange_descriptors(const struct criu_call *call, int socket_fd, int said_fd, struct error *err)
{
	int parked[CRIU_INHERITED_MAX], null_fd = open("/dev/null", O_RDWR | O_CLOEXEC), above = 3;
	int r = null_fd < 0 || call->passed_len > CRIU_INHERITED_MAX ? -1 : 0;

	for (size_t i = 0; i < call->passed_len; i++)
		above = call->passed[i].number >= above ? call->passed[i].number + 1 : above;
	for (size_t i = 0; r >= 0 && i < call->passed_len; i++)
		r = parked[i] = fcntl(call->passed[i].fd, F_DUPFD_CLOEXEC, above);
	if (r >= 0 && (dup2(null_fd, 0) < 0 || dup2(said_fd, 1) < 0 || dup2(said_fd, 2) < 0))
		r = -1;
	if (r >= 0)
		r = socket_fd = fcntl(socket_fd, F_DUPFD, above);
	for (size_t i = 0; r >= 0 && i < call->passed_len; i++)
		r = dup2(parked[i], call->passed[i].number);
	return r < 0 ? error_sys(err, -errno, "arrange CRIU's descriptors") : socket_fd;
}

/* Returns CRIU's end of the socket and sends the other one to the caller. */
static int make_socket(int early_fd, struct error *err)
{
	auto_close int ours = -1;
	int sockets[2];
	int r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return error_sys(err, -errno, "make a socket for CRIU");
	ours = sockets[0];
	r = socket_send_fd(early_fd, "socket", 6, ours, err);
	return r < 0 ? r : sockets[1];
}

static int execute(const struct criu_call *call, int early_fd, int said_fd, pid_t parent, struct error *err)
{
	char number[16];
	char *argv[] = { (char *)(uintptr_t)call->program, (char *)(uintptr_t) "swrk", number, NULL };
	int r = 0;

	sys_reset_signals();
	if (call->own_session)
		setsid();
	if (call->ends_with_us)
		sys_die_with_parent(parent);
	/* CRIU executes ip, iptables and others. */
	if (!getenv("PATH"))
		setenv("PATH", PATH_DEFAULT, 1);
	if (call->prepare)
		r = call->prepare(call->data, err);
	if (r == 0)
		r = make_socket(early_fd, err);
	if (r >= 0)
		r = arrange_descriptors(call, r, said_fd, err);
	if (r < 0)
		return r;
	snprintf(number, sizeof(number), "%d", r);
	sys_restore_files();
	execv(call->program, argv);
	return error_sys(err, -errno, "execute CRIU '%s'", call->program);
}

/* ---- the caller ---------------------------------------------------------------------------- */

static int start(const struct criu_call *call, struct process *process, struct error *err)
{
	auto_close int theirs = -1;
	int sockets[2];

	process->said_fd = sys_memfd_create("criu", 0);
	if (process->said_fd < 0)
		return error_sys(err, process->said_fd, "make a file for CRIU's output");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return error_sys(err, -errno, "make a socket for CRIU");
	process->early_fd = sockets[0];
	io_limit_socket(process->early_fd, SILENCE_MS);
	theirs = sockets[1];
	const pid_t self = getpid();

	process->pid = sys_clone3(0, SIGCHLD, call->cgroup_fd);
	if (process->pid < 0)
		return error_sys(err, process->pid, "start a process for CRIU");
	if (process->pid == 0) {
		execute(call, theirs, process->said_fd, self, err);
		(void)!send(theirs, err, sizeof(*err), MSG_NOSIGNAL);
		_exit(1);
	}
	return 0;
}

/*
 * Receives a message; *ret_fd is the fd that came with it, or -1. Returns its length, 0 at end of file, or a
 * negative errno.
 */
static ssize_t receive_message(int fd, void *data, size_t size, int *ret_fd)
{
	struct iovec part = { data, size };
	union socket_control control;
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control.space),
	};
	ssize_t n;

	*ret_fd = -1;
	while ((n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR)
		;
	if (n < 0)
		return -errno;
	*ret_fd = socket_take_fd(&message);
	return n;
}

/*
 * Waits until execve(2) closes the child's end of early_fd. Until then come the caller's end of CRIU's
 * socket, or an error.
 */
static int wait_for_execve(struct process *process, bool lazy, struct error *err)
{
	struct error message;
	ssize_t n;
	int fd;

	while ((n = receive_message(process->early_fd, &message, sizeof(message), &fd)) > 0) {
		if (fd >= 0) {
			cleanup_close(&process->socket_fd);
			process->socket_fd = fd;
			if (!lazy)
				io_limit_socket(fd, SILENCE_MS);
		} else if (n == (ssize_t)sizeof(message)) {
			*err = message;
			return message.code;
		}
	}
	if (n == -EAGAIN)
		return error_set(err, -ETIMEDOUT, "CRIU was not executed within %d s", SILENCE_MS / 1000);
	return process->socket_fd >= 0 ? 0 : error_set(err, -ECHILD, "the process for CRIU ended early");
}

/* Whether CRIU has used the processor since this was asked last. It is silent while it writes memory. */
static bool has_worked(struct process *process)
{
	const struct timespec before = process->used;
	clockid_t clock;

	if (clock_getcpuclockid(process->pid, &clock) != 0 || clock_gettime(clock, &process->used) < 0)
		return false;
	return process->used.tv_sec != before.tv_sec || process->used.tv_nsec != before.tv_nsec;
}

static int receive(struct process *process, struct criu_answer *ret, int *ret_fd, struct error *err)
{
	static char data[ANSWER_MAX];
	const unsigned long long began = trace_clock();
	ssize_t n;

	do
		n = receive_message(process->socket_fd, data, sizeof(data), ret_fd);
	while (n == -EAGAIN && has_worked(process));
	if (n == -EAGAIN)
		return error_set(err, -ETIMEDOUT, "CRIU has said and done nothing for %d s",
				 SILENCE_MS / 1000);
	if (n <= 0)
		return error_set(err, -ECHILD, "CRIU ended without an answer");
	if (criu_answer_read(data, (size_t)n, ret) < 0)
		return error_set(err, -EPROTO, "CRIU sent an invalid answer");
	trace_note("for", "criu");
	trace_note("stage", *ret->script ? ret->script : NULL);
	log_wait_done("wait", began);
	return 0;
}

static int send_message(int fd, struct message *message, struct error *err)
{
	ssize_t n = send(fd, message->data, message->len, MSG_NOSIGNAL);

	if (n == (ssize_t)message->len)
		return 0;
	return error_sys(err, n < 0 ? -errno : -EIO, "send a request to CRIU");
}

static int answer_notification(const struct criu_call *call, int socket_fd, const struct criu_answer *stage,
			       int fd, struct error *err)
{
	struct message message;
	struct error later;
	int r = call->notify ? call->notify(call->data, stage, fd, err) : 0, sent;

	if (!call->notify && fd >= 0)
		close(fd);
	sent = criu_notify_write(r == 0, &message);
	if (sent < 0)
		return error_oom(err);
	sent = send_message(socket_fd, &message, r < 0 ? &later : err);
	message_done(&message);
	return r < 0 ? r : sent;
}

/*
 * A failed notification is the error of the call, but the conversation goes on to CRIU's end, because CRIU
 * undoes its work.
 */
static int converse(const struct criu_call *call, struct process *process, struct criu_answer *ret,
		    bool *ret_own, bool *ret_stuck, struct error *err)
{
	struct message message;
	struct error ignored;
	int r = criu_request_write(call->type, call->options, &message), failed = 0;

	if (r < 0)
		return error_oom(err);
	r = send_message(process->socket_fd, &message, err);
	message_done(&message);
	while (r == 0) {
		int fd;

		r = receive(process, ret, &fd, failed ? &ignored : err);
		if (r < 0)
			break;
		if (ret->type != CRIU_NOTIFY) {
			if (fd >= 0)
				close(fd);
			break;
		}
		r = answer_notification(call, process->socket_fd, ret, fd, failed ? &ignored : err);
		if (r < 0 && call->notify) {
			failed = r;
			r = 0;
		}
	}
	*ret_own = failed;
	*ret_stuck = r == -ETIMEDOUT;
	return failed ? failed : r;
}

/* The error is taken from CRIU's log, or else from the text of its answer, or else from its output. */
static int explain(const struct criu_call *call, int said_fd, const struct criu_answer *answer, int r,
		   struct error *err)
{
	char text[EXCERPT_MAX] = "";
	auto_free char *said = NULL;
	size_t size;

	if (call->options && call->options->log_file)
		criu_log_excerpt(call->log_dir_fd, call->options->log_file, text, sizeof(text));
	if (!text[0] && answer->reason[0])
		snprintf(text, sizeof(text), "%s", answer->reason);
	if (!text[0] && lseek(said_fd, 0, SEEK_SET) == 0 && io_read_all(said_fd, SAID_MAX, &said, &size) == 0)
		criu_log_excerpt_text(said, text, sizeof(text));
	if (text[0])
		return error_set(err, r, "CRIU: %s", text);
	if (answer->code > 0)
		return error_sys(err, -answer->code, "CRIU failed");
	return error_set(err, r, "CRIU failed without saying why");
}

/* CRIU ends when its socket does, but not one that is stuck. */
static void end(struct process *process, bool stuck)
{
	cleanup_close(&process->socket_fd);
	cleanup_close(&process->early_fd);
	if (process->pid <= 0)
		return;
	if (stuck)
		sys_kill_and_wait(process->pid);
	else
		sys_wait(process->pid, NULL, 0);
	interrupt_watch(INTERRUPT_CHILD, 0);
}

static const char *type_name(enum criu_type type)
{
	switch (type) {
	case CRIU_DUMP:
		return "dump";
	case CRIU_PRE_DUMP:
		return "pre-dump";
	case CRIU_RESTORE:
		return "restore";
	case CRIU_NOTIFY:
	case CRIU_FEATURE_CHECK:
	case CRIU_VERSION:
	default:
		return "question";
	}
}

int criu_do(const struct criu_call *call, struct criu_answer *ret, struct error *err)
{
	struct process process = { .socket_fd = -1, .early_fd = -1, .said_fd = -1 };
	bool own = true, stuck = false;
	const unsigned long long began = trace_clock();
	int r = start(call, &process, err);

	*ret = (struct criu_answer){ 0 };
	trace_made(process.pid, began, "criu");
	if (r == 0) {
		if (call->ends_with_us)
			interrupt_watch(INTERRUPT_CHILD, process.pid);
		r = wait_for_execve(&process, call->options && call->options->lazy_pages, err);
		stuck = r == -ETIMEDOUT;
	}
	if (r == 0)
		r = converse(call, &process, ret, &own, &stuck, err);
	trace_note("error", r < 0 ? err->text : NULL);
	trace_program(process.pid, "criu", type_name(call->type), began);
	end(&process, stuck);
	/* An error of krun's own part has its text already. */
	if (!own && (r == -ECHILD || (r == 0 && !ret->success)))
		r = explain(call, process.said_fd, ret, -EIO, err);
	cleanup_close(&process.said_fd);
	return r;
}
