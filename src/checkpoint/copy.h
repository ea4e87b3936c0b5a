/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The content of one file in another one, as cheaply as their file system can. */

#include <stdbool.h>

struct error;

/*
 * As much as @from_fd has at the beginning: shared blocks where there are such (reflinks), else block by block in the kernel, with the
 * holes. @to_fd is empty. What somebody writes meanwhile may be in it, and afterwards is not. Gives up with
 * -EINTR when this command is asked to end (util/interrupt.h).
 */
int checkpoint_copy(int from_fd, int to_fd, struct error *err);

/* Whether checkpoint_copy() takes no room; both are empty. */
bool checkpoint_copy_is_free(int from_fd, int to_fd);
