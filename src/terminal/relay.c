/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "terminal/terminal.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/error.h"

enum {
	BUFFER_SIZE = 16 * 1024,
	CAREFUL_SIZE = 256, /* one write to an fd that may block, after poll(2) */
	FIRST_END_MS = 200,
	LONGEST_END_MS = 60000,
	STALL_MS = 5000,
	LAST_READS = 256,
};

struct buffer {
	char data[BUFFER_SIZE];
	size_t len;
};

struct terminal_relay {
	int master_fd;
	bool input_open; /* stdin is not at end of file */
	bool master_open;
	struct buffer input, output; /* for the master; for stdout */
	int output_fd;		     /* stdout, by an open file description of its own where possible */
	bool output_owned, output_closed;
	mode_t output_type;
	bool input_in_line;	/* the last input is not a complete line */
	bool end_passed;	/* VEOF was sent at least once */
	int64_t end_at, end_ms; /* when VEOF is due again (clock_ms()), and the interval */
	bool raw;
	struct termios saved;
};

/*
 * O_NONBLOCK would also apply to other processes that share stdout, so a FIFO or a terminal is opened again.
 * A pty master cannot be: that would make a new pty.
 */
static void open_output(struct terminal_relay *relay)
{
	struct stat st = { 0 };
	unsigned int number;
	int fd = -1;

	fstat(STDOUT_FILENO, &st);
	relay->output_fd = STDOUT_FILENO;
	relay->output_type = st.st_mode & S_IFMT;
	if (S_ISFIFO(st.st_mode) || (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGPTN, &number) < 0))
		fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return;
	relay->output_fd = fd;
	relay->output_owned = true;
}

int terminal_relay_new(int master_fd, struct terminal_relay **ret, struct error *err)
{
	struct terminal_relay *relay = calloc(1, sizeof(*relay));

	if (!relay) {
		close(master_fd);
		return error_oom(err);
	}
	relay->master_fd = master_fd;
	relay->input_open = relay->master_open = true;
	relay->end_ms = FIRST_END_MS;
	open_output(relay);
	/* The relay goes on when the reader of stdout ends. */
	signal(SIGPIPE, SIG_IGN);
	/* A payload that does not read its input must not block the relay of its output. */
	fcntl(master_fd, F_SETFL, O_RDWR | O_NONBLOCK);
	if (tcgetattr(STDIN_FILENO, &relay->saved) == 0) {
		struct termios raw = relay->saved;

		cfmakeraw(&raw);
		relay->raw = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
		terminal_relay_resize(relay);
	}
	*ret = relay;
	return 0;
}

static bool has_room(const struct buffer *buffer)
{
	return buffer->len < sizeof(buffer->data);
}

int terminal_relay_poll(struct terminal_relay *relay, struct pollfd *fds)
{
	const int events = (has_room(&relay->output) ? POLLIN : 0) | (relay->input.len > 0 ? POLLOUT : 0);

	fds[0] = (struct pollfd){
		.fd = relay->input_open && has_room(&relay->input) ? STDIN_FILENO : -1,
		.events = POLLIN,
	};
	/* With .events 0, poll(2) would still return POLLHUP at once, again and again. */
	fds[1] = (struct pollfd){
		.fd = relay->master_open && events ? relay->master_fd : -1,
		.events = (short)events,
	};
	fds[2] = (struct pollfd){
		.fd = relay->output.len > 0 ? relay->output_fd : -1,
		.events = POLLOUT,
	};
	return TERMINAL_RELAY_FDS;
}

int terminal_relay_timeout(const struct terminal_relay *relay)
{
	const int64_t left = relay->end_at - clock_ms();

	if (relay->input_open || !relay->master_open)
		return -1;
	return left > 0 ? (int)left : 0;
}

static void take(struct buffer *buffer, ssize_t n)
{
	buffer->len -= (size_t)n;
	memmove(buffer->data, buffer->data + n, buffer->len);
}

static void read_input(struct terminal_relay *relay)
{
	struct buffer *input = &relay->input;
	ssize_t n = read(STDIN_FILENO, input->data + input->len, sizeof(input->data) - input->len);

	if (n > 0) {
		input->len += (size_t)n;
		relay->input_in_line = input->data[input->len - 1] != '\n';
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		relay->input_open = false;
	}
}

/*
 * Passes on the end of stdin as the terminal's end-of-file character (VEOF). Each reader of the terminal
 * consumes one, and a program that sets terminal modes may discard pending input, so it is sent again, at
 * growing intervals. A program that reads in non-canonical mode would take it for input, and gets it once.
 */
