/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Files that are replaced as a whole. */

#include <stddef.h>
#include <sys/types.h>

/*
 * Replaces @name in @dir_fd atomically by a file with @mode and these @size bytes of @data: a reader sees the
 * old file or the new one. The file has no name until it is complete where the file system supports
 * O_TMPFILE, so that a process that is killed leaves nothing behind, or at most a complete file "NAME.PID~"
 * when it replaces another. Nobody else may write to the directory.
 */
int file_replace(int dir_fd, const char *name, mode_t mode, const void *data, size_t size);

/*
 * The same for a directory of krun's own, and a file that need not survive a crash of the machine, after
 * which it may be empty. ext4 begins to write a file to the disk when it replaces another by rename(2)
 * (ext4(5), auto_da_alloc), and whoever removes the file soon after that waits for the disk. So the two are
 * exchanged, and the old one is removed.
 */
int file_replace_own(int dir_fd, const char *name, mode_t mode, const void *data, size_t size);
/* Gives a file of such a directory the name of another in the same way. After an error it has its own. */
int file_move_over(int dir_fd, const char *from, const char *name);
