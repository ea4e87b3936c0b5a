/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Files that are replaced as a whole. */

#include <stddef.h>
#include <sys/types.h>

/*
 * Gives the file @from of @dir_fd the name @name, which a file may have: a reader sees the old one or the new
 * one. After a crash of the machine it may have neither's data: the two are exchanged, and the old one is
 * removed, because ext4 writes a file's data to the disk when rename(2) replaces another by it (ext4(5),
 * auto_da_alloc), and who removes that file soon waits for the disk. Where that fails, @from is left.
 */
int file_move_over(int dir_fd, const char *from, const char *name);

/*
 * Replaces @name in @dir_fd atomically by a file with @mode and these @size bytes of @data: a reader sees the
 * old file or the new one. The file has no name until it is complete where the file system supports
 * O_TMPFILE, so that a process that is killed leaves nothing behind. See file_move_over() about a crash.
 */
int file_replace(int dir_fd, const char *name, mode_t mode, const void *data, size_t size);
