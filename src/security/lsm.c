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

#define APPARMOR_ENABLED "/sys/module/apparmor/parameters/enabled"
#define SELINUX_ENFORCE "/sys/fs/selinux/enforce"

int apparmor_check(const char *profile, struct error *err)
{
	char enabled[8];
	ssize_t r;

	if (strcmp(profile, "unconfined") == 0)
		return 0;
	r = io_read_small(AT_FDCWD, APPARMOR_ENABLED, enabled, sizeof(enabled));
	if (r > 0 && enabled[0] == 'Y')
		return 0;
	if (r < 0 && r != -ENOENT)
		return error_sys_at(err, (int)r, "/process/apparmorProfile", "read '%s'", APPARMOR_ENABLED);
	return error_at(err, -EOPNOTSUPP, "/process/apparmorProfile", "'%s', but this kernel has no AppArmor",
			profile);
}

int selinux_check(const char *label, struct error *err)
{
	const int r = io_exists(SELINUX_ENFORCE);

	if (r > 0)
		return 0;
	if (r < 0)
		return error_sys_at(err, r, "/process/selinuxLabel", "look for '%s'", SELINUX_ENFORCE);
	return error_at(err, -EOPNOTSUPP, "/process/selinuxLabel", "'%s', but this kernel has no SELinux",
			label);
}

/* Errors name the file in backquotes, by which engines recognize a refused label. */
static const char attributes[] = "/proc/thread-self/attr/";

static int open_attribute(int proc_fd, const char *name)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "thread-self/attr/%s", name);
	fd = openat(proc_fd, path, O_WRONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int open_apparmor(int proc_fd, const char *profile, struct lsm_files *files, struct error *err)
{
	files->apparmor_fd = open_attribute(proc_fd, "apparmor/exec");
	/* Without AppArmor everything is unconfined, and attr/exec may belong to another LSM. */
	if (files->apparmor_fd < 0 && strcmp(profile, "unconfined") == 0)
		return 0;
	if (files->apparmor_fd == -ENOENT)
		files->apparmor_fd = open_attribute(proc_fd, "exec");
	return files->apparmor_fd < 0 ?
		       error_sys(err, files->apparmor_fd, "AppArmor profile '%s': open `%sexec`", profile,
				 attributes) :
		       0;
}

int lsm_files_open(int proc_fd, const char *profile, const char *label, bool keyring, struct lsm_files *ret,
		   struct error *err)
{
	struct lsm_files files = LSM_FILES_NONE;
	int r = profile ? open_apparmor(proc_fd, profile, &files, err) : 0;

	if (r == 0 && label) {
		files.selinux_fd = open_attribute(proc_fd, "exec");
		if (files.selinux_fd < 0)
			r = error_sys(err, files.selinux_fd, "open `%sexec`", attributes);
	}
	if (r == 0 && label && keyring) {
		files.keycreate_fd = open_attribute(proc_fd, "keycreate");
		if (files.keycreate_fd < 0)
			r = error_sys(err, files.keycreate_fd, "open `%skeycreate`", attributes);
	}
	if (r < 0)
		lsm_files_done(&files);
	else
		*ret = files;
	return r;
}

void lsm_files_done(struct lsm_files *files)
{
	cleanup_close(&files->apparmor_fd);
	cleanup_close(&files->selinux_fd);
	cleanup_close(&files->keycreate_fd);
}

/* The kernel requires the whole value in one write(2). */
static int write_attribute(int fd, const char *value)
{
	return write(fd, value, strlen(value)) < 0 ? -errno : 0;
}

int apparmor_apply(const struct lsm_files *files, const char *profile, struct error *err)
{
	auto_free char *value = NULL;
	int r;

	if (files->apparmor_fd < 0)
		return 0;
	if (asprintf(&value, "exec %s", profile) < 0) {
		value = NULL;
		return error_oom(err);
	}
	r = write_attribute(files->apparmor_fd, value);
	/* The file is open, so ENOENT means that the profile is not loaded. */
	if (r == -ENOENT)
		return error_set(err, r, "AppArmor profile '%s' is not loaded: write '%s' to `%sexec`",
				 profile, value, attributes);
	return r < 0 ? error_sys(err, r, "AppArmor profile '%s': write '%s' to `%sexec`", profile, value,
				 attributes) :
		       0;
}

int selinux_apply(const struct lsm_files *files, const char *label, struct error *err)
{
	int r = write_attribute(files->selinux_fd, label);

	return r < 0 ? error_sys(err, r, "write '%s' to `%sexec`", label, attributes) : 0;
}

int selinux_apply_to_keys(const struct lsm_files *files, const char *label, struct error *err)
{
	int r = write_attribute(files->keycreate_fd, label);

	return r < 0 ? error_sys(err, r, "write '%s' to `%skeycreate`", label, attributes) : 0;
}
