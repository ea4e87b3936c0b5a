/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "check/internal.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"
#include "util/proc.h"

enum { LIST_MAX = 256 };

/* Those that engines set limits with. */
static const char *const wanted[] = { "cpu", "memory", "pids", "io", "cpuset" };

/* Reads which controllers a cgroup has, and which of the wanted ones it does not have. */
static void read_controllers(const char *directory, char have[LIST_MAX], char missing[LIST_MAX])
{
	char path[2 * PATH_MAX];
	size_t len = 0;

	have[0] = missing[0] = '\0';
	snprintf(path, sizeof(path), "%s/cgroup.controllers", directory);
	io_read_small(AT_FDCWD, path, have, LIST_MAX);
	for (size_t i = 0; i < ARRAY_LEN(wanted) && len < LIST_MAX; i++)
		if (!check_list_has(have, ' ', wanted[i]))
			len += (size_t)snprintf(missing + len, LIST_MAX - len, "%s%s", len ? ", " : "",
						wanted[i]);
}

/* An ordinary user's containers are below his own cgroup, if that was given to him. */
static void check_delegation(struct checking *checking, const char *mount_point)
{
	char text[PATH_MAX], directory[PATH_MAX + 64], path[PATH_MAX + 128], have[LIST_MAX],
		missing[LIST_MAX];
	const char *own = io_read_start(AT_FDCWD, "/proc/self/cgroup", text, sizeof(text)) < 0 ?
				  NULL :
				  cgroup_path_in(text);

	if (!own) {
		check_add(checking, CHECK_WARNING, "delegation", "call krun in a session of systemd",
			  "this process is in no cgroup of the cgroup v2 tree");
		return;
	}
	snprintf(directory, sizeof(directory), "%s%s", mount_point, own);
	snprintf(path, sizeof(path), "%s/cgroup.procs", directory);
	if (access(path, W_OK) < 0) {
		check_add(checking, CHECK_WARNING, "delegation",
			  "call krun by 'systemd-run --user --scope -p Delegate=yes', or with "
			  "--cgroup-manager systemd; without it containers have no limits",
			  "cgroup '%s' does not belong to user %u", own, geteuid());
		return;
	}
	read_controllers(directory, have, missing);
	if (*missing)
		check_add(checking, CHECK_WARNING, "delegation",
			  "as root: put '[Service]' and 'Delegate=cpu cpuset io memory pids' into "
			  "/etc/systemd/system/user@.service.d/delegate.conf, and log in again",
			  "cgroup '%s' does not have %s", own, missing);
	else
		check_add(checking, CHECK_OK, "delegation", NULL, "cgroup '%s' has %s", own, have);
}

static void check_controllers(struct checking *checking, const char *mount_point)
{
	char have[LIST_MAX], missing[LIST_MAX];

	read_controllers(mount_point, have, missing);
	if (*missing)
		check_add(checking, CHECK_WARNING, "controllers",
			  "boot with systemd.unified_cgroup_hierarchy=1 cgroup_no_v1=all; a limit of another "
			  "controller is an error",
			  "the cgroup v2 tree does not have %s", missing);
	else
		check_add(checking, CHECK_OK, "controllers", NULL, "%s", have);
}

/* Only where systemd runs, and only a warning: krun makes cgroups itself, too, and engines choose. */
void check_systemd(struct checking *checking)
{
	auto_free char *version = NULL;
	struct error err;

	if (access("/run/systemd/system", F_OK) < 0)
		return;
	if (!cgroup_systemd_is_built_in())
		check_add(checking, CHECK_WARNING, "systemd",
			  "use --cgroup-manager cgroupfs (and the engine's setting for that), or a krun that "
			  "is "
			  "built with libsystemd",
			  "this krun was built without libsystemd: it has no --cgroup-manager systemd");
	else if (cgroup_systemd_version(!checking->is_root || proc_in_user_namespace() > 0, &version, &err) <
		 0)
		check_add(checking, CHECK_WARNING, "systemd",
			  "without --cgroup-manager systemd containers need none of this", "%s", err.text);
	else
		check_add(checking, CHECK_OK, "systemd", NULL, "systemd %s makes cgroups for krun", version);
}

void check_cgroups(struct checking *checking)
{
	const char *mount_point = cgroup_mount_point();

	switch (cgroup_host_kind()) {
	case CGROUP_HOST_UNIFIED:
		check_add(checking, CHECK_OK, "cgroups", NULL, "v2 at %s", mount_point);
		break;
	case CGROUP_HOST_HYBRID:
		check_add(checking, CHECK_WARNING, "cgroups",
			  "boot with systemd.unified_cgroup_hierarchy=1 for limits",
			  "hybrid: v2 at %s, controllers on v1", mount_point);
		if (!checking->is_root)
			check_delegation(checking, mount_point);
		return;
	case CGROUP_HOST_V1:
		check_add(checking, CHECK_WARNING, "cgroups",
			  "boot with systemd.unified_cgroup_hierarchy=1 for limits",
			  "v1 only: krun counts processes in a v2 tree of its own, without limits");
		return;
	case CGROUP_HOST_NONE:
	default:
		check_add(checking, checking->is_root ? CHECK_WARNING : CHECK_MISSING, "cgroups",
			  "mount -t cgroup2 none /sys/fs/cgroup, or use --cgroup-manager disabled",
			  "nothing is mounted at /sys/fs/cgroup");
		return;
	}
	check_controllers(checking, mount_point);
	if (!checking->is_root)
		check_delegation(checking, mount_point);
}
