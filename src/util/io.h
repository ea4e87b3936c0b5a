/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Whole-file reading and writing on fds. All return 0 (or a length) or a negative errno. */

#include <dirent.h>
#include <stddef.h>
#include <sys/types.h>

/* Writes all of @size bytes; -EPIPE and friends as write(2) gives them. */
int io_write_all(int fd, const void *data, size_t size);

/*
 * Reads @fd to its end into fresh memory, NUL-terminated; the caller frees *ret_data. Fails with -EFBIG
 * above @max bytes. @ret_size (may be NULL) does not count the final NUL.
 */
int io_read_all(int fd, size_t max, char **ret_data, size_t *ret_size);

/* The same for a file below @dir_fd (AT_FDCWD and absolute names work too). */
int io_read_file(int dir_fd, const char *name, size_t max, char **ret_data, size_t *ret_size);

/*
 * Reads a small file into the caller's buffer in one read(2), as procfs and cgroupfs want it; a final
 * newline is cut. Returns the length. A file that does not fit is -EFBIG.
 */
ssize_t io_read_small(int dir_fd, const char *name, char *buffer, size_t size);

/* Its first bytes, as many as fit before the final NUL: for what begins with what is wanted and has no bound. Returns their number. */
ssize_t io_read_start(int dir_fd, const char *name, char *buffer, size_t size);

/*
 * As io_read_file() for a name that others may have made something else of: -EINVAL unless it is a regular file, which is seen
 * before it is opened, so that no device is and no FIFO is waited for. A symbolic link is not followed (-ELOOP).
 */
int io_read_regular(int dir_fd, const char *name, size_t max, char **ret_data, size_t *ret_size);

/*
 * A file of the caller's choice that others may read, made with @mode: a log. A FIFO that nobody reads is -ENXIO, and is not waited
 * for.
 */
int io_open_append(const char *path, mode_t mode);
/* Writes to it: -EAGAIN when a reader takes nothing for a second, -EPIPE without a signal when there is none any more. */
int io_append(int fd, const void *data, size_t size);

/*
 * The directory @name below @dir_fd, or @dir_fd itself by ".", to be read from its beginning by a descriptor of its own: 0, and *ret is
 * released with closedir(3), or a negative errno.
 */
int io_open_directory(int dir_fd, const char *name, DIR **ret);
/*
 * The next entry of a directory that is read: 1, 0 at its end, or a negative errno, which readdir(3) tells apart by errno alone. A list
 * that is cut short is not taken for a whole one.
 */
int io_next_entry(DIR *dir, struct dirent **ret);

/* Opens an existing file O_WRONLY and writes @text with one write(2): sysfs, procfs, cgroupfs. */
int io_write_existing(int dir_fd, const char *name, const char *text);

/*
 * Replaces @name in @dir_fd by a file with @mode and this content, so that a reader sees the old file or the new one, never a part. A new
 * one has no name until it is whole, where the file system can do that (O_TMPFILE): who is killed leaves nothing beside it.
 */
int io_replace_file(int dir_fd, const char *name, mode_t mode, const void *data, size_t size);
