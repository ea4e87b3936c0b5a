/* SPDX-License-Identifier: Apache-2.0 */

/* The relay runs in a process of its own, because it uses descriptors 0 and 1. */

#include "../test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "syscall/process.h"
#include "terminal/terminal.h"
#include "util/array.h"
#include "util/error.h"

static void open_terminal(int *ret_master, int *ret_slave)
{
	*ret_master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(*ret_master >= 0);
	assert_int_equal(unlockpt(*ret_master), 0);
	*ret_slave = ioctl(*ret_master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(*ret_slave >= 0);
}

static void make_pipe(int fds[2])
{
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
}

static volatile sig_atomic_t resized;

static void on_resize(int signo)
{
	(void)signo;
	resized = 1;
}

static _Noreturn void relay_until_end(int master_fd)
{
	struct terminal_relay *relay;
	struct error err;
	struct pollfd fds[TERMINAL_RELAY_FDS];
	const struct sigaction action = { .sa_handler = on_resize };
	int more = 1;

	sigaction(SIGWINCH, &action, NULL);
	if (terminal_relay_new(master_fd, &relay, &err) < 0)
		_exit(1);
	while (more) {
		int len = terminal_relay_poll(relay, fds);

		if (poll(fds, (nfds_t)len, terminal_relay_timeout(relay)) >= 0)
			more = terminal_relay_pump(relay, fds);
		if (resized) {
			resized = 0;
			terminal_relay_resize(relay);
		}
	}
	terminal_relay_free(relay);
	_exit(0);
}

/* All other descriptors of the test are closed in the relay's process, so that ends are seen. */
static pid_t start_relay(int in_fd, int out_fd, int master_fd)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid > 0) {
		close(master_fd);
		return pid;
	}
	dup2(in_fd, 0);
	dup2(out_fd, 1);
	master_fd = dup2(master_fd, 3);
	sys_close_range(4, ~0U, 0);
	relay_until_end(master_fd);
}

static void assert_ended(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void expect(int fd, const char *text)
{
	char got[256];
	size_t len = strlen(text), done = 0;

	while (done < len) {
		ssize_t n = read(fd, got + done, len - done);

		assert_true(n > 0);
		done += (size_t)n;
	}
	assert_memory_equal(got, text, len);
}

static void put(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void make_raw(int fd, bool keeps_end)
{
	struct termios termios;

	assert_int_equal(tcgetattr(fd, &termios), 0);
	cfmakeraw(&termios);
	if (!keeps_end)
		termios.c_cc[VEOF] = _POSIX_VDISABLE;
	assert_int_equal(tcsetattr(fd, TCSANOW, &termios), 0);
}

static void test_both_directions_and_the_last_output(void **state)
{
	int master, slave, in[2], out[2];
	pid_t pid;

	(void)state;
	open_terminal(&master, &slave);
	make_raw(slave, true);
	make_pipe(in);
	make_pipe(out);
	pid = start_relay(in[0], out[1], master);
	close(out[1]);
	put(in[1], "typed\n");
	expect(slave, "typed\n");
	put(slave, "first");
	expect(out[0], "first");
	put(slave, "last");
	close(slave);
	assert_ended(pid);
	expect(out[0], "last");
	assert_int_equal(read(out[0], &(char){ 0 }, 1), 0);
	close(in[0]);
	close(in[1]);
	close(out[0]);
}

/* More than the relay's buffers hold: nothing is lost while the reader is slow. */
static void test_much_output_to_each_kind_of_stdout(void **state)
{
	enum { PIPE, SOCKET, TERMINAL, KINDS, CHUNK = 4096, CHUNKS = 64 };
	static char data[CHUNK], got[CHUNK];

	(void)state;
	memset(data, 'x', sizeof(data));
	for (int kind = 0; kind < KINDS; kind++) {
		int master, slave, out[2];
		size_t received = 0;
		pid_t pid, writer;

		open_terminal(&master, &slave);
		make_raw(slave, true);
		if (kind == PIPE)
			make_pipe(out);
		else if (kind == SOCKET)
			assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, out), 0);
		else
			open_terminal(&out[0], &out[1]);
		if (kind == TERMINAL)
			make_raw(out[1], true);
		pid = start_relay(open("/dev/null", O_RDONLY | O_CLOEXEC), out[1], master);
		writer = fork();
		if (writer == 0) {
			for (int i = 0; i < CHUNKS; i++)
				if (write(slave, data, sizeof(data)) != (ssize_t)sizeof(data))
					_exit(1);
			_exit(0);
		}
		close(slave);
		while (received < (size_t)CHUNK * CHUNKS) {
			ssize_t n = read(out[0], got, sizeof(got));

			assert_true(n > 0);
			assert_memory_equal(got, data, (size_t)n);
			received += (size_t)n;
		}
		assert_ended(writer);
		assert_ended(pid);
		close(out[0]);
		close(out[1]);
	}
}

