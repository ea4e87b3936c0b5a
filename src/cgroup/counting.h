/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Inside cgroup/: has memory, processes and io counted for the group @path (below @root_fd, without a slash in front; @dir_fd: its
 * directory), also where no limit asks for it: engines, `events` and whoever watches for memory that runs out read these
 * files. Where it cannot be had (no such controller, no permission, processes in a group on the way) the group goes without.
 */
void cgroup_count(int root_fd, int dir_fd, const char *path);
