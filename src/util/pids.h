/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A growing list of process ids. Zero-initialised, it is empty. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct pids {
	pid_t *items; /* owned; free() */
	size_t len, capacity;
};

/* Appends @pid. Returns 0 or -ENOMEM. */
int pids_add(struct pids *pids, pid_t pid);
/* Sorts the list in ascending order; .items is not NULL afterwards. Returns 0 or -ENOMEM. */
int pids_finish(struct pids *pids);
/* Returns whether @pid is among @len pids that are sorted as pids_finish() does it. */
bool pids_have(const pid_t *sorted, size_t len, pid_t pid);
