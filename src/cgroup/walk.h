/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Inside cgroup/: walks a cgroup and all below it. A container can make them as deep as it likes, so neither
 * the number of fds nor the stack of this process depends on the depth. The walk goes back up by "..", which
 * is safe because a cgroup cannot be moved to another parent.
 */

struct cgroup_walk {
	/*
	 * Called for each cgroup, the first one too, before those below it; @fd is its directory. May be
	 * NULL.
	 */
	int (*enter)(int fd, void *data);
	/*
	 * Called for each cgroup but the first, after those below it; @parent_fd is its parent's directory.
	 * May be NULL.
	 */
	void (*leave)(int parent_fd, const char *name, void *data);
	void *data;
};

/*
 * Returns 0, the failure of enter(), or a negative errno. A cgroup that is removed meanwhile is not an error;
 * any other one that cannot be opened is.
 */
int cgroup_walk(int dir_fd, const struct cgroup_walk *walk);
