/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Opening and making things below a directory whose content someone else controls (a container's root).
 * Every look-up goes through openat2(2) (Linux 5.6) with RESOLVE_IN_ROOT, so that "..", absolute
 * symlinks and races cannot lead outside; magic links (/proc/PID/fd/N) are never followed. The result is
 * an fd, and callers act on the fd, never on the path again. All fds are close-on-exec.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/* openat2(2) itself. */
int sys_openat2(int dir_fd, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve);

/* Opens @path as seen by a process whose root is @root_fd. Negative errno on failure. */
int open_in_root(int root_fd, const char *path, int flags);

/* The same without following a symlink in the last component (O_NOFOLLOW with O_PATH opens the link). */
int open_in_root_nofollow(int root_fd, const char *path, int flags);

enum open_make { OPEN_MAKE_DIRECTORY, OPEN_MAKE_FILE };

/*
 * O_PATH fd of @path below @root_fd, made if it is absent: missing parents as directories with mode
 * 0755, the last component as a directory (@mode) or an empty regular file (@mode without the
 * execute bits), whatever the umask is. Dangling symlinks on the way are followed inside the
 * root. An existing object of another type is returned as it is. *ret_made (may be NULL) tells whether the last component is new.
 */
int open_in_root_make(int root_fd, const char *path, enum open_make what, mode_t mode, bool *ret_made);

/*
 * Like open_in_root_make() for the parent of @path: the fd of the parent directory, and in *ret_name the
 * last component (points into @path). -EINVAL for a path without one ("/", "a/..").
 */
int open_parent_in_root(int root_fd, const char *path, bool make, const char **ret_name);

/*
 * The procfs of this process' mount namespace at /proc, O_PATH. It has to be the root of a procfs (-ENODEV), because what
 * is read and written below it is believed; so this is for the host, before any container's namespace is entered.
 */
int open_proc(void);
/*
 * The links to this process' own descriptors, /proc/self/fd below @proc_fd, for open_use_own_links(). O_PATH; a child needs its own.
 */
int open_own_links(int proc_fd);
/*
 * From here on the functions below use these links, and not those at /proc, where a container's may be by then. Borrowed; -1: they fail
 * with -ENOENT. In this process alone.
 */
void open_use_own_links(int links_fd);

/* The path of what @fd was opened on, as the kernel tells it: true now, perhaps not any more when it is used. */
int fd_path(int fd, char *path, size_t size);
/*
 * Opens by that path what @fd is, in the mount namespace of now: from what was opened in another one nothing can be mounted.
 * -ESTALE when something else is there.
 */
int open_again_here(int fd, int flags);
bool is_same_file(const struct stat *a, const struct stat *b);

/* A file or directory that is to be known again, also by a later command. */
struct file_id {
	dev_t device;
	ino_t inode; /* 0: not known */
};
struct file_id file_id_of(const struct stat *st);
/* True for one that is not known, too. */
bool file_id_matches(const struct file_id *known, const struct stat *st);

/* Opens the object behind an O_PATH fd for real (through /proc/self/fd). */
int reopen_fd(int fd, int flags);
/* chmod(2) of the object behind an O_PATH fd. */
int chmod_fd(int fd, mode_t mode);
