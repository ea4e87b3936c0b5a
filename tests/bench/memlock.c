/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A library that contrib/bench preloads into crun where nobody may raise RLIMIT_MEMLOCK. crun raises it
 * before it loads the program for a container's devices, and gives up when it may not; since Linux 5.11 such
 * programs do not count there, so crun works with the limit as it is. Other limits are set as asked.
 */
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* By the linker's names: libc's headers have other types for them, and other names for the compiler. */
int set_limit(int resource, const void *limits) __asm__("setrlimit");
int set_limit64(int resource, const void *limits) __asm__("setrlimit64");

int set_limit(int resource, const void *limits)
{
	return resource == RLIMIT_MEMLOCK ? 0 : (int)syscall(SYS_prlimit64, 0, resource, limits, NULL);
}

int set_limit64(int resource, const void *limits)
{
	return set_limit(resource, limits);
}
