/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Inside cgroup/: every group below one, however deep: a container that may make groups makes as many below each other as it likes, and
 * neither the descriptors nor the stack of this process depend on it. A group cannot be moved to another parent, so that the way back up is
 * the way down.
 */

struct cgroup_walk {
	/* Of each group, the first one too, before those below it; @fd is its directory. May be NULL. */
	int (*enter)(int fd, void *data);
	/* Of each but the first, after those below it; @parent_fd is the directory that it is in. May be NULL. */
	void (*leave)(int parent_fd, const char *name, void *data);
	void *data;
};

/*
 * 0, what enter() failed with, or a negative errno. A group that is removed meanwhile is nobody's failure; any other one that cannot be
 * looked at is not passed over.
 */
int cgroup_walk(int dir_fd, const struct cgroup_walk *walk);