static void test_a_reader_that_ends_does_not_end_the_payload(void **state)
{
	int master, slave, in[2], out[2];
	pid_t pid;

	(void)state;
	open_terminal(&master, &slave);
	make_raw(slave, true);
	make_pipe(in);
	make_pipe(out);
	pid = start_relay(in[0], out[1], master);
	close(out[0]);
	close(out[1]);
	put(slave, "nobody reads this");
	put(slave, "nor this");
	/* The relay still works in the other direction. */
	put(in[1], "x");
	expect(slave, "x");
	close(slave);
	assert_ended(pid);
	close(in[0]);
	close(in[1]);
}

/* What a program that reads the terminal sees when stdin ends, by the last bytes of stdin. */
static void test_the_end_of_stdin(void **state)
{
	static const struct {
		const char *input, *line;
	} rows[] = { { "", "" }, { "line\n", "line\n" }, { "no line", "no line" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int master, slave, in[2], out[2];
		pid_t pid;

		open_terminal(&master, &slave);
		make_pipe(in);
		make_pipe(out);
		pid = start_relay(in[0], out[1], master);
		put(in[1], rows[i].input);
		close(in[1]);
		if (rows[i].line[0])
			expect(slave, rows[i].line);
		assert_int_equal(read(slave, &(char){ 0 }, 1), 0);
		/* The next reader gets an end of its own. */
		assert_int_equal(read(slave, &(char){ 0 }, 1), 0);
		close(slave);
		assert_ended(pid);
		close(in[0]);
		close(out[0]);
		close(out[1]);
	}
}

/*
 * A program that reads bytes would take the character for input: it gets the first one only, or none if it
 * has disabled it.
 */
static void test_the_end_of_stdin_in_raw_mode(void **state)
{
	(void)state;
	for (int keeps_end = 0; keeps_end <= 1; keeps_end++) {
		int master, slave, in[2], out[2];
		struct pollfd item;
		pid_t pid;

		open_terminal(&master, &slave);
		make_raw(slave, keeps_end);
		make_pipe(in);
		make_pipe(out);
		pid = start_relay(in[0], out[1], master);
		put(in[1], "a");
		close(in[1]);
		/* Bytes without a line's end: the character comes twice, once for that line. */
		expect(slave, keeps_end ? "a\x04\x04" : "a");
		item = (struct pollfd){ .fd = slave, .events = POLLIN };
		assert_int_equal(poll(&item, 1, 700), 0);
		close(slave);
		assert_ended(pid);
		close(in[0]);
		close(out[0]);
		close(out[1]);
	}
}

static unsigned short rows_of(int fd)
{
	struct winsize size;

	assert_int_equal(ioctl(fd, TIOCGWINSZ, &size), 0);
	return size.ws_row;
}

static void test_a_terminal_at_stdin(void **state)
{
	const struct winsize first = { .ws_row = 11, .ws_col = 80 }, second = { .ws_row = 22, .ws_col = 80 };
	int master, slave, user_master, user_slave;
	struct termios before, during, after;
	pid_t pid;

	(void)state;
	open_terminal(&master, &slave);
	make_raw(slave, true);
	open_terminal(&user_master, &user_slave);
	assert_int_equal(tcgetattr(user_slave, &before), 0);
	assert_int_equal(ioctl(user_master, TIOCSWINSZ, &first), 0);
	pid = start_relay(user_slave, user_slave, master);
	put(slave, "ready");
	expect(user_master, "ready");
	assert_int_equal(rows_of(slave), 11);
	/* Keys pass one by one, and the terminal of the user echoes none. */
	assert_int_equal(tcgetattr(user_slave, &during), 0);
	assert_int_equal(during.c_lflag & (ICANON | ECHO | ISIG), 0);
	put(user_master, "k");
	expect(slave, "k");
	assert_int_equal(ioctl(user_master, TIOCSWINSZ, &second), 0);
	assert_int_equal(kill(pid, SIGWINCH), 0);
	while (rows_of(slave) != 22)
		usleep(1000);
	close(slave);
	assert_ended(pid);
	assert_int_equal(tcgetattr(user_slave, &after), 0);
	assert_int_equal(after.c_lflag, before.c_lflag);
	close(user_master);
	close(user_slave);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_directions_and_the_last_output),
		cmocka_unit_test(test_much_output_to_each_kind_of_stdout),
		cmocka_unit_test(test_a_reader_that_ends_does_not_end_the_payload),
		cmocka_unit_test(test_the_end_of_stdin),
		cmocka_unit_test(test_the_end_of_stdin_in_raw_mode),
		cmocka_unit_test(test_a_terminal_at_stdin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
