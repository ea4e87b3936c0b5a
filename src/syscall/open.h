/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Opening and making files below a directory whose content someone else controls (a container's root). Every
 * look-up uses openat2(2) (Linux 5.6) with RESOLVE_IN_ROOT, so that "..", absolute symlinks and races cannot
 * lead outside; magic links (/proc/PID/fd/N) are never followed. The result is an fd, and callers act on the
 * fd, never on the path again. All fds are close-on-exec and owned by the caller. Functions return 0 or an
 * fd, or a negative errno.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/* openat2(2), with O_CLOEXEC; EAGAIN and EINTR are retried 64 times. */
int sys_openat2(int dir_fd, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve);

/* Opens @path as seen by a process whose root directory is @root_fd. */
int open_in_root(int root_fd, const char *path, int flags);

/* The same without following a symlink in the last component: -ELOOP, or with O_PATH the link itself. */
int open_in_root_nofollow(int root_fd, const char *path, int flags);

enum open_make { OPEN_MAKE_DIRECTORY, OPEN_MAKE_FILE };

/*
 * Returns an O_PATH fd of @path below @root_fd, which is made if it is absent: missing parents as directories
 * with mode 0755, the last component as a directory (@mode) or an empty regular file (@mode without the
 * execute bits), whatever the umask is. Dangling symlinks on the way are followed inside the root. An
 * existing file of any type is returned as it is. *ret_made (may be NULL) is true when the last component is
 * new.
 */
int open_in_root_make(int root_fd, const char *path, enum open_make what, mode_t mode, bool *ret_made);

/*
 * Returns an O_PATH fd of the parent directory of @path, which with @make is made as in open_in_root_make(),
 * and in *ret_name the last component (a part of @path). -EINVAL for a path that ends with "/", "." or "..".
 */
int open_parent_in_root(int root_fd, const char *path, bool make, const char **ret_name);

/*
 * Opens /proc with O_PATH. -ENODEV unless it is the root of a procfs, because what is read below it is
 * trusted. Only on the host, before a container's mount namespace is entered.
 */
int open_proc(void);
/* Opens self/fd below @proc_fd with O_PATH, for open_use_own_links(). A child needs its own. */
int open_own_links(int proc_fd);
/*
 * Makes the functions below use @links_fd (borrowed) instead of /proc/self/fd, because /proc may be a
 * container's by then. With -1 they fail with -ENOENT. For this process only.
 */
void open_use_own_links(int links_fd);

/* Reads the current path of the file behind @fd, cut off at @size - 1 bytes. It may change at any time. */
int fd_path(int fd, char *path, size_t size);
/*
 * Opens the file behind @fd by its path, in the current mount namespace, because a mount cannot be made from
 * an fd of another namespace. -ESTALE when the path leads to another file.
 */
int open_again_here(int fd, int flags);
/* True when both have the same device and inode number. */
bool is_same_file(const struct stat *a, const struct stat *b);

/* Identifies a file or directory, also for a later command. */
struct file_id {
	dev_t device;
	ino_t inode; /* 0: unknown */
};
struct file_id file_id_of(const struct stat *st);
/* Also true when @known is unknown. */
bool file_id_matches(const struct file_id *known, const struct stat *st);

/* Opens the file behind an O_PATH fd with other @flags, through /proc/self/fd. */
int reopen_fd(int fd, int flags);
/* Gives the file behind an fd, also one without a name (O_TMPFILE), the new name @name in @dir_fd. */
int link_fd(int fd, int dir_fd, const char *name);
/* chmod(2) of the file behind an O_PATH fd. */
int chmod_fd(int fd, mode_t mode);
