/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The directory of one container below the state root: made atomically (its existence means that the id is in
 * use), locked with flock(2) on its own fd for as long as a command changes the container, removed last.
 * The root and everything below is 0700 and never reachable from a container.
 */

#include <stdbool.h>

#include "util/strv.h"

struct runtime_options;
struct error;

/* A directory in it for the container's notify socket, and where the container has that (launch/notify.h). */
#define STATE_NOTIFY "notify"
#define STATE_NOTIFY_MOUNT "/run/notify"

/* Opens the state root; @make: makes it (and its parents) when absent. -ENOENT without @make. */
int state_root_open(const struct runtime_options *runtime, bool make, struct error *err);

/* Makes the directory of @id, locked. Returns its fd; -EEXIST when the id is in use. */
int state_dir_make(int root_fd, const char *id, struct error *err);

/* Opens it; -ENOENT "container 'ID' does not exist". Not locked. */
int state_dir_open(const struct runtime_options *runtime, const char *id, struct error *err);
/* Waits for the lock; -ENOENT when the directory was removed meanwhile. */
int state_dir_lock(int dir_fd, const char *id, struct error *err);
/* Before the fd is closed, for who has more to do than with the container. */
void state_dir_unlock(int dir_fd);
/* Whether some command changes the container just now. */
bool state_dir_is_locked(int dir_fd);
/* Removes the directory with its files. A missing one is fine. */
int state_dir_remove(const struct runtime_options *runtime, int dir_fd, const char *id, struct error *err);

/* Whether it was removed since it was opened. */
bool state_dir_is_removed(int dir_fd);
/* -ENOENT with the text that engines look for: "container 'ID' does not exist". */
int state_dir_absent(const char *id, struct error *err);

/* Names of all containers, sorted. */
int state_root_list(int root_fd, struct strv *ret, struct error *err);