static void pass_end(struct terminal_relay *relay)
{
	struct buffer *input = &relay->input;
	struct termios termios;
	const int64_t now = clock_ms();

	if (relay->input_open || now < relay->end_at)
		return;
	relay->end_at = now + relay->end_ms;
	if (sizeof(input->data) - input->len < 2)
		return;
	relay->end_ms = 2 * relay->end_ms < LONGEST_END_MS ? 2 * relay->end_ms : LONGEST_END_MS;
	/* tcgetattr(3) on a master returns the modes of the slave. */
	if (tcgetattr(relay->master_fd, &termios) < 0 || termios.c_cc[VEOF] == _POSIX_VDISABLE ||
	    (relay->end_passed && !(termios.c_lflag & ICANON)))
		return;
	/* After an incomplete line, the first VEOF only ends that line. */
	for (int i = relay->input_in_line ? 2 : 1; i > 0; i--)
		input->data[input->len++] = (char)termios.c_cc[VEOF];
	relay->input_in_line = false;
	relay->end_passed = true;
}

static void write_master(struct terminal_relay *relay)
{
	ssize_t n = write(relay->master_fd, relay->input.data, relay->input.len);

	if (n > 0)
		take(&relay->input, n);
}

/* Returns false when there was nothing to read. read(2) fails with EIO when the last slave is closed. */
static bool read_master(struct terminal_relay *relay)
{
	struct buffer *output = &relay->output;
	ssize_t n = read(relay->master_fd, output->data + output->len, sizeof(output->data) - output->len);

	if (n > 0) {
		/* stdout is closed: the output is dropped. */
		output->len = relay->output_closed ? 0 : output->len + (size_t)n;
		return true;
	}
	if (n == 0 || (errno != EAGAIN && errno != EINTR))
		relay->master_open = false;
	return false;
}

/* Called after poll(2) has reported room. A shared FIFO or terminal may still block: it gets a little. */
static void write_output(struct terminal_relay *relay)
{
	struct buffer *output = &relay->output;
	const bool careful =
		!relay->output_owned && (relay->output_type == S_IFIFO || relay->output_type == S_IFCHR);
	ssize_t n;

	if (relay->output_type == S_IFSOCK)
		n = send(relay->output_fd, output->data, output->len, MSG_DONTWAIT | MSG_NOSIGNAL);
	else
		n = write(relay->output_fd, output->data,
			  careful && output->len > CAREFUL_SIZE ? CAREFUL_SIZE : output->len);
	if (n > 0) {
		take(output, n);
	} else if (n < 0 && errno != EAGAIN && errno != EINTR) {
		relay->output_closed = true;
		output->len = 0;
	}
}

int terminal_relay_pump(struct terminal_relay *relay, const struct pollfd *fds)
{
	if (fds[0].revents)
		read_input(relay);
	pass_end(relay);
	if (relay->input.len > 0)
		write_master(relay);
	if (fds[1].revents & (POLLIN | POLLHUP | POLLERR) && has_room(&relay->output))
		read_master(relay);
	if (fds[2].revents)
		write_output(relay);
	return relay->master_open;
}

void terminal_relay_resize(struct terminal_relay *relay)
{
	struct winsize size;

	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0)
		ioctl(relay->master_fd, TIOCSWINSZ, &size);
}

/*
 * Copies the payload's last output. Gives up when stdout takes nothing for STALL_MS, and after LAST_READS
 * reads, because other processes that have the terminal may go on writing.
 */
static void drain(struct terminal_relay *relay)
{
	struct pollfd item = { .fd = relay->output_fd, .events = POLLOUT };
	bool more = true;
	int reads = 0;

	while (more || relay->output.len > 0) {
		more = relay->master_open && has_room(&relay->output) && reads++ < LAST_READS &&
		       read_master(relay);
		if (relay->output.len == 0 || (more && has_room(&relay->output)))
			continue;
		if (poll(&item, 1, STALL_MS) == 0)
			return;
		write_output(relay);
		more = true;
	}
}

void terminal_relay_free(struct terminal_relay *relay)
{
	drain(relay);
	/* Not TCSADRAIN, which waits as long as the terminal is stopped (Ctrl-S). */
	if (relay->raw)
		tcsetattr(STDIN_FILENO, TCSANOW, &relay->saved);
	if (relay->output_owned)
		cleanup_close(&relay->output_fd);
	cleanup_close(&relay->master_fd);
	free(relay);
}
