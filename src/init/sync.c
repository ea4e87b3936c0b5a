/* SPDX-License-Identifier: Apache-2.0 */
#include "init/sync.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hooks/hooks.h"
#include "syscall/process.h"
#include "syscall/socket.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"
#include "util/log.h"
#include "util/title.h"
#include "util/trace.h"

struct wire {
	int kind;
	int value;
	char text[ERROR_TEXT_MAX + 16]; /* an error and a number; the receiver adds a NUL */
};

/*
 * How many records one message may have in front of it: whoever traces a process in a container could have it
 * send them for ever, which is no silence.
 */
enum { RECORDS_MAX = 200000 };

enum { END_PATIENCE_MS = 20, ERRNO_MAX = 4095, SILENCE_MS = 120000 };

/* SYNC_STEP: how many words it has at most, and the flags of its value. */
enum { STEP_WORDS = 4 + 2 * TRACE_NOTES_MAX, STEP_IS_PART = 1, STEP_WAITS = 2 };

/* A child that waits for one of its own gives up before its parent does. */
static int silence_ms = SILENCE_MS;

static const size_t WIRE_HEAD = offsetof(struct wire, text);

static const char *const names[] = {
	[SYNC_ATTACHED] = "attached",	  [SYNC_CHILD] = "child",     [SYNC_ID_MAPS] = "id maps",
	[SYNC_WANT_TREE] = "want tree",	  [SYNC_TREE] = "tree",	      [SYNC_WANT_HOOKS] = "want hooks",
	[SYNC_HOOKS_DONE] = "hooks done", [SYNC_CONSOLE] = "console", [SYNC_SECCOMP] = "seccomp",
	[SYNC_READY] = "ready",		  [SYNC_START] = "start",     [SYNC_EXECUTE] = "execute",
	[SYNC_FAILED] = "failed",	  [SYNC_LOG] = "log",	      [SYNC_STEP] = "step",
	[SYNC_HOOK_SAID] = "hook said",	  [SYNC_FRONT] = "front",     [SYNC_NETWORK] = "network",
};

static const char *kind_name(int kind)
{
	return kind >= SYNC_ATTACHED && kind <= SYNC_NETWORK ? names[kind] : "unknown";
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
	io_limit_socket(ret_fds[0], silence_ms);
	return 0;
}

void sync_allow(int socket_fd, int64_t seconds)
{
	const int64_t all = silence_ms + seconds * 1000;

	io_limit_socket(socket_fd, all < INT_MAX ? (int)all : INT_MAX);
}

