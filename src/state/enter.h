/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Things that have to be done inside of a container that runs already, by a process that enters its namespaces for them. */

#include <stdbool.h>

struct error;
struct fd_list;
struct state;

struct enter_act {
	int (*run)(void *data, struct error *err);
	void *data;
	const struct fd_list *keep; /* descriptors that it needs besides 0 to 2; borrowed; NULL: none */
	/*
	 * In a process that was forked inside of the container's pid namespace: what it mounts of procfs shows that namespace. Others
	 * need not be there, where the container's root sees them.
	 */
	bool in_pid_namespace;
};

/*
 * The root of the container's first process, O_PATH; the caller closes it. @proc_fd: the host's /proc. An ordinary user gets it only when
 * the container has started: until then the process is krun's own, and not dumpable.
 */
int enter_open_root(int proc_fd, const struct state *state, struct error *err);

/*
 * Runs an act in a child that has entered the container's namespaces, as root of its user namespace; but not its cgroup. Waits for it;
 * its failure is the error.
 */
int enter_run(const struct state *state, const struct enter_act *act, struct error *err);

/* Mounts the file behind @fd on @path, which is made as an empty file when it is not there; and takes both away. */
int enter_mount_file(const struct state *state, int fd, const char *path, struct error *err);
int enter_unmount_file(const struct state *state, const char *path, struct error *err);
