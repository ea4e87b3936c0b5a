/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "syscall/socket.h"
#include "terminal/terminal.h"

int console_socket_send(int socket_fd, int master_fd, struct error *err)
{
	/* Conventionally the terminal's name; readers want at least one byte and less than 4096. */
	static const char name[] = "/dev/ptmx";

	return socket_send_fd(socket_fd, name, strlen(name), master_fd, err);
}
