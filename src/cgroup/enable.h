/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Inside cgroup/: which controllers a cgroup has. Each ancestor enables controllers for its direct children
 * (cgroup.subtree_control). What is enabled already is not written again. An ancestor that cannot enable a
 * controller (no permission, or processes of its own) is skipped: what is missing in the end decides whether
 * that is an error.
 */

#include <stdbool.h>

struct cgroup_writes;
struct error;

/* Returns whether @word is one of the words in @list, which blanks separate. */
bool cgroup_list_has(const char *list, const char *word);

/*
 * Enables every available controller for the cgroup @path (relative to @root_fd; @dir_fd: its directory),
 * because engines, `events` and programs that divide the cgroup from inside count on them. Nothing is written
 * above a cgroup that a service manager has delegated (cgroups(7), "Delegation"): that part belongs to the
 * manager. Never an error.
 */
void cgroup_enable_all(int root_fd, int dir_fd, const char *path);
/*
 * Enables the controllers that @writes need, beginning as far up as necessary. For one that cannot be enabled
 * the error says where and why.
 */
int cgroup_enable_for(int root_fd, int dir_fd, const char *path, const struct cgroup_writes *writes,
		      struct error *err);
/*
 * Enables, for the children of cgroup @dir_fd, those controllers of @wanted (NULL: all) that it has itself.
 * Returns the first failure, or 0.
 */
int cgroup_hand_on(int dir_fd, const char *wanted);
