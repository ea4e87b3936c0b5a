/* SPDX-License-Identifier: Apache-2.0 */

/*
 * `mounts add|remove`: sources are opened here, on the host; a child enters the container's mount and user namespace and
 * does the rest, with the code that makes the mounts of a new container.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "container/container.h"
#include "container/state.h"
#include "container/state_dir.h"
#include "container/status.h"
#include "init/sync.h"
#include "mount/setup.h"
#include "spec/spec.h"
#include "syscall/process.h"
#include "util/cleanup.h"
#include "util/error.h"

struct live {
	const struct spec *spec;
	struct mount_setup *setup; /* NULL: remove */
	int pidfd;
	int proc_fd; /* the host's */
	uint64_t namespaces;
};

static _Noreturn void child(const struct live *live, int sync_fd)
{
	struct error err = { 0 };
	int r = 0;

	if (setns(live->pidfd, (int)(live->namespaces & (CLONE_NEWNS | CLONE_NEWUSER | CLONE_NEWCGROUP |
							 CLONE_NEWNET | CLONE_NEWIPC))) < 0)
		r = error_sys(&err, -errno, "enter the container's namespaces");
	/* What is mounted belongs to the container's root, not to somebody who does not exist there. */
	if (r == 0 && (live->namespaces & CLONE_NEWUSER) && (sys_setresgid(0) < 0 || sys_setresuid(0) < 0))
		r = error_set(&err, -EPERM, "become root of the container's user namespace");
	if (r == 0)
		r = live->setup ? mount_do_live(live->setup, &err) :
				  mount_do_remove(live->spec, live->proc_fd, &err);
	if (r < 0)
		sync_send_failure(sync_fd, &err);
	_exit(r < 0);
}

static int run_inside(const struct live *live, struct error *err)
{
	struct sync_message message;
	int fds[2], r = sync_pair(fds, err);
	pid_t pid;

	if (r < 0)
		return r;
	pid = sys_clone3(0, SIGCHLD, -1);
	if (pid == 0) {
		close(fds[0]);
		child(live, fds[1]);
	}
	close(fds[1]);
	r = pid < 0 ? error_sys(err, pid, "start a process for the mounts") :
		      sync_receive(fds[0], &message, err);
	close(fds[0]);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return r < 0 ? r : 0;
}

static int refuse_idmaps(const struct spec *spec, struct error *err)
{
	for (size_t i = 0; i < spec->mounts_len; i++)
		if (spec->mounts[i].options.idmap)
			return error_set(err, -EOPNOTSUPP, "/%zu: idmapped mounts can be made by create only",
					 i);
	return 0;
}

static int change(const struct state *state, const struct spec *spec, bool add, struct error *err)
{
	auto_close int pidfd = sys_pidfd_open(state->pid);
	auto_close int bundle_fd = open(state->bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	const struct mount_request request = {
		.spec = spec,
		.bundle_fd = bundle_fd,
		.new_userns = state->namespaces & CLONE_NEWUSER,
		.unprivileged = geteuid() != 0,
		.has_cgroupns = state->namespaces & CLONE_NEWCGROUP,
		.cgroup_dir_fd = -1,
	};
	auto_close int proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct live live = {
		.spec = spec,
		.pidfd = pidfd,
		.proc_fd = proc_fd,
		.namespaces = state->namespaces,
	};
	int r = refuse_idmaps(spec, err);

	if (r < 0)
		return r;
	if (pidfd < 0)
		return error_sys(err, pidfd, "open a pidfd");
	if (bundle_fd < 0)
		return error_sys(err, -errno, "bundle '%s'", state->bundle);
	r = add ? mount_setup_make_live(&request, &live.setup, err) : 0;
	if (r == 0)
		r = run_inside(&live, err);
	mount_setup_free(live.setup);
	return r;
}

int container_mounts(const struct container_host *host, const char *id, const struct spec *spec, bool add,
		     struct error *err)
{
	auto_close int dir_fd = state_dir_open(host, id, err);
	struct state state;
	int r;

	if (dir_fd < 0)
		return dir_fd;
	r = state_dir_lock(dir_fd, id, err);
	if (r == 0)
		r = state_load(dir_fd, &state, err);
	if (r < 0)
		return r;
	r = status_check(status_of(dir_fd, &state), OP_MOUNT, id, err);
	if (r == 0)
		r = change(&state, spec, add, err);
	state_done(&state);
	return r;
}
