/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "terminal/terminal.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"

enum { BUFFER_SIZE = 16 * 1024 };

struct terminal_relay {
	int master_fd;
	bool input_open; /* our stdin is not at its end */
	bool master_open;
	char pending[BUFFER_SIZE]; /* from stdin, not yet taken by the master */
	size_t pending_len;
	bool raw;
	struct termios saved;
};

int terminal_relay_new(int master_fd, struct terminal_relay **ret, struct error *err)
{
	struct terminal_relay *relay = calloc(1, sizeof(*relay));

	if (!relay) {
		close(master_fd);
		return error_oom(err);
	}
	relay->master_fd = master_fd;
	relay->input_open = relay->master_open = true;
	/* A payload that does not read must not block us: its output has to go on. */
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

int terminal_relay_poll(struct terminal_relay *relay, struct pollfd *fds)
{
	const bool room = relay->pending_len < sizeof(relay->pending);

	fds[0] = (struct pollfd){
		.fd = relay->input_open && room ? STDIN_FILENO : -1,
		.events = POLLIN,
	};
	fds[1] = (struct pollfd){
		.fd = relay->master_open ? relay->master_fd : -1,
		.events = (short)(POLLIN | (relay->pending_len > 0 ? POLLOUT : 0)),
	};
	return 2;
}

static void read_input(struct terminal_relay *relay)
{
	ssize_t n = read(STDIN_FILENO, relay->pending + relay->pending_len,
			 sizeof(relay->pending) - relay->pending_len);

	if (n > 0)
		relay->pending_len += (size_t)n;
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		relay->input_open = false;
}

static void write_master(struct terminal_relay *relay)
{
	ssize_t n = write(relay->master_fd, relay->pending, relay->pending_len);

	if (n <= 0)
		return;
	relay->pending_len -= (size_t)n;
	memmove(relay->pending, relay->pending + n, relay->pending_len);
}

/* EIO is how a pty says that the last slave is closed. */
static bool read_master(struct terminal_relay *relay)
{
	char data[BUFFER_SIZE];
	ssize_t n = read(relay->master_fd, data, sizeof(data));

	if (n > 0) {
		io_write_all(STDOUT_FILENO, data, (size_t)n);
		return true;
	}
	if (n == 0 || (errno != EAGAIN && errno != EINTR))
		relay->master_open = false;
	return false;
}

int terminal_relay_pump(struct terminal_relay *relay, const struct pollfd *fds, int len)
{
	if (len > 0 && fds[0].revents)
		read_input(relay);
	if (relay->pending_len > 0)
		write_master(relay);
	if (len > 1 && fds[1].revents & (POLLIN | POLLHUP | POLLERR))
		read_master(relay);
	return relay->master_open;
}

void terminal_relay_resize(struct terminal_relay *relay)
{
	struct winsize size;

	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0)
		ioctl(relay->master_fd, TIOCSWINSZ, &size);
}

void terminal_relay_free(struct terminal_relay *relay)
{
	while (relay->master_open && read_master(relay))
		;
	if (relay->raw)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &relay->saved);
	cleanup_close(&relay->master_fd);
	free(relay);
}
