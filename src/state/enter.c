/* SPDX-License-Identifier: Apache-2.0 */
#include "state/enter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "init/sync.h"
#include "mount/mount.h"
#include "ns/setup.h"
#include "state/state.h"
#include "state/status.h"
#include "syscall/open.h"
#include "syscall/process.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/proc.h"

static const uint64_t ENTERED = CLONE_NEWNS | CLONE_NEWUSER | CLONE_NEWCGROUP | CLONE_NEWNET | CLONE_NEWIPC;

struct entered {
	int pidfd;
	int root_fd; /* of the container's first process */
	const struct file_id *root;
	uint64_t namespaces;
	const struct enter_act *act;
};

static int act_as_root(void *data, struct error *err)
{
	const struct entered *entered = data;

	/*
	 * Files that are made for a mount belong to the container's root: the host's ids may not be mapped
	 * there.
	 */
	if ((entered->namespaces & CLONE_NEWUSER) && sys_become_root() < 0)
		return error_set(err, -EPERM, "become root of the container's user namespace");
	/* The change of ids has set it to fs.suid_dumpable (prctl(2), PR_SET_DUMPABLE). */
	sys_set_dumpable(false);
	return entered->act->run(entered->act->data, err);
}

/* Appends the fds that @act keeps to @list. */
static int add_kept(struct fd_list *list, const struct enter_act *act)
{
	int r = 0;

	for (size_t i = 0; r == 0 && act->keep && i < act->keep->len; i++)
		r = fd_list_add(list, act->keep->items[i]);
	return r;
}

/* Makes a list of its own: the caller's has been used up when this process closed all other fds. */
static int act_in_pid_namespace(struct entered *entered, struct error *err)
{
	struct fd_list keep = { 0 };

	if (add_kept(&keep, entered->act) < 0)
		return error_oom(err);
	return sync_run(act_as_root, entered, &keep, "the container's pid namespace", err);
}

static int enter_and_act(void *data, struct error *err)
{
	struct entered *entered = data;
	const uint64_t pid_too = entered->act->in_pid_namespace ? CLONE_NEWPID : 0;
	const uint64_t wanted = entered->namespaces & (ENTERED | pid_too);
	int r;

	if (setns(entered->pidfd, (int)wanted) < 0)
		return error_sys(err, -errno, "enter the container's namespaces");
	r = ns_enter_root(entered->root_fd, entered->root, err);
	cleanup_close(&entered->root_fd);
	if (r < 0)
		return r;
	return wanted & CLONE_NEWPID ? act_in_pid_namespace(entered, err) : act_as_root(entered, err);
}

int enter_open_root(int proc_fd, const struct state *state, struct error *err)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "%d/root", state->pid);
	fd = openat(proc_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == EACCES && geteuid() != 0)
		return error_sys(
			err, -EACCES,
			"open the root of container '%s', which an ordinary user can enter only when "
			"it has started",
			state->id);
	if (fd < 0 && proc_is_gone(-errno)) {
		auto_close int pidfd = status_open_process(state, err);

		if (pidfd < 0)
			return pidfd;
		/* Other threads may still run, but /proc/PID/root shows that of the first one. */
		return error_set(err, -ESRCH,
				 "the first thread of container '%s' has ended, and with it the way in",
				 state->id);
	}
	return fd < 0 ? error_sys(err, -errno, "open the container's root") : fd;
}

int enter_run(const struct state *state, const struct enter_act *act, struct error *err)
{
	auto_close int pidfd = status_open_process(state, err);
	auto_close int proc_fd = open_proc();
	auto_close int root_fd = -1;
	struct entered entered = { pidfd, -1, &state->root_file, state->namespaces, act };
	struct fd_list keep = { 0 };

	if (pidfd < 0)
		return pidfd;
	if (proc_fd < 0)
		return error_sys(err, proc_fd, "open '/proc'");
	root_fd = enter_open_root(proc_fd, state, err);
	if (root_fd < 0)
		return root_fd;
	entered.root_fd = root_fd;
	if (fd_list_add(&keep, pidfd) < 0 || fd_list_add(&keep, root_fd) < 0 || add_kept(&keep, act) < 0)
		return error_oom(err);
	return sync_run(enter_and_act, &entered, &keep, "the container", err);
}

/* ---- one file -------------------------------------------------------------------------------- */

struct file {
	int fd; /* a detached mount; to remove it: the host's /proc */
	const char *path;
};

static int attach(void *data, struct error *err)
{
	const struct file *file = data;

	return mount_enter_file(file->fd, file->path, err);
}

static int detach(void *data, struct error *err)
{
	const struct file *file = data;

	return mount_do_remove_file(file->path, file->fd, err);
}

static int run_with_file(const struct state *state, int (*run)(void *data, struct error *err),
			 struct file *file, struct error *err)
{
	struct fd_list keep = { 0 };
	const struct enter_act act = { .run = run, .data = file, .keep = &keep };
	int r = fd_list_add(&keep, file->fd) < 0 ? error_oom(err) : enter_run(state, &act, err);

	fd_list_done(&keep);
	return r;
}

int enter_mount_file(const struct state *state, int fd, const char *path, struct error *err)
{
	auto_close int tree_fd = mount_file_tree(fd, err);
	struct file file = { tree_fd, path };

	return tree_fd < 0 ? tree_fd : run_with_file(state, attach, &file, err);
}

int enter_unmount_file(const struct state *state, const char *path, struct error *err)
{
	auto_close int proc_fd = open_proc();
	struct file file = { proc_fd, path };

	return proc_fd < 0 ? error_sys(err, proc_fd, "open '/proc'") :
			     run_with_file(state, detach, &file, err);
}
