/* SPDX-License-Identifier: Apache-2.0 */
#include "container/live.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <unistd.h>

#include "container/state.h"
#include "init/sync.h"
#include "mount/setup.h"
#include "syscall/process.h"
#include "util/cleanup.h"
#include "util/error.h"

static const uint64_t ENTERED = CLONE_NEWNS | CLONE_NEWUSER | CLONE_NEWCGROUP | CLONE_NEWNET | CLONE_NEWIPC;

struct entered {
	int pidfd;
	uint64_t namespaces;
	int (*act)(void *data, struct error *err);
	void *data;
};

static int enter_and_act(void *data, struct error *err)
{
	const struct entered *entered = data;

	if (setns(entered->pidfd, (int)(entered->namespaces & ENTERED)) < 0)
		return error_sys(err, -errno, "enter the container's namespaces");
	/* What is mounted belongs to the container's root, not to somebody who does not exist there. */
	if ((entered->namespaces & CLONE_NEWUSER) && (sys_setresgid(0) < 0 || sys_setresuid(0) < 0))
		return error_set(err, -EPERM, "become root of the container's user namespace");
	return entered->act(entered->data, err);
}

int live_run(const struct state *state, int (*act)(void *data, struct error *err), void *data,
	     struct error *err)
{
	auto_close int pidfd = sys_pidfd_open(state->pid);
	struct entered entered = { pidfd, state->namespaces, act, data };

	return pidfd < 0 ? error_sys(err, pidfd, "open a pidfd") :
			   sync_run(enter_and_act, &entered, "the container", err);
}

/* ---- one file --------------------------------------------------------------------------------------------------- */

struct file {
	int fd; /* a detached tree; the host's /proc for the way back */
	const char *path;
};

static int attach(void *data, struct error *err)
{
	const struct file *file = data;

	return mount_do_live_file(file->fd, file->path, err);
}

static int detach(void *data, struct error *err)
{
	const struct file *file = data;

	return mount_do_remove_file(file->path, file->fd, err);
}

int live_mount_file(const struct state *state, int fd, const char *path, struct error *err)
{
	auto_close int tree_fd = mount_file_tree(fd, err);
	struct file file = { tree_fd, path };

	return tree_fd < 0 ? tree_fd : live_run(state, attach, &file, err);
}

int live_unmount_file(const struct state *state, const char *path, struct error *err)
{
	auto_close int proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct file file = { proc_fd, path };

	return proc_fd < 0 ? error_sys(err, -errno, "open '/proc'") : live_run(state, detach, &file, err);
}
