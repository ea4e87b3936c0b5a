/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "syscall/open.h"
#include "terminal/terminal.h"
#include "util/cleanup.h"
#include "util/error.h"

/* 5:2 is /dev/ptmx (admin-guide/devices.txt of the kernel), also for the ptmx of a devpts instance. */
static bool is_ptmx(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(5, 2);
}

static int open_ptmx(int root_fd, struct error *err)
{
	auto_close int path_fd = open_in_root(root_fd, "dev/pts/ptmx", O_PATH);
	int fd;

	if (path_fd < 0)
		path_fd = open_in_root(root_fd, "dev/ptmx", O_PATH);
	if (path_fd < 0)
		return error_sys(err, path_fd, "open the container's 'dev/pts/ptmx'");
	/* Before it is opened, because some devices act then. */
	if (!is_ptmx(path_fd))
		return error_set(err, -ENOTTY, "the container's 'dev/pts/ptmx' is another device");
	fd = reopen_fd(path_fd, O_RDWR | O_NOCTTY);
	return fd < 0 ? error_sys(err, fd, "open the container's 'dev/pts/ptmx'") : fd;
}

/*
 * Makes @uid the owner, and "tty" the group, which is 5 in all distributions, unless the devpts has a gid=
 * option. An id that the user namespace does not map (EPERM, EINVAL) is not an error, because the terminal
 * works without.
 */
static int give(int slave_fd, uid_t uid)
{
	enum { GROUP_TTY = 5 };
	struct stat st;

	if (fstat(slave_fd, &st) < 0)
		return -errno;
	if (st.st_gid == 0)
		(void)!fchown(slave_fd, (uid_t)-1, GROUP_TTY);
	if (uid != st.st_uid && fchown(slave_fd, uid, (gid_t)-1) < 0 && errno != EPERM && errno != EINVAL)
		return -errno;
	return 0;
}

int terminal_open(int root_fd, uid_t uid, uint16_t height, uint16_t width, int *ret_master, int *ret_slave,
		  struct error *err)
{
	auto_close int master_fd = open_ptmx(root_fd, err);
	auto_close int slave_fd = -1;
	const struct winsize size = { .ws_row = height, .ws_col = width };
	const int unlock = 0;
	int r;

	if (master_fd < 0)
		return master_fd;
	if (ioctl(master_fd, TIOCSPTLCK, &unlock) < 0)
		return error_sys(err, -errno, "unlock the terminal");
	slave_fd = ioctl(master_fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave_fd < 0)
		return error_sys(err, -errno, "open the terminal's slave");
	if ((height || width) && ioctl(master_fd, TIOCSWINSZ, &size) < 0)
		return error_sys(err, -errno, "set the terminal's size");
	r = give(slave_fd, uid);
	if (r < 0)
		return error_sys(err, r, "give the terminal to uid %u", uid);
	*ret_master = take_fd(&master_fd);
	*ret_slave = take_fd(&slave_fd);
	return 0;
}

int terminal_attach(int slave_fd, struct error *err)
{
	if (ioctl(slave_fd, TIOCSCTTY, 0) < 0)
		return error_sys(err, -errno, "make the terminal the controlling one");
	for (int fd = 0; fd <= 2; fd++)
		if (dup2(slave_fd, fd) < 0)
			return error_sys(err, -errno, "put the terminal on descriptor %d", fd);
	return 0;
}
