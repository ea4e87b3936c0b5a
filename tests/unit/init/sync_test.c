/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init/sync.h"
#include "util/array.h"
#include "util/error.h"
#include "util/log.h"

static int pair[2] = { -1, -1 };

static int open_pair(void **state)
{
	struct error err;

	(void)state;
	return sync_pair(pair, &err);
}

static int close_pair(void **state)
{
	(void)state;
	close(pair[0]);
	close(pair[1]);
	return 0;
}

static void test_sync_carries_value_descriptor_and_sender(void **state)
{
	struct sync_message message;
	struct error err = { 0 };
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(sync_send(pair[1], SYNC_CONSOLE, 42, fd, &err), 0);
	assert_int_equal(sync_receive(pair[0], &message, &err), SYNC_MESSAGE);
	assert_int_equal(message.kind, SYNC_CONSOLE);
	assert_int_equal(message.value, 42);
	assert_int_equal(message.sender, getpid());
	assert_true(message.fd > fd);
	assert_int_equal(fcntl(message.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	close(message.fd);
	close(fd);
}

static void test_records_come_to_an_end(void **state)
{
	struct {
		int kind, value;
		char text[8];
	} record = { SYNC_LOG, LOG_LEVEL_DEBUG, "a\0b\0c" };
	struct sync_message message;
	struct error err = { 0 };
	pid_t pid = fork();

	(void)state;
	for (int i = 0; pid == 0 && i < 300000; i++)
		if (send(pair[1], &record, sizeof(record), MSG_NOSIGNAL) < 0)
			_exit(0);
	if (pid == 0) {
		sync_send(pair[1], SYNC_READY, 0, -1, &err);
		_exit(0);
	}
	assert_int_equal(sync_receive(pair[0], &message, &err), -EPROTO);
	assert_string_equal(err.text, "krun's process for the container sends too many records");
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_sync_failure_becomes_the_error(void **state)
{
	struct error failure = { 0 }, err = { 0 };
	struct sync_message message;

	(void)state;
	error_set(&failure, -EXDEV, "mount '/x'");
	sync_send_failure(pair[1], &failure);
	assert_int_equal(sync_expect(pair[0], SYNC_READY, &message, &err), -EXDEV);
	assert_string_equal(err.text, "mount '/x'");
}

/* A peer that ends before it has read all: the kernel tells that in front of what the peer has said. */
static void test_last_words_of_a_peer_that_has_not_read_all(void **state)
{
	struct error failure = { 0 }, err = { 0 };
	struct sync_message message;

	(void)state;
	error_set(&failure, -EXDEV, "mount '/x'");
	assert_int_equal(sync_send(pair[0], SYNC_ID_MAPS, 0, -1, &err), 0);
	sync_send_failure(pair[1], &failure);
	close(pair[1]);
	pair[1] = -1;
	assert_int_equal(sync_expect(pair[0], SYNC_READY, &message, &err), -EXDEV);
	assert_string_equal(err.text, failure.text);
	assert_int_equal(sync_receive(pair[0], &message, &err), SYNC_END);
}

/* Whoever has something to say to a peer that has ended learns why it ended, not that it has. */
static void test_last_words_are_the_answer_to_a_message(void **state)
{
	struct error failure = { 0 }, err = { 0 };

	(void)state;
	error_set(&failure, -EXDEV, "mount '/x'");
	assert_int_equal(sync_send(pair[1], SYNC_WANT_TREE, 1, -1, &err), 0);
	sync_send_failure(pair[1], &failure);
	close(pair[1]);
	pair[1] = -1;
	assert_int_equal(sync_send(pair[0], SYNC_TREE, 0, -1, &err), -EXDEV);
	assert_string_equal(err.text, failure.text);
	assert_int_equal(sync_send(pair[0], SYNC_TREE, 0, -1, &err), -EPIPE);
}

/* The message cannot be sent, and the peer lives and says nothing: it is not waited for. */
static void test_no_last_words_are_waited_for(void **state)
{
	struct error err = { 0 };

	(void)state;
	assert_int_equal(shutdown(pair[0], SHUT_WR), 0);
	assert_int_equal(sync_send(pair[0], SYNC_TREE, 0, -1, &err), -EPIPE);
}

static void test_the_place_of_a_failure_arrives_and_none_is_made_up(void **state)
{
	struct error failure = { 0 };
	static const struct {
		const char *text; /* two words */
		size_t len;
		int expect;
	} rows[] = {
		{ "/a: b\0"
		  "2",
		  8, 2 },	   /* as it is sent */
		{ "/a: b", 6, 0 }, /* of an older krun */
		{ "/a: b\0"
		  "3",
		  8, 0 }, /* there is no ": " */
		{ "/a: b\0"
		  "-1",
		  9, 0 },
		{ "/a: b\0"
		  "99999",
		  12, 0 },
	};

	(void)state;
	error_at(&failure, -EXDEV, "/root/path", "'x'");
	for (size_t i = 0; i <= ARRAY_LEN(rows); i++) {
		struct error err = { 0 };

		if (i == ARRAY_LEN(rows)) {
			sync_send_failure(pair[1], &failure);
		} else {
			struct {
				int kind, value;
				char text[32];
			} wire = { .kind = SYNC_FAILED, .value = -EXDEV };

			memcpy(wire.text, rows[i].text, rows[i].len);
			assert_true(send(pair[1], &wire, 8 + rows[i].len, 0) > 0);
		}
		assert_int_equal(sync_receive(pair[0], &(struct sync_message){ 0 }, &err), -EXDEV);
		assert_int_equal(err.pointer_len,
				 i == ARRAY_LEN(rows) ? (int)strlen("/root/path") : rows[i].expect);
	}
}

static void test_sync_failure_of_full_length_arrives_whole(void **state)
{
	struct error failure = { .code = -EIO }, err = { 0 };
	struct sync_message message;

	(void)state;
	memset(failure.text, 'a', sizeof(failure.text) - 1);
	sync_send_failure(pair[1], &failure);
	assert_int_equal(sync_receive(pair[0], &message, &err), -EIO);
	assert_int_equal(strlen(err.text), sizeof(failure.text) - 1);
}

static void test_sync_end_and_surprise_are_told_apart(void **state)
{
	struct sync_message message;
	struct error err = { 0 };
	int other[2];

	(void)state;
	assert_int_equal(sync_send(pair[1], SYNC_CHILD, 1, -1, &err), 0);
	assert_int_equal(sync_expect(pair[0], SYNC_READY, NULL, &err), -EPROTO);
	assert_non_null(strstr(err.text, "'child' came, 'ready' was expected"));
	assert_int_equal(sync_pair(other, &err), 0);
	close(other[1]);
	assert_int_equal(sync_receive(other[0], &message, &err), SYNC_END);
	assert_int_equal(sync_expect(other[0], SYNC_READY, NULL, &err), -EPIPE);
	close(other[0]);
}

/* Acts as a child that sends SYNC_EXECUTE with @fd and ends; returns what the parent then gets. */
static int after_execute(int fd, struct error *err)
{
	int r, end = dup(pair[1]);

	assert_int_equal(sync_send(end, SYNC_EXECUTE, 0, fd, err), 0);
	close(end);
	close(pair[1]);
	r = sync_expect_execution(pair[0], NULL, NULL, err);
	close(pair[0]);
	assert_int_equal(sync_pair(pair, &(struct error){ 0 }), 0);
	return r;
}

static int memory(const void *data, size_t size)
{
	int fd = memfd_create("words", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), size);
	return fd;
}

/* Acts as a child that sends SYNC_FRONT with @fd and executes. Returns whether the parent takes @fd. */
static bool takes_front(int fd)
{
	struct error err = { 0 };
	int end = dup(pair[1]), front_fd = -2;

	assert_int_equal(sync_send(end, SYNC_FRONT, 0, fd, &err), 0);
	assert_int_equal(sync_send(end, SYNC_EXECUTE, 0, -1, &err), 0);
	close(end);
	close(pair[1]);
	assert_int_equal(sync_expect_execution(pair[0], NULL, &front_fd, &err), SYNC_MESSAGE);
	close(pair[0]);
	assert_int_equal(sync_pair(pair, &err), 0);
	close(fd);
	if (front_fd < 0)
		return false;
	assert_int_equal(fcntl(front_fd, F_GETFD), FD_CLOEXEC);
	close(front_fd);
	return true;
}

/* Whoever traces the child may send any descriptor. */
static void test_only_a_memfd_tells_of_the_front(void **state)
{
	int ends[2];

	(void)state;
	assert_true(takes_front(memory("", 0)));
	assert_false(takes_front(eventfd(0, EFD_CLOEXEC)));
	assert_false(takes_front(open("/dev/null", O_RDWR | O_CLOEXEC)));
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	close(ends[1]);
	assert_false(takes_front(ends[0]));
}

static void test_last_words(void **state)
{
	struct error words = { .code = -ENOEXEC, .text = "exec: \"x\": exec format error" }, err = { 0 };
	int fd = memory(&words, sizeof(words));

	(void)state;
	assert_int_equal(after_execute(fd, &err), -ENOEXEC);
	assert_string_equal(err.text, words.text);
	close(fd);
	/* Code 0: the child left no error. */
	words.code = 0;
	fd = memory(&words, sizeof(words));
	assert_int_equal(after_execute(fd, &err), SYNC_MESSAGE);
	close(fd);
	assert_int_equal(after_execute(-1, &err), SYNC_MESSAGE);
}

/* An attacker who controls the child can neither make the parent wait nor crash. */
static void test_last_words_of_somebody_else(void **state)
{
	struct error words = { .code = -ENOEXEC }, err = { 0 };
	int fd, pipe_fds[2];

	(void)state;
	memset(words.text, 'x', sizeof(words.text));
	fd = memory(&words, sizeof(words));
	assert_int_equal(after_execute(fd, &err), -ENOEXEC);
	assert_int_equal(strlen(err.text), ERROR_TEXT_MAX - 1);
	assert_int_equal(ftruncate(fd, 8), 0);
	assert_int_equal(after_execute(fd, &err), SYNC_MESSAGE);
	close(fd);
	assert_int_equal(pipe(pipe_fds), 0);
	assert_int_equal(after_execute(pipe_fds[0], &err), SYNC_MESSAGE);
	assert_int_equal(after_execute(pipe_fds[1], &err), SYNC_MESSAGE);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_sync_carries_value_descriptor_and_sender, open_pair,
						close_pair),
		cmocka_unit_test_setup_teardown(test_records_come_to_an_end, open_pair, close_pair),
		cmocka_unit_test_setup_teardown(test_sync_failure_becomes_the_error, open_pair, close_pair),
		cmocka_unit_test_setup_teardown(test_last_words_are_the_answer_to_a_message, open_pair,
						close_pair),
		cmocka_unit_test_setup_teardown(test_no_last_words_are_waited_for, open_pair, close_pair),
		cmocka_unit_test_setup_teardown(test_last_words_of_a_peer_that_has_not_read_all, open_pair,
						close_pair),
		cmocka_unit_test_setup_teardown(test_the_place_of_a_failure_arrives_and_none_is_made_up,
						open_pair, close_pair),
		cmocka_unit_test_setup_teardown(test_sync_failure_of_full_length_arrives_whole, open_pair,
						close_pair),
		cmocka_unit_test_setup_teardown(test_sync_end_and_surprise_are_told_apart, open_pair,
						close_pair),
		cmocka_unit_test_setup_teardown(test_only_a_memfd_tells_of_the_front, open_pair, close_pair),
		cmocka_unit_test_setup_teardown(test_last_words, open_pair, close_pair),
		cmocka_unit_test_setup_teardown(test_last_words_of_somebody_else, open_pair, close_pair),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