static ssize_t send_wire(int socket_fd, struct wire *wire, size_t size, int fd)
{
	struct iovec iov = { .iov_base = wire, .iov_len = size };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	union socket_control control;
	ssize_t n;

	if (fd >= 0)
		socket_attach_fd(&message, &control, fd);
	do
		n = sendmsg(socket_fd, &message, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n;
}

void sync_send_hook_said(int socket_fd, int stream, const char *text, size_t len)
{
	struct wire wire = { .kind = SYNC_HOOK_SAID, .value = stream };

	for (size_t part; socket_fd >= 0 && len > 0; text += part, len -= part) {
		part = len < ERROR_TEXT_MAX ? len : ERROR_TEXT_MAX;
		memcpy(wire.text, text, part);
		if (send_wire(socket_fd, &wire, WIRE_HEAD + part, -1) < 0)
			return;
	}
}

/* Writes @words one after the other, each with its NUL; cuts those that do not fit. */
static size_t put_words(char *out, size_t size, const char *const *words, size_t len)
{
	size_t used = 0;

	for (size_t i = 0; i < len; i++) {
		/* Leaves room for the NULs of the rest. */
		const size_t most = size - used - (len - i), have = strlen(words[i]);
		const size_t n = have < most ? have : most;

		memcpy(out + used, words[i], n);
		out[used + n] = '\0';
		used += n + 1;
	}
	return used;
}

static void send_words(int socket_fd, enum sync_kind kind, int value, const char *const *words, size_t len)
{
	struct wire wire = { .kind = (int)kind, .value = value };

	if (socket_fd >= 0)
		send_wire(socket_fd, &wire, WIRE_HEAD + put_words(wire.text, sizeof(wire.text), words, len),
			  -1);
}

static void relay_record(void *data, enum log_level level, const char *role, const char *step,
			 const char *text)
{
	const char *words[] = { role, step, text };

	send_words(*(const int *)data, SYNC_LOG, (int)level, words, 3);
}

/* Words: role, name, start, end, and a key and a value for each note. The value has the flags. */
static void relay_step(void *data, const struct trace_slice *slice)
{
	char begin[24], finish[24];
	const char *words[STEP_WORDS] = { slice->role, slice->name, begin, finish };
	size_t len = 4;

	snprintf(begin, sizeof(begin), "%llu", slice->start);
	snprintf(finish, sizeof(finish), "%llu", slice->end);
	for (size_t i = 0; i < slice->notes_len; i++) {
		words[len++] = slice->notes[i].key;
		words[len++] = slice->notes[i].value;
	}
	send_words(*(const int *)data, SYNC_STEP,
		   (slice->is_part ? STEP_IS_PART : 0) | (slice->waits ? STEP_WAITS : 0), words, len);
}

void sync_relay_log(const int *socket_fd)
{
	static struct log_relay relay = { .record = relay_record, .step = relay_step };

	relay.data = (void *)(uintptr_t)socket_fd;
	log_relay(&relay);
}

static void step_of_child(const struct wire *wire, const char *const *words, size_t len, pid_t sender)
{
	struct trace_slice slice = {
		.pid = sender,
		.role = words[0],
		.name = words[1],
		.start = strtoull(words[2], NULL, 10),
		.end = strtoull(words[3], NULL, 10),
		.is_part = wire->value & STEP_IS_PART,
		.waits = wire->value & STEP_WAITS,
	};

	for (size_t i = 4; i + 1 < len; i += 2)
		slice.notes[slice.notes_len++] = (struct trace_note){ words[i], words[i + 1] };
	log_relayed_step(&slice);
}

/* Logs a record or step of the child under its pid. The wire's text ends with a NUL. */
static void log_for_child(const struct wire *wire, size_t size, pid_t sender)
{
	const char *words[STEP_WORDS] = { "", "", "", "" }, *at = wire->text, *end = wire->text + size;
	size_t len = 0;

	for (; len < STEP_WORDS && at < end; len++, at += strlen(at) + 1)
		words[len] = at;
	if (wire->kind == SYNC_STEP)
		step_of_child(wire, words, len, sender);
	else if (wire->value >= LOG_LEVEL_ERROR && wire->value <= LOG_LEVEL_DEBUG)
		log_relayed_record(sender, (enum log_level)wire->value, words[0], words[1], words[2]);
}

/* Two words: the text, and the length of the pointer that it begins with. */
void sync_send_failure(int socket_fd, const struct error *failure)
{
	char number[16];
	const char *words[] = { failure->text, number };

	snprintf(number, sizeof(number), "%d", failure->pointer_len);
	send_words(socket_fd, SYNC_FAILED, failure->code, words, ARRAY_LEN(words));
}

/*
 * The sender may be a container's: its JSON pointer is checked, and taken as text if it is none; a number
 * that is no errno is not passed on, and an error always has a text.
 */
static int take_failure(int code, int pointer_len, const char *text, struct error *err)
{
	error_set(err, code < 0 && code >= -ERRNO_MAX ? code : -EPROTO, "%s",
		  *text ? text : "the process failed, and did not say why");
	if (pointer_len > 0 && pointer_len < ERROR_POINTER_MAX &&
	    (size_t)pointer_len + 2 <= strlen(err->text) && memcmp(err->text + pointer_len, ": ", 2) == 0)
		err->pointer_len = pointer_len;
	return err->code;
}

/* The number behind the text of SYNC_FAILED; 0: an older krun sent none. */
static int second_word(const struct wire *wire, size_t size)
{
	const size_t first = strlen(wire->text) + 1;

	return first < size && wire->text[first] ? (int)strtol(wire->text + first, NULL, 10) : 0;
}

static pid_t sender_of(struct msghdr *message)
{
	struct ucred credentials = { 0 };

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS)
			memcpy(&credentials, CMSG_DATA(c), sizeof(credentials));
	return credentials.pid;
}

/* Handles messages for the log and the files of hooks. False: it is another message. */
static bool take_aside(const struct wire *wire, size_t size, pid_t sender)
{
	if (wire->kind == SYNC_LOG || wire->kind == SYNC_STEP)
		log_for_child(wire, size, sender);
	else if (wire->kind == SYNC_HOOK_SAID)
		hooks_output_write(wire->value, wire->text, size);
	else
		return false;
	return true;
}

