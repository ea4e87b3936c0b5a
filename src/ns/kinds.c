/* SPDX-License-Identifier: Apache-2.0 */
#include "ns/kinds.h"

#include <linux/sched.h>

const struct ns_kind_info ns_kinds[NS_KIND_COUNT] = {
	[NS_USER] = { CLONE_NEWUSER, "user" },	     [NS_PID] = { CLONE_NEWPID, "pid" },
	[NS_NETWORK] = { CLONE_NEWNET, "net" },	     [NS_MOUNT] = { CLONE_NEWNS, "mnt" },
	[NS_IPC] = { CLONE_NEWIPC, "ipc" },	     [NS_UTS] = { CLONE_NEWUTS, "uts" },
	[NS_CGROUP] = { CLONE_NEWCGROUP, "cgroup" }, [NS_TIME] = { CLONE_NEWTIME, "time" },
};
