/* SPDX-License-Identifier: Apache-2.0 */
#include "syscall/probe.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Versions are those of the manual pages, "HISTORY". */
const struct sys_needed sys_needed[] = {
	{ "execveat", "3.19" },	  { "statx", "4.11" },	       { "pidfd_send_signal", "5.1" },
	{ "open_tree", "5.2" },	  { "move_mount", "5.2" },     { "fsopen", "5.2" },
	{ "fsconfig", "5.2" },	  { "fsmount", "5.2" },	       { "pidfd_open", "5.3" },
	{ "clone3", "5.3" },	  { "openat2", "5.6" },	       { "pidfd_getfd", "5.6" },
	{ "close_range", "5.9" }, { "mount_setattr", "5.12" }, { NULL, NULL },
};

/* In the order of the names. */
static const long numbers[] = {
	SYS_execveat, SYS_statx,       SYS_pidfd_send_signal, SYS_open_tree,	 SYS_move_mount,
	SYS_fsopen,   SYS_fsconfig,    SYS_fsmount,	      SYS_pidfd_open,	 SYS_clone3,
	SYS_openat2,  SYS_pidfd_getfd, SYS_close_range,	      SYS_mount_setattr,
};

int sys_has(size_t index)
{
	/* No call takes -1 for all of its arguments: it is no descriptor, no address, no set of flags. */
	return syscall(numbers[index], -1L, -1L, -1L, -1L, -1L, -1L) >= 0 || errno != ENOSYS;
}