/*
 * Receives one message of any kind, and ends its text with a NUL. @flags: of recvmsg(2). Returns
 * SYNC_MESSAGE, SYNC_END or an error.
 */
static int receive_wire(int socket_fd, int flags, struct wire *wire, size_t *ret_text_size,
			struct sync_message *ret, struct error *err)
{
	struct iovec iov = { .iov_base = wire, .iov_len = sizeof(*wire) };
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
	/*
	 * ECONNRESET: the peer ended, and left unread what was sent to it. The kernel tells that once, in
	 * front of what the peer has said, which may be why it ended.
	 */
	do
		n = recvmsg(socket_fd, &message, MSG_CMSG_CLOEXEC | flags);
	while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	if (n == 0)
		return SYNC_END;
	if (n < 0 && errno == EAGAIN)
		return error_set(err, -ETIMEDOUT,
				 "krun's process for the container does not answer: is it stopped or frozen, "
				 "or does a file system hang?");
	if (n < 0)
		return error_sys(err, -errno, "receive a sync message");
	ret->fd = socket_take_fd(&message);
	ret->sender = sender_of(&message);
	if ((size_t)n < WIRE_HEAD) {
		cleanup_close(&ret->fd);
		return error_set(err, -EPROTO, "short sync message");
	}
	*ret_text_size = (size_t)n - WIRE_HEAD;
	wire->text[*ret_text_size < sizeof(wire->text) ? *ret_text_size : sizeof(wire->text) - 1] = '\0';
	ret->kind = (enum sync_kind)wire->kind;
	ret->value = wire->value;
	return SYNC_MESSAGE;
}

static int receive(int socket_fd, int flags, struct sync_message *ret, struct error *err)
{
	struct wire wire;
	struct sync_message got;
	size_t size = 0, records = 0;
	int r;

	while ((r = receive_wire(socket_fd, flags, &wire, &size, &got, err)) == SYNC_MESSAGE) {
		if (take_aside(&wire, size, got.sender)) {
			cleanup_close(&got.fd);
			/* What a hook says, for as long as it may, has no end. */
			if (wire.kind != SYNC_HOOK_SAID && ++records > RECORDS_MAX)
				return error_set(err, -EPROTO,
						 "krun's process for the container sends too many records");
			continue;
		}
		if (got.kind == SYNC_FAILED) {
			cleanup_close(&got.fd);
			return take_failure(wire.value, second_word(&wire, size), wire.text, err);
		}
		*ret = got;
		return SYNC_MESSAGE;
	}
	return r;
}

/* What a peer that has ended said last, if that was why. 0: it did not say. */
static int take_last_words(int socket_fd, struct error *err)
{
	struct sync_message message;
	int r;

	/* All of it is there already: nothing is waited for. */
	while ((r = receive(socket_fd, MSG_DONTWAIT, &message, err)) == SYNC_MESSAGE)
		cleanup_close(&message.fd);
	return r < 0 && r != -ETIMEDOUT ? r : 0;
}

int sync_send(int socket_fd, enum sync_kind kind, int value, int fd, struct error *err)
{
	struct wire wire;
	int code, r = 0;

	wire.kind = (int)kind;
	wire.value = value;
	if (send_wire(socket_fd, &wire, WIRE_HEAD, fd) >= 0)
		return 0;
	code = io_socket_error(errno);
	if (code == -EPIPE || code == -ECONNRESET)
		r = take_last_words(socket_fd, err);
	return r < 0 ? r : error_sys(err, code, "send sync message '%s'", kind_name(kind));
}

int sync_receive(int socket_fd, struct sync_message *ret, struct error *err)
{
	const unsigned long long began = trace_clock();
	const int r = receive(socket_fd, 0, ret, err);

	if (r == SYNC_MESSAGE)
		trace_note("for", kind_name((int)ret->kind));
	log_wait_done("wait", began);
	return r;
}

