/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The directory of one container below the state root. mkdir(2) reserves the id: the id is in use while the
 * directory exists. A command that changes the container holds flock(2) on the directory. The directory is
 * removed last.
 *
 * krun makes the root and the directories of containers with mode 0700. Of a state directory a container sees
 * STATE_NOTIFY only, which is mounted in it.
 */

#include <stdbool.h>

#include "util/strv.h"

struct runtime_options;
struct error;

/* Its files (state.h). */
#define STATE_FILE "state.json"
/* The one that a create is about to put there; nobody reads it. */
#define STATE_NEXT "state.json.next"
/*
 * Written before STATE_FILE each time: the keys that find the container's processes, if STATE_FILE is lost or
 * cut off.
 */
#define STATE_PLACE "place.json"
#define STATE_CONFIG "config.json"
#define STATE_SECCOMP "seccomp.bpf"

/*
 * The directory of the container's notify socket, and where it is mounted in the container (launch/notify.h).
 */
#define STATE_NOTIFY "notify"
#define STATE_NOTIFY_MOUNT "/run/notify"

/*
 * Opens the state root; the caller closes it. @make: makes it and its parents if absent. -ENOENT: absent,
 * without @make.
 */
int state_root_open(const struct runtime_options *runtime, bool make, struct error *err);

/*
 * Makes the directory of @id and locks it. Returns its fd, which the caller closes. -EEXIST: the id is in
 * use. -EINVAL: invalid id.
 */
int state_dir_make(int root_fd, const char *id, struct error *err);

/*
 * Opens the directory of @id, without its lock; the caller closes it. -ENOENT: "container 'ID' does not
 * exist".
 */
int state_dir_open(const struct runtime_options *runtime, const char *id, struct error *err);
/* The same below an open state root. */
int state_dir_open_below(int root_fd, const struct runtime_options *runtime, const char *id,
			 struct error *err);
/*
 * Waits for the lock, 60 s at most. -ENOENT: the directory was removed meanwhile; -EBUSY: another command has
 * had it for all that time. A hook or a stopped process can make a command hold it for long.
 */
int state_dir_lock(int dir_fd, const char *id, struct error *err);
/* Drops the lock early; the fd stays open. */
void state_dir_unlock(int dir_fd);
/* True if another command holds the lock. @dir_fd must not hold it: this would drop it. */
bool state_dir_is_locked(int dir_fd);
/*
 * For a command without the lock that misses a file of the directory: another one may be making or removing
 * the container just now. Returns true, after a nap, if it is worth another look; @looks: how often it was
 * called before. False: the directory is removed, nobody has its lock, or it has gone on for 0.1 s.
 */
bool state_dir_is_in_motion(int dir_fd, int looks);
/* Removes the directory and everything in it. A missing directory is not an error. */
int state_dir_remove(const struct runtime_options *runtime, int dir_fd, const char *id, struct error *err);

/* True if the directory has been removed since it was opened. */
bool state_dir_is_removed(int dir_fd);
/*
 * Returns -ENOENT with the text that engines look for: "container 'ID' does not exist". @root: where it was
 * searched; NULL: it has been removed meanwhile.
 */
int state_dir_absent(const char *root, const char *id, struct error *err);

/* Adds the ids of all containers to @ret, sorted. */
int state_root_list(int root_fd, struct strv *ret, struct error *err);
