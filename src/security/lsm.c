/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "security/security.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"

int apparmor_check(const char *profile, struct error *err)
{
	char enabled[8];

	if (strcmp(profile, "unconfined") == 0)
		return 0;
	if (io_read_small(AT_FDCWD, "/sys/module/apparmor/parameters/enabled", enabled, sizeof(enabled)) >
		    0 &&
	    enabled[0] == 'Y')
		return 0;
	return error_set(err, -EOPNOTSUPP,
			 "config.json: /process/apparmorProfile: '%s', but this kernel has no AppArmor",
			 profile);
}

int selinux_check(const char *label, struct error *err)
{
	if (access("/sys/fs/selinux/enforce", F_OK) == 0)
		return 0;
	return error_set(err, -EOPNOTSUPP,
			 "config.json: /process/selinuxLabel: '%s', but this kernel has no SELinux", label);
}

/* Errors name the file in backquotes: engines recognise a refused label by that. */
static int write_attribute(int proc_fd, const char *name, const char *value, struct error *err)
{
	char path[64];
	int r;

	snprintf(path, sizeof(path), "thread-self/attr/%s", name);
	r = io_write_existing(proc_fd, path, value);
	return r < 0 ? error_sys(err, r, "write '%s' to `/proc/%s`", value, path) : 0;
}

int apparmor_apply(int proc_fd, const char *profile, struct error *err)
{
	auto_free char *value = NULL;
	int r;

	if (strcmp(profile, "unconfined") == 0 &&
	    faccessat(proc_fd, "thread-self/attr/apparmor/exec", F_OK, 0) < 0)
		return 0;
	if (asprintf(&value, "exec %s", profile) < 0) {
		value = NULL;
		return error_oom(err);
	}
	r = write_attribute(proc_fd, "apparmor/exec", value, err);
	if (r == -ENOENT)
		r = write_attribute(proc_fd, "exec", value, err);
	/* The file is there (apparmor_check() saw it): the kernel misses the profile. */
	if (r == -ENOENT)
		return error_set(
			err, r,
			"AppArmor profile '%s' is not loaded: write '%s' to `/proc/thread-self/attr/exec`",
			profile, value);
	return r < 0 ? error_prefix(err, "AppArmor profile '%s'", profile) : 0;
}

int selinux_apply(int proc_fd, const char *label, struct error *err)
{
	return write_attribute(proc_fd, "exec", label, err);
}
