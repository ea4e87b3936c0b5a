/* SPDX-License-Identifier: Apache-2.0 */

/* Loads the device program and attaches it to a cgroup. */

#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>

#include "cgroup/cgroup.h"
#include "cgroup/devices.h"
#include "spec/spec.h"
#include "syscall/process.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/log.h"
#include "util/proc.h"

static const char PROGRAM_NAME[] = "krun_devices";

/* The kernel gives up with EAGAIN when a signal comes while it checks a program. libbpf tries as often. */
enum { LOAD_TRIES = 5 };

static int try_load(const struct device_program *program)
{
	union bpf_attr attr;
	int fd = -EAGAIN;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.insns = (uint64_t)(uintptr_t)program->instructions;
	attr.insn_cnt = (uint32_t)program->len;
	attr.license = (uint64_t)(uintptr_t) "Apache-2.0";
	memcpy(attr.prog_name, PROGRAM_NAME, sizeof(PROGRAM_NAME));
	for (int tries = 1; fd == -EAGAIN && tries <= LOAD_TRIES; tries++)
		fd = sys_bpf(BPF_PROG_LOAD, &attr, sizeof(attr));
	return fd;
}

/* Kernels before 5.11 charge programs to RLIMIT_MEMLOCK, and fail with EPERM. */
static int load_program(const struct device_program *program)
{
	struct rlimit before, raised;
	int fd = try_load(program);

	if (fd != -EPERM || getrlimit(RLIMIT_MEMLOCK, &before) < 0)
		return fd;
	raised = (struct rlimit){ RLIM_INFINITY, RLIM_INFINITY };
	if (before.rlim_cur == RLIM_INFINITY || setrlimit(RLIMIT_MEMLOCK, &raised) < 0)
		return fd;
	fd = try_load(program);
	setrlimit(RLIMIT_MEMLOCK, &before);
	return fd;
}

/*
 * Returns an fd of the program that krun attached earlier, or -1. It is known by its name; other programs
 * stay.
 */
static int find_attached(int cgroup_fd)
{
	uint32_t ids[64];
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.query.target_fd = (uint32_t)cgroup_fd;
	attr.query.attach_type = BPF_CGROUP_DEVICE;
	attr.query.prog_ids = (uint64_t)(uintptr_t)ids;
	attr.query.prog_cnt = sizeof(ids) / sizeof(ids[0]);
	if (sys_bpf(BPF_PROG_QUERY, &attr, sizeof(attr)) < 0)
		return -1;
	for (uint32_t i = 0, n = attr.query.prog_cnt; i < n; i++) {
		struct bpf_prog_info info;
		auto_close int fd = -1;

		memset(&attr, 0, sizeof(attr));
		attr.prog_id = ids[i];
		fd = sys_bpf(BPF_PROG_GET_FD_BY_ID, &attr, sizeof(attr));
		if (fd < 0)
			continue;
		memset(&info, 0, sizeof(info));
		memset(&attr, 0, sizeof(attr));
		attr.info.bpf_fd = (uint32_t)fd;
		attr.info.info_len = sizeof(info);
		attr.info.info = (uint64_t)(uintptr_t)&info;
		if (sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr)) == 0 &&
		    strcmp(info.name, PROGRAM_NAME) == 0)
			return take_fd(&fd);
	}
	return -1;
}

static int attach(int cgroup_fd, int program_fd, int replaced_fd)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.target_fd = (uint32_t)cgroup_fd;
	attr.attach_bpf_fd = (uint32_t)program_fd;
	attr.attach_type = BPF_CGROUP_DEVICE;
	attr.attach_flags = BPF_F_ALLOW_MULTI;
	if (replaced_fd >= 0) {
		attr.attach_flags |= BPF_F_REPLACE;
		attr.replace_bpf_fd = (uint32_t)replaced_fd;
	}
	return sys_bpf(BPF_PROG_ATTACH, &attr, sizeof(attr));
}

static int detach(int cgroup_fd, int program_fd)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.target_fd = (uint32_t)cgroup_fd;
	attr.attach_bpf_fd = (uint32_t)program_fd;
	attr.attach_type = BPF_CGROUP_DEVICE;
	return sys_bpf(BPF_PROG_DETACH, &attr, sizeof(attr));
}

static int allow_everything(const struct cgroup *cgroup, struct error *err)
{
	/* Nobody has attached one to a cgroup that was just made (`update` has one that was opened). */
	auto_close int attached_fd = cgroup->is_new ? -1 : find_attached(cgroup->dir_fd);
	int r = attached_fd < 0 ? 0 : detach(cgroup->dir_fd, attached_fd);

	return r < 0 ? error_sys(err, r, "detach the device filter from cgroup '%s'", cgroup->place.path) : 0;
}

int cgroup_filter_devices(const struct cgroup *cgroup, const struct spec_resources *resources,
			  const struct spec_device_rule *extra, size_t extra_len, struct error *err)
{
	struct device_program program;
	auto_close int program_fd = -1, replaced_fd = -1;
	int r;

	if (cgroup->dir_fd < 0)
		return 0;
	r = device_program_make(resources->devices, resources->devices_len, extra, extra_len, &program, err);
	if (r < 0)
		return r;
	if (program.len == 0)
		return allow_everything(cgroup, err);
	program_fd = load_program(&program);
	device_program_done(&program);
	if (program_fd == -EPERM && proc_in_user_namespace() > 0) {
		log_debug("no device filter: not possible in a user namespace");
		return 0;
	}
	if (program_fd < 0)
		return error_sys_at(err, program_fd, "/linux/resources/devices", "load the device filter");
	replaced_fd = find_attached(cgroup->dir_fd);
	r = attach(cgroup->dir_fd, program_fd, replaced_fd);
	return r < 0 ? error_sys_at(err, r, "/linux/resources/devices",
				    "attach the device filter to cgroup '%s'", cgroup->place.path) :
		       0;
}