int sync_expect(int socket_fd, enum sync_kind kind, struct sync_message *ret, struct error *err)
{
	struct sync_message got;
	/* A filter may be in force when the start comes, and refuse to tell how long that took. */
	int r = kind == SYNC_START ? receive(socket_fd, 0, &got, err) : sync_receive(socket_fd, &got, err);

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

/*
 * One message and the end of file are expected. To be woken by both would only take time from the child, so
 * this waits for the end alone, without POLLIN. Not forever: a child that logs much needs room in the
 * socket.
 */
static void wait_for_end(int socket_fd)
{
	struct pollfd item = { .fd = socket_fd };

	poll(&item, 1, END_PATIENCE_MS);
}

static bool is_memfd(int fd)
{
	return fd >= 0 && fcntl(fd, F_GET_SEALS) >= 0;
}

/*
 * Reads the error that a child has left in memory, because its filter refuses sendmsg(2) (filter.c). Only a
 * memfd is read: whoever traces the child may send any descriptor.
 */
static int read_last_words(int fd, struct error *err)
{
	struct error words = { 0 };
	ssize_t n;

	if (!is_memfd(fd))
		return 0;
	n = pread(fd, &words, sizeof(words), 0);
	/* An older krun has no .pointer_len. */
	if (n < (ssize_t)offsetof(struct error, pointer_len) || words.code >= 0)
		return 0;
	words.text[sizeof(words.text) - 1] = '\0';
	return take_failure(words.code, words.pointer_len, words.text, err);
}

int sync_expect_execution(int socket_fd, const struct sync_message *said, int *ret_front_fd,
			  struct error *err)
{
	auto_close int words_fd = said ? said->fd : -1, front_fd = -1;
	bool came = said;
	unsigned long long began;

	if (ret_front_fd)
		*ret_front_fd = -1;
	began = trace_clock();
	wait_for_end(socket_fd);
	trace_note("for", "execution");
	log_wait_done("wait", began);
	for (;;) {
		struct sync_message got;
		int r = sync_receive(socket_fd, &got, err);

		if (r < 0)
			return r;
		if (r == SYNC_END) {
			r = read_last_words(words_fd, err);
			if (r == 0 && ret_front_fd && is_memfd(front_fd))
				*ret_front_fd = take_fd(&front_fd);
			return r < 0 ? r : came ? SYNC_MESSAGE : SYNC_END;
		}
		if (got.kind == SYNC_FRONT) {
			cleanup_close(&front_fd);
			front_fd = got.fd;
			continue;
		}
		cleanup_close(&words_fd);
		words_fd = got.fd;
		if (got.kind != SYNC_EXECUTE)
			return error_set(err, -EPROTO, "sync message '%s' came, '%s' was expected",
					 kind_name(got.kind), kind_name(SYNC_EXECUTE));
		came = true;
	}
}

static _Noreturn void run_child(int (*act)(void *data, struct error *err), void *data, struct fd_list *keep,
				int sync_fd)
{
	struct error err = { 0 };
	int r;

	silence_ms /= 2;
	sync_relay_log(&sync_fd);
	title_hide("krun");
	r = fd_list_add(keep, sync_fd);
	if (r == 0)
		r = fd_list_close_others(keep, 3);
	r = r < 0 ? error_sys(&err, r, "close descriptors") : act(data, &err);
	if (r < 0)
		sync_send_failure(sync_fd, &err);
	_exit(r < 0);
}

int sync_run(int (*act)(void *data, struct error *err), void *data, struct fd_list *keep, const char *what,
	     struct error *err)
{
	auto_close int parent_fd = -1, child_fd = -1;
	int fds[2], status = 0, r;
	pid_t pid;

	r = sync_pair(fds, err);
	if (r < 0)
		return r;
	parent_fd = fds[0];
	child_fd = fds[1];
	/* The child may enter a container, where nobody may look into it from its first instruction on. */
	sys_set_dumpable(false);
	pid = sys_clone3(0, SIGCHLD, -1);
	if (pid < 0)
		return error_sys(err, pid, "start a process for %s", what);
	if (pid == 0) {
		cleanup_close(&parent_fd);
		run_child(act, data, keep, child_fd);
	}
	fd_list_done(keep);
	cleanup_close(&child_fd);
	r = sync_receive(parent_fd, &(struct sync_message){ 0 }, err);
	if (r == -ETIMEDOUT)
		sys_kill_and_wait(pid);
	else
		sys_wait(pid, &status, 0);
	if (r < 0)
		return r;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return error_set(err, -ESRCH, "the process for %s ended without a result (killed?)", what);
	return 0;
}
