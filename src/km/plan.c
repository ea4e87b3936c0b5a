/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "km/km.h"
#include "spec/spec.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/log.h"

static int open_monitor(const char *path, struct file_id *ret, struct error *err)
{
	auto_close int fd = open(path, O_PATH | O_CLOEXEC);
	struct statvfs fs;
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return error_set(err, -ENOENT,
				 "km is missing at '%s': install it, or name another with \"kmPath\" in "
				 "/etc/krun/krun.json (--config-file)",
				 path);
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_sys(err, -errno, "open km '%s'", path);
	if (!S_ISREG(st.st_mode))
		return error_set(err, -EINVAL, "km '%s' is not a regular file", path);
	if (!(st.st_mode & 0111))
		return error_set(err, -EINVAL, "km '%s' is not executable", path);
	if (fstatvfs(fd, &fs) == 0 && (fs.f_flag & ST_NOEXEC))
		return error_set(err, -EINVAL,
				 "km '%s' is on a file system that is mounted noexec: mount it with exec, or "
				 "install km elsewhere and set \"kmPath\"",
				 path);
	*ret = file_id_of(&st);
	return take_fd(&fd);
}

static int open_libc(const char *path, struct error *err)
{
	auto_close int fd = open(path, O_PATH | O_CLOEXEC);
	struct stat st;

	if (fd < 0 && errno == ENOENT) {
		log_debug("km's libc.so is not at '%s': only payloads that do not name it will run", path);
		return -1;
	}
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_sys(err, -errno, "open km's libc.so '%s'", path);
	if (!S_ISREG(st.st_mode))
		return error_set(err, -EINVAL, "km's libc.so '%s' is not a regular file", path);
	return take_fd(&fd);
}

/*
 * Opens the devices of km that the host has: /dev/kvm and /dev/kkm, or only the chosen one. *ret_error: why
 * one could not be looked at; 0: each is there or not.
 */
static size_t find_devices(const char *chosen, struct km_device devices[KM_DEVICES_MAX], int *ret_error)
{
	const char *const paths[KM_DEVICES_MAX] = { chosen ? chosen : "/dev/kvm",
						    chosen ? NULL : "/dev/kkm" };
	size_t len = 0;

	*ret_error = 0;
	for (size_t i = 0; i < ARRAY_LEN(paths) && paths[i]; i++) {
		auto_close int fd = open(paths[i], O_PATH | O_CLOEXEC);
		struct stat st;

		if (fd < 0 || fstat(fd, &st) < 0) {
			if (errno != ENOENT && errno != ENOTDIR && *ret_error == 0)
				*ret_error = -errno;
			continue;
		}
		if (!S_ISCHR(st.st_mode))
			continue;
		devices[len++] = (struct km_device){
			.fd = take_fd(&fd),
			.path = paths[i],
			.major = major(st.st_rdev),
			.minor = minor(st.st_rdev),
			.mode = 0666,
		};
	}
	return len;
}

/* @error: of find_devices(). */
static int no_device(const char *chosen, int error, struct error *err)
{
	if (error < 0)
		return error_sys(err, error, "open '%s'", chosen ? chosen : "/dev/kvm' or '/dev/kkm");
	if (chosen)
		return error_set(err, -ENODEV,
				 "km is to use '%s' (\"device\"), and this host has no such character device",
				 chosen);
	return error_set(err, -ENODEV, "km needs /dev/kvm or /dev/kkm, and this host has neither");
}

size_t km_device_rules(const struct km_plan *plan, const char *device, struct spec_device_rule *ret)
{
	struct km_device found[KM_DEVICES_MAX];
	const struct km_device *devices = plan ? plan->devices : found;
	int ignored;
	const size_t len = plan ? plan->devices_len : find_devices(device, found, &ignored);

	for (size_t i = 0; i < len; i++)
		ret[i] = (struct spec_device_rule){
			.allow = true,
			.type = 'c',
			.major = { true, devices[i].major },
			.minor = { true, devices[i].minor },
			.read = true,
			.write = true,
			.mknod = true,
		};
	for (size_t i = 0; !plan && i < len; i++)
		cleanup_close(&found[i].fd);
	return len;
}

int km_plan_make(struct km_settings *settings, struct km_plan *ret, struct error *err)
{
	struct km_plan plan = { .settings = *settings, .km_fd = -1, .libc_fd = -1 };
	int r;

	*settings = (struct km_settings){ 0 };
	r = plan.km_fd = open_monitor(plan.settings.monitor, &plan.monitor_file, err);
	if (r >= 0) {
		err->code = 0;
		plan.libc_fd = open_libc(plan.settings.libc, err);
		r = err->code;
	}
	if (r == 0) {
		int error;

		plan.devices_len = find_devices(plan.settings.device, plan.devices, &error);
		if (plan.devices_len == 0)
			r = no_device(plan.settings.device, error, err);
	}
	if (r < 0) {
		km_plan_done(&plan);
		return r;
	}
	*ret = plan;
	return 0;
}

void km_plan_done(struct km_plan *plan)
{
	for (size_t i = 0; i < plan->devices_len; i++)
		cleanup_close(&plan->devices[i].fd);
	cleanup_close(&plan->km_fd);
	cleanup_close(&plan->libc_fd);
	km_settings_done(&plan->settings);
	plan->devices_len = 0;
}

int km_check_monitor(const struct km_settings *settings, struct error *err)
{
	struct file_id ignored;
	auto_close int fd = open_monitor(settings->monitor, &ignored, err);

	return fd < 0 ? fd : km_probe(fd, settings->monitor, err);
}

int km_check_libc(const struct km_settings *settings, struct error *err)
{
	auto_close int fd = -1;

	err->code = 0;
	fd = open_libc(settings->libc, err);
	return err->code;
}

int km_check_device(const struct km_settings *settings, struct error *err)
{
	struct km_device devices[KM_DEVICES_MAX];
	int error;
	const size_t len = find_devices(settings->device, devices, &error);

	for (size_t i = 0; i < len; i++)
		cleanup_close(&devices[i].fd);
	return len > 0 ? 0 : no_device(settings->device, error, err);
}
