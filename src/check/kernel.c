/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "check/internal.h"
#include "syscall/probe.h"
#include "syscall/process.h"
#include "util/error.h"
#include "util/io.h"

/* cgroup.kill, the newest that krun counts on. */
enum { MAJOR = 5, MINOR = 14 };

static void check_calls(struct checking *checking, const char *release)
{
	char missing[512] = "";
	size_t len = 0;

	for (size_t i = 0; sys_needed[i].name && len < sizeof(missing); i++)
		if (!sys_has(i))
			len += (size_t)snprintf(missing + len, sizeof(missing) - len, "%s%s (Linux %s)",
						len ? ", " : "", sys_needed[i].name, sys_needed[i].since);
	if (len > 0)
		check_add(checking, CHECK_MISSING, "kernel",
			  "boot a newer kernel; around krun, a seccomp filter may refuse the calls, too",
			  "Linux %s does not have %s", release, missing);
	else if (!check_release_is(release, MAJOR, MINOR))
		check_add(checking, CHECK_MISSING, "kernel", "boot a newer kernel",
			  "Linux %s, and krun needs %d.%d", release, MAJOR, MINOR);
	else
		check_add(checking, CHECK_OK, "kernel", NULL, "Linux %s has all system calls that krun uses",
			  release);
}

static void check_seccomp(struct checking *checking)
{
	const uint32_t action = SECCOMP_RET_ERRNO;
	int r = sys_seccomp(SECCOMP_GET_ACTION_AVAIL, 0, &action);

	if (r == 0)
		check_add(checking, CHECK_OK, "seccomp", NULL, "the kernel has filters of system calls");
	else
		check_add(checking, CHECK_MISSING, "seccomp",
			  "boot a kernel with CONFIG_SECCOMP_FILTER: engines ask for a filter by default",
			  "the kernel has no filters of system calls (%s)", error_reason(r));
}

/* In a chroot or container securityfs may not be mounted: then nothing is known. */
static void check_lsms(struct checking *checking)
{
	char list[256], label[256] = "", enforce[4] = "";
	const bool known = io_read_small(AT_FDCWD, "/sys/kernel/security/lsm", list, sizeof(list)) >= 0;

	if (!known) {
		check_add(checking, CHECK_OK, "security", NULL,
			  "no list of security modules (securityfs is not mounted at /sys/kernel/security)");
		return;
	}
	io_read_small(AT_FDCWD, "/proc/self/attr/current", label, sizeof(label));
	if (check_list_has(list, ',', "selinux") &&
	    io_read_small(AT_FDCWD, "/sys/fs/selinux/enforce", enforce, sizeof(enforce)) >= 0 &&
	    strcmp(enforce, "1") == 0 && checking->km)
		check_add(checking, CHECK_WARNING, "security",
			  "containers under km need a policy that lets them use the device: "
			  "contrib/packaging/selinux, or setsebool -P container_use_devices 1",
			  "SELinux is enforcing, krun runs as %s", label);
	else
		check_add(checking, CHECK_OK, "security", NULL, "modules: %s; krun runs as %s", list,
			  *label ? label : "(no label)");
}

void check_kernel(struct checking *checking)
{
	struct utsname name;

	uname(&name);
	check_calls(checking, name.release);
	check_seccomp(checking);
	check_lsms(checking);
}
