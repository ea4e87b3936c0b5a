/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Work inside of a running container. krun forks a child that enters the container's namespaces and does it
 * there. On the host, in the process of the command.
 */

#include <stdbool.h>

struct error;
struct fd_list;
struct state;

struct enter_act {
	int (*run)(void *data, struct error *err);
	void *data;
	const struct fd_list *keep; /* fds that it needs besides 0 to 2; borrowed; NULL: none */
	/*
	 * True: it runs in a process forked inside of the container's pid namespace, so that a procfs that it
	 * mounts shows that namespace. False: the process stays in krun's pid namespace, where the
	 * container's root cannot see it.
	 */
	bool in_pid_namespace;
};

/*
 * Opens the root directory of the container's first process with O_PATH; the caller closes it. @proc_fd: the
 * host's /proc. -ESRCH: that process, or its first thread, has ended. -EACCES: an ordinary user asks before
 * the container has started; until then the process is krun's own and not dumpable (proc(5)).
 */
int enter_open_root(int proc_fd, const struct state *state, struct error *err);

/*
 * Runs @act in a child that has entered the container's mount, user, cgroup, network and IPC namespaces, as
 * root of the user namespace if it has one; the child stays in the caller's cgroup. Waits for the child and
 * returns its error.
 */
int enter_run(const struct state *state, const struct enter_act *act, struct error *err);

/* Bind mounts the file behind @fd on @path of the container; makes an empty file there if there is none. */
int enter_mount_file(const struct state *state, int fd, const char *path, struct error *err);
/* Removes that mount and the file below it. */
int enter_unmount_file(const struct state *state, const char *path, struct error *err);
