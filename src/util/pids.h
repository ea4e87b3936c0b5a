/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A growing list of process ids; zero-initialised is empty. */

#include <stddef.h>
#include <sys/types.h>

struct pids {
	pid_t *items; /* owned; free() */
	size_t len, capacity;
};

/* 0 or -ENOMEM. */
int pids_add(struct pids *pids, pid_t pid);
/* Ascending, and never NULL afterwards: 0 or -ENOMEM. */
int pids_finish(struct pids *pids);
