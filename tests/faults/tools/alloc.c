/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linked into a krun of the tests with ../../unit/allocations.c: the allocation number $KRUN_FAIL_ALLOCATION
 * of a process fails; a child goes on counting where its parent was. What the C library allocates before it
 * runs constructors is not krun's, and is not counted: it ends the process with status 127. The command
 * writes how many it has made, and whether one failed, to the file $KRUN_COUNT_ALLOCATIONS when it ends.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../unit/allocations.h"

/* The environment is read now, because krun overwrites it before it enters a container. */
__attribute__((constructor(101))) static void begin(void)
{
	const char *word = getenv("KRUN_FAIL_ALLOCATION");

	allocations_fail(word ? strtoul(word, NULL, 10) : 0);
}

__attribute__((destructor)) static void tell(void)
{
	const char *path = getenv("KRUN_COUNT_ALLOCATIONS");
	const int fd = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;

	if (fd < 0)
		return;
	dprintf(fd, "%lu %d\n", allocations_made(), allocations_failed());
	close(fd);
}
