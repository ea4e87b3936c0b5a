/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The program that is linked statically has no name services: these two functions are what libcap-ng refers to for capng_change_id(), which
 * nobody here calls, and glibc's would bring 140 KiB and modules that are loaded from wherever the process is by then (HACKING.md). An
 * archive's function is not linked where the program has one of that name.
 */

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stddef.h>

struct passwd *getpwuid(uid_t uid)
{
	(void)uid;
	errno = ENOSYS;
	return NULL;
}

int initgroups(const char *name, gid_t group)
{
	(void)name;
	(void)group;
	errno = ENOSYS;
	return -1;
}
