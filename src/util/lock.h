/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Waiting for an exclusive flock(2) that another process may hold, without waiting for ever: the holder may
 * be stopped, or wait for something itself.
 */

#include <sys/types.h>

/*
 * Takes the lock of @fd. Returns 0; -EWOULDBLOCK when another open file has it for @timeout_ms (0: tries
 * once); or another negative errno. Polls, so that it needs neither a signal nor a process of its own.
 */
int lock_wait(int fd, int timeout_ms);

/*
 * Returns the process that took the flock(2) on the file of @fd, as /proc/locks has it; 0 when there is none,
 * or when that cannot be told.
 */
pid_t lock_holder(int fd);
