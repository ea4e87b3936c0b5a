/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Inside cgroup/: which controllers a group has. The groups above it decide that, each for those right below it
 * (cgroup.subtree_control). What a group above has handed on already is not written again, and a group that hands nothing on (no
 * permission, processes of its own) is passed over: what is missing below it in the end says whether that matters.
 */

#include <stdbool.h>

struct cgroup_writes;
struct error;

/* Whether @word is one of the words of @list, which blanks separate. */
bool cgroup_list_has(const char *list, const char *word);

/*
 * For the group @path (below @root_fd, without a slash in front; @dir_fd: its directory) every controller that can be had: engines,
 * `events`, and who divides the group from inside count on it. Above a group that a service manager has delegated (cgroups(7),
 * "Delegation") nothing is written, for that is the manager's. Never an error.
 */
void cgroup_enable_all(int root_fd, int dir_fd, const char *path);
/* The controllers that @writes need, from as far up as it takes. One that cannot be had is an error that says where it ends, and why. */
int cgroup_enable_for(int root_fd, int dir_fd, const char *path, const struct cgroup_writes *writes,
		      struct error *err);
/* Hands on, in the group @dir_fd, those of @wanted (NULL: all) that it has. The first refusal, or 0. */
int cgroup_hand_on(int dir_fd, const char *wanted);
