/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Scoped release of fds and memory, and visible moves of ownership. errno survives each release, so
 * a value can go out of scope between a failed call and the line that reports it.
 */

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define auto_close __attribute__((cleanup(cleanup_close)))
#define auto_free __attribute__((cleanup(cleanup_free)))

static inline void cleanup_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

static inline void cleanup_free(void *pointer_to_pointer)
{
	void **pointer = pointer_to_pointer;

	free(*pointer);
	*pointer = NULL;
}

/* Moves the fd out of the variable, which no longer owns it. */
static inline int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

/* Moves the pointer out of the variable, which no longer owns it. */
#define take_pointer(pointer)                           \
	({                                              \
		__typeof__(pointer) taken_ = (pointer); \
		(pointer) = NULL;                       \
		taken_;                                 \
	})
