/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "init/sync.h"
#include "util/error.h"

enum { MESSAGES_MAX = 16, MESSAGE_MAX = 4096 };

/* Sends each message of the input: two bytes of length, then its bytes. */
static void send_all(int fd, const uint8_t *data, size_t size)
{
	for (size_t i = 0, len; i < MESSAGES_MAX && size >= 2; i++, data += len, size -= len) {
		len = (size_t)data[0] | (size_t)data[1] << 8;
		data += 2;
		size -= 2;
		len = len < size ? len : size;
		if (send(fd, data, len < MESSAGE_MAX ? len : MESSAGE_MAX, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			return;
	}
}

static void open_pair(int fds[2])
{
	struct error err;

	fuzz_require(sync_pair(fds, &err) == 0);
}

/* Messages of a child that a container has taken over. */
void fuzz_one(const uint8_t *data, size_t size)
{
	struct sync_message got;
	struct error err;
	int fds[2], front_fd, r;

	open_pair(fds);
	send_all(fds[1], data, size);
	close(fds[1]);
	while ((r = sync_receive(fds[0], &got, &err)) == SYNC_MESSAGE)
		fuzz_require(got.fd == -1 && !got.text);
	fuzz_require_error(r, &err);
	close(fds[0]);

	/* The same as the last words of a child, which the first bytes are. */
	open_pair(fds);
	send_all(fds[1], data, size);
	close(fds[1]);
	got = (struct sync_message){ .kind = SYNC_EXECUTE, .fd = fuzz_memory(data, size) };
	r = sync_expect_execution(fds[0], &got, &front_fd, &err);
	fuzz_require_error(r, &err);
	close(fds[0]);
}
