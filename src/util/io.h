/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Reading and writing of whole files. All functions return 0 (or a length or an fd) or a negative errno. */

#include <dirent.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

struct error;

/* Writes all @size bytes. Errors are those of write(2); EINTR is retried. */
int io_write_all(int fd, const void *data, size_t size);

/*
 * Reads @fd to its end into fresh memory, NUL-terminated; the caller frees *ret_data. Fails with -EFBIG
 * above @max bytes. @ret_size (may be NULL) does not count the final NUL.
 */
int io_read_all(int fd, size_t max, char **ret_data, size_t *ret_size);

/*
 * The same for the file @name relative to @dir_fd (AT_FDCWD and absolute names work, too). A FIFO whose
 * writer writes nothing for 60 s is -ETIMEDOUT.
 */
int io_read_file(int dir_fd, const char *name, size_t max, char **ret_data, size_t *ret_size);

/*
 * Reads a small file into the caller's buffer of @size bytes with one read(2), as procfs and cgroupfs need
 * it, removes a final newline and adds a NUL. Returns the length, or -EFBIG when the file and its NUL do not
 * fit.
 */
ssize_t io_read_small(int dir_fd, const char *name, char *buffer, size_t size);

/*
 * Reads the first @size - 1 bytes of a file and adds a NUL. Returns their number. For a file whose size has
 * no bound.
 */
ssize_t io_read_start(int dir_fd, const char *name, char *buffer, size_t size);
/* The same for a file that stays open: each call has the kernel write it anew, in procfs and cgroupfs. */
ssize_t io_read_again(int fd, char *buffer, size_t size);

/*
 * As io_read_file(), for a name that others may have replaced: -EINVAL unless it is a regular file, -ELOOP
 * for a symbolic link. The type is checked before the file is opened, so that no device is opened and no FIFO
 * is waited for.
 */
int io_read_regular(int dir_fd, const char *name, size_t max, char **ret_data, size_t *ret_size);

/* Returns 1 if @path is there, 0 if the kernel says that it is not, or an errno, which says neither. */
int io_exists(const char *path);

/*
 * Duplicates @fd, with O_CLOEXEC, to the first free number from @wanted on, or from @low on if the limit of
 * descriptors forbids that (fcntl(2), F_DUPFD: EINVAL or EMFILE). Returns the new descriptor or -errno.
 */
int io_dup_above(int fd, int wanted, int low);

/*
 * Opens a log for appending, and creates it with @mode. The fd is non-blocking. A FIFO that no process reads
 * is -ENXIO, and so is a socket.
 */
int io_open_append(const char *path, mode_t mode);
/*
 * Returns 0, or -EPERM if the regular file behind @fd, or a link at its @path, belongs to neither root nor
 * the caller: in a directory that others may write, they would choose which file gets the text, or read it.
 */
int io_check_owner(int fd, const char *path);
/*
 * Fills @err for @code, with which a call as io_open_append() has failed: "open WHAT 'PATH': ...", and what a
 * user can do about it, which the errno alone does not tell. Returns err->code.
 */
int io_open_failed(int code, const char *what, const char *path, struct error *err);
/*
 * Writes to a log. -EAGAIN when the reader of a FIFO takes nothing for a second, and then at once until it
 * reads again; -EPIPE, without SIGPIPE, when there is no reader.
 */
int io_append(int fd, const void *data, size_t size);

/*
 * Limits how long connect(2), send and receive calls on a blocking socket wait for the other side. They fail
 * with EAGAIN then, which io_socket_error() calls -ETIMEDOUT.
 */
void io_limit_socket(int socket_fd, int timeout_ms);
/* Returns the negative errno of a call on such a socket. */
int io_socket_error(int code);

/*
 * Opens the directory @name relative to @dir_fd ("." for @dir_fd itself) for reading from its beginning, with
 * a descriptor of its own. A symbolic link is not followed. The caller releases *ret with closedir(3).
 */
int io_open_directory(int dir_fd, const char *name, DIR **ret);
/*
 * Reads the next entry. Returns 1, 0 at the end, or a negative errno, so that an error of readdir(3) is not
 * taken for the end of the directory. *ret is valid until the next call.
 */
int io_next_entry(DIR *dir, struct dirent **ret);

/*
 * Closes @stream, an open_memstream(3) for *@text, or NULL. -ENOMEM: not everything was written, and *@text
 * is NULL: the C library may have closed it without an error. Otherwise the caller frees *@text.
 */
int io_close_text(FILE *stream, char **text);

/*
 * Writes @text to an existing file with one write(2), as sysfs, procfs and cgroupfs need it. -EIO when only a
 * part was written.
 */
int io_write_existing(int dir_fd, const char *name, const char *text);
