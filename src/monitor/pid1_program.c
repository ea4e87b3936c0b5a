/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "monitor/monitor.h"
#include "syscall/process.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"

/* The built program of pid1.c, which embed.S.in puts into krun. */
extern const char krun_pid1_begin[], krun_pid1_end[];

int km_init_fd(struct error *err)
{
	auto_close int fd = sys_memfd_executable("krun-init");
	int r;

	if (fd < 0)
		return error_sys(err, fd, "make a file for km's init process");
	r = io_write_all(fd, krun_pid1_begin, (size_t)(krun_pid1_end - krun_pid1_begin));
	if (r == 0)
		r = sys_memfd_seal(fd);
	return r < 0 ? error_sys(err, r, "write km's init process") : take_fd(&fd);
}
