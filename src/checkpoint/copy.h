/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Copies the content of a file as cheaply as the file system can. */

#include <stdbool.h>

struct error;

/*
 * Copies @from_fd to @to_fd, which must be empty, up to the size at the beginning. The files share blocks
 * where the file system can (ioctl_ficlone(2)); otherwise the data is copied, and holes stay holes. Data
 * written to @from_fd meanwhile may or may not be copied. -EINTR: this command is asked to end
 * (util/interrupt.h). -EIO: @from_fd became shorter.
 */
int checkpoint_copy(int from_fd, int to_fd, struct error *err);

/* Returns whether checkpoint_copy() would share blocks and need no space; both files must be empty. */
bool checkpoint_copy_is_free(int from_fd, int to_fd);
