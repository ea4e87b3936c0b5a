/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "syscall/socket.h"
#include "terminal/terminal.h"
#include "util/cleanup.h"
#include "util/error.h"

int console_socket_send(int socket_fd, int master_fd, struct error *err)
{
	/* Conventionally the terminal's name; receivers accept 1 to 4095 bytes. */
	static const char name[] = "/dev/ptmx";

	return socket_send_fd(socket_fd, name, strlen(name), master_fd, err);
}

int console_take(int master_fd, int *socket_fd, int *ret_master, struct error *err)
{
	int r;

	if (master_fd < 0)
		return error_set(err, -EPROTO, "the terminal came without a descriptor");
	if (*socket_fd < 0) {
		cleanup_close(ret_master);
		*ret_master = master_fd;
		return 0;
	}
	r = console_socket_send(*socket_fd, master_fd, err);
	cleanup_close(&master_fd);
	cleanup_close(socket_fd);
	return r;
}
