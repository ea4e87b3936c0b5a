/* SPDX-License-Identifier: Apache-2.0 */
#include "container/validate.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "cgroup/rdt.h"
#include "container/container.h"
#include "json/findings.h"
#include "km/km.h"
#include "km/requirements.h"
#include "km/trust.h"
#include "launch/launch.h"
#include "mount/mount.h"
#include "ns/kinds.h"
#include "security/security.h"
#include "spec/spec.h"
#include "syscall/open.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"

enum { CONFIG_MAX = 64 * 1024 * 1024 };

struct check {
	int bundle_fd;
	const struct spec *spec;
	struct json_findings *findings;
};

static void check_root(const struct check *check)
{
	struct stat st;

	if (fstatat(check->bundle_fd, check->spec->rootfs, &st, 0) < 0)
		json_findings_add(check->findings, JSON_ERROR, "/root/path", "'%s': %s", check->spec->rootfs,
				  error_reason(-errno));
	else if (!S_ISDIR(st.st_mode))
		json_findings_add(check->findings, JSON_ERROR, "/root/path", "'%s' is not a directory",
				  check->spec->rootfs);
}

/* Returns whether the source is inside of the root, where an earlier mount may provide it. */
static bool is_inside(const struct check *check, const char *source)
{
	auto_close int place_fd =
		openat(check->bundle_fd, check->spec->rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char bundle[PATH_MAX], rest[PATH_MAX];
	struct mount_roots roots;

	return place_fd >= 0 && fd_path(check->bundle_fd, bundle, sizeof(bundle)) == 0 &&
	       mount_roots_find(check->spec, bundle, place_fd, &roots) &&
	       mount_source_inside(&roots, source, rest, sizeof(rest));
}

static void check_mounts(const struct check *check)
{
	for (size_t i = 0; i < check->spec->mounts_len; i++) {
		const struct spec_mount *mount = &check->spec->mounts[i];
		char pointer[64];
		int r;

		if (!mount->options.bind)
			continue;
		snprintf(pointer, sizeof(pointer), "/mounts/%zu/source", i);
		r = faccessat(check->bundle_fd, mount->source, F_OK, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
		if (r < 0 && (i == 0 || !is_inside(check, mount->source)))
			json_findings_add(check->findings, JSON_ERROR, pointer, "'%s': %s", mount->source,
					  error_reason(r));
	}
}

static void check_hooks(const struct check *check)
{
	for (int kind = 0; kind < HOOK_KIND_COUNT; kind++)
		for (size_t i = 0; i < check->spec->hooks[kind].len; i++) {
			const char *path = check->spec->hooks[kind].items[i].path;
			char pointer[64];

			/* The path of a startContainer hook is one in the container. */
			if (kind == HOOK_START_CONTAINER || access(path, X_OK) == 0)
				continue;
			snprintf(pointer, sizeof(pointer), "/hooks/%s/%zu/path",
				 hook_kind_name((enum hook_kind)kind), i);
			json_findings_add(check->findings, JSON_ERROR, pointer, "'%s': %s", path,
					  error_reason(-errno));
		}
}

static void check_namespaces(const struct check *check)
{
	const char *refused;

	for (int kind = 0; kind < NS_KIND_COUNT; kind++) {
		const struct spec_namespace *namespace = &check->spec->namespaces[kind];
		char path[64];

		if (!namespace->listed)
			continue;
		if (namespace->path && access(namespace->path, F_OK) < 0)
			json_findings_add(check->findings, JSON_ERROR, "/linux/namespaces", "%s: '%s': %s",
					  spec_namespace_words[kind], namespace->path, error_reason(-errno));
		snprintf(path, sizeof(path), "/proc/self/ns/%s", ns_kinds[kind].proc_name);
		if (access(path, F_OK) < 0)
			json_findings_add(check->findings, JSON_UNSUPPORTED, "/linux/namespaces",
					  "this kernel has no %s namespaces", spec_namespace_words[kind]);
	}
	refused = launch_joined_refusal(check->spec);
	if (refused)
		json_findings_add(
			check->findings, JSON_UNSUPPORTED, refused,
			"needs mounts, which krun makes only in a mount namespace of the container's own");
}

static void check_process(const struct check *check)
{
	const struct spec_process *process = check->spec->process;
	const struct spec_capabilities *caps = process ? process->capabilities : NULL;
	struct error err;

	if (!process) {
		json_findings_add(check->findings, JSON_WARNING, "/process",
				  "missing: there is nothing that could be started");
		return;
	}
	for (size_t i = 0; caps && caps->unknown && caps->unknown[i]; i++)
		json_findings_add(check->findings, JSON_WARNING, "/process/capabilities", "'%s' is unknown",
				  caps->unknown[i]);
	if (process->apparmor_profile && apparmor_check(process->apparmor_profile, &err) < 0)
		json_findings_add_error(check->findings, JSON_UNSUPPORTED, &err);
	if (process->selinux_label && selinux_check(process->selinux_label, &err) < 0)
		json_findings_add_error(check->findings, JSON_UNSUPPORTED, &err);
}

static void check_seccomp(const struct check *check)
{
	const struct spec_seccomp *seccomp = check->spec->seccomp;

	for (size_t i = 0; seccomp && i < seccomp->rules_len; i++)
		for (char *const *name = seccomp->rules[i].names; *name; name++) {
			char pointer[64];

			if (seccomp_syscall_resolve_name(*name) != __NR_SCMP_ERROR)
				continue;
			snprintf(pointer, sizeof(pointer), "/linux/seccomp/syscalls/%zu/names", i);
			json_findings_add(check->findings, JSON_WARNING, pointer,
					  "this libseccomp knows no system call '%s'", *name);
		}
}

static void check_host(const struct check *check)
{
	const struct spec *spec = check->spec;
	struct error err;
	int r;

	if (sysctl_check(spec, &err) < 0)
		json_findings_add_error(check->findings, JSON_ERROR, &err);
	if (spec->rdt) {
		auto_close int resctrl_fd = rdt_open(&err);

		if (resctrl_fd < 0)
			json_findings_add_error(check->findings, JSON_UNSUPPORTED, &err);
	}
	/* One by one, to report every mistake. */
	for (size_t i = 0; i < spec->annotations_len; i++)
		if (cgroup_check_annotations(&spec->annotations[i], 1, &err) < 0)
			json_findings_add_error(check->findings, JSON_ERROR, &err);
	r = cgroup_check_host(&spec->resources, &err);
	if (r < 0)
		json_findings_add_error(check->findings, r == -EOPNOTSUPP ? JSON_UNSUPPORTED : JSON_ERROR,
					&err);
}

/* Checks the requirements of km as create does. */
static void check_requirements(const struct check *check, const struct km_settings *settings)
{
	const struct spec *spec = check->spec;
	struct seccomp_program filter = { 0 };
	struct error found = { 0 };
	struct rlimit files;

	if (!spec->process || getrlimit(RLIMIT_NOFILE, &files) < 0)
		return;
	if (spec->seccomp && seccomp_compile(spec->seccomp, -1, &filter, &found) < 0) {
		json_findings_add_error(check->findings, JSON_ERROR, &found);
		return;
	}
	if (km_requirements_check(
		    &(struct km_requirements){
			    .spec = spec,
			    .process = spec->process,
			    .settings = settings,
			    .filter = filter.instructions,
			    .filter_len = filter.len,
			    .management = settings->management,
			    .nofile = files.rlim_max,
		    },
		    check->findings, &found) < 0)
		json_findings_add_error(check->findings, JSON_ERROR, &found);
	seccomp_program_done(&filter);
}

/* Checks whether the host allows the container's settings of km. */
static int check_settings(const struct check *check, const struct runtime_options *runtime, struct error *err)
{
	auto_close int rootfs_fd =
		openat(check->bundle_fd, check->spec->rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct km_settings settings;
	struct error found = { 0 };
	int r;

	if (mode_choose(runtime->name, check->spec, rootfs_fd) == MODE_PLAIN) {
		if (check->spec->vm)
			json_findings_add(check->findings, JSON_UNSUPPORTED, "/vm",
					  "this container would run without km");
		return 0;
	}
	if (km_check_processor(&found) < 0) {
		json_findings_add_error(check->findings, JSON_UNSUPPORTED, &found);
		return 0;
	}
	if (launch_joins_mounts(check->spec))
		json_findings_add(check->findings, JSON_UNSUPPORTED, "/linux/namespaces",
				  "km and its libc.so are mounted, which needs a mount namespace of the "
				  "container's own: "
				  "list one");
	r = km_settings_load(runtime->config_file, &settings, err);
	if (r < 0)
		return r;
	if (km_settings_apply(&settings, check->spec, &found) < 0)
		json_findings_add_error(check->findings, JSON_ERROR, &found);
	check_requirements(check, &settings);
	km_settings_done(&settings);
	return 0;
}

int container_validate(const char *bundle, const char *config, const struct runtime_options *runtime,
		       struct json_findings *findings, struct error *err)
{
	auto_close int bundle_fd = open(bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_free char *text = NULL;
	struct spec *spec = NULL;
	size_t size;
	int r;

	if (bundle_fd < 0)
		return error_sys(err, -errno, "bundle '%s'", bundle);
	r = io_read_file(config ? AT_FDCWD : bundle_fd, config ? config : "config.json", CONFIG_MAX, &text,
			 &size);
	if (r < 0)
		return error_sys(err, r, "read '%s'", config ? config : "config.json");
	r = spec_validate(text, size, "config.json", findings, &spec, err);
	if (r == 0 && spec) {
		const struct check check = { bundle_fd, spec, findings };
		struct strv trusted = { 0 };

		r = km_trust_choose(runtime->config_file, runtime->name == NAME_PLAIN, spec, findings,
				    &trusted, err);
		strv_done(&trusted);
		check_root(&check);
		check_mounts(&check);
		check_hooks(&check);
		check_namespaces(&check);
		check_process(&check);
		check_seccomp(&check);
		check_host(&check);
		if (r == 0)
			r = check_settings(&check, runtime, err);
	}
	spec_free(spec);
	return r < 0 ? r : findings->out_of_memory ? error_oom(err) : 0;
}
