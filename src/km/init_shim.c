/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "km/km.h"
#include "syscall/process.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"

/* The program of shim.c, put here by the build. */
extern const char krun_shim_begin[], krun_shim_end[];

int km_init_fd(struct error *err)
{
	auto_close int fd = sys_memfd_executable("krun-init");
	int r;

	if (fd < 0)
		return error_sys(err, fd, "make a file for km's init process");
	r = io_write_all(fd, krun_shim_begin, (size_t)(krun_shim_end - krun_shim_begin));
	if (r == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		r = -errno;
	return r < 0 ? error_sys(err, r, "write km's init process") : take_fd(&fd);
}
