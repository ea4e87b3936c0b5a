/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/report.h"

#include <fcntl.h>
#include <stdio.h>

#include "syscall/process.h"
#include "syscall/replace.h"
#include "syscall/socket.h"
#include "util/cleanup.h"
#include "util/error.h"

static int send_pidfd(pid_t pid, const char *path, struct error *err)
{
	auto_close int pidfd = sys_pidfd_open(pid);
	auto_close int socket = socket_connect(path, err);

	if (socket < 0)
		return socket;
	return pidfd < 0 ? error_sys(err, pidfd, "open a pidfd") :
			   socket_send_fd(socket, "pidfd", 5, pidfd, err);
}

int report_process(pid_t pid, const char *pidfd_socket, const char *pid_file, struct error *err)
{
	char digits[16];
	int len, r = pidfd_socket ? send_pidfd(pid, pidfd_socket, err) : 0;

	if (r < 0 || !pid_file)
		return r;
	len = snprintf(digits, sizeof(digits), "%d", pid);
	r = file_replace(AT_FDCWD, pid_file, 0644, digits, (size_t)len);
	return r < 0 ? error_sys(err, r, "write pid file '%s'", pid_file) : 0;
}
