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
#include "container/validate_program.h"
#include "json/cuts.h"
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
#include "util/array.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"

enum { CONFIG_MAX = 64 * 1024 * 1024 };

struct check {
	int bundle_fd;
	struct spec *spec;
	const struct json_cuts *cuts; /* what is not in .spec, because it could not be read */
	struct json_findings *findings;
};

/* Whether everything at @pointer could be read. */
static bool has_read(const struct check *check, const char *pointer)
{
	return !json_cuts_touch(check->cuts, pointer);
}

static void check_root(const struct check *check)
{
	struct stat st;

	if (!has_read(check, "/root/path"))
		return;
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
	       mount_roots_find(check->spec, bundle, place_fd, &roots) == 0 &&
	       mount_source_inside(&roots, source, rest, sizeof(rest)) > 0;
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
		const int r = io_exists(path);

		if (r == 0)
			json_findings_add(check->findings, JSON_UNSUPPORTED, "/linux/namespaces",
					  "this kernel has no %s namespaces", spec_namespace_words[kind]);
		else if (r < 0)
			json_findings_add(check->findings, JSON_ERROR, "/linux/namespaces", "%s: '%s': %s",
					  spec_namespace_words[kind], path, error_reason(r));
	}
	refused = launch_joined_refusal(check->spec);
	if (refused && has_read(check, "/linux/namespaces"))
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
	if (!process->args[0][0])
		json_findings_add(check->findings, JSON_ERROR, "/process/args/0", "empty");
	/* capset(2); krun itself has no inheritable capabilities that the bounding set lacks. */
	if (caps && (caps->sets[CAP_SET_INHERITABLE] & ~caps->sets[CAP_SET_BOUNDING]))
		json_findings_add(check->findings, JSON_ERROR, "/process/capabilities/inheritable",
				  "has a capability that bounding has not");
	for (size_t i = 0; caps && caps->unknown && caps->unknown[i]; i++)
		json_findings_add(check->findings, JSON_IGNORED, "/process/capabilities", "'%s' is unknown",
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

static void check_sysctl(const struct check *check)
{
	const struct spec *spec = check->spec;

	for (size_t i = 0; i < spec->sysctl_len; i++) {
		struct error err;

		if (sysctl_check_one(spec, &spec->sysctl[i], &err) < 0)
			json_findings_add_error(check->findings, JSON_ERROR, &err);
		else if (sysctl_find(&spec->sysctl[i], &err) < 0)
			json_findings_add_error(check->findings, JSON_UNSUPPORTED, &err);
	}
}

static void check_host(const struct check *check)
{
	const struct spec *spec = check->spec;
	struct error err;
	int r;

	if (has_read(check, "/linux/namespaces"))
		check_sysctl(check);
	if (spec->rdt) {
		auto_close int resctrl_fd = rdt_open(&err);

		if (resctrl_fd < 0)
			json_findings_add_error(check->findings, JSON_UNSUPPORTED, &err);
	}
	/* One by one, to report every mistake. */
	for (size_t i = 0; i < spec->annotations_len; i++)
		if (cgroup_check_annotations(&spec->annotations[i], 1, &err) < 0)
			json_findings_add_error(check->findings, JSON_ERROR, &err);
	/* Limits that no host has are found by launch_check(). */
	r = cgroup_check_host(&spec->resources, &err);
	if (r == -EOPNOTSUPP)
		json_findings_add_error(check->findings, JSON_UNSUPPORTED, &err);
}

/* Checks the requirements of km as create does. */
static void check_requirements(const struct check *check, const struct km_settings *settings)
{
	const struct spec *spec = check->spec;
	struct seccomp_program filter = { 0 };
	struct error found = { 0 };
	struct rlimit files;
	int r;

	if (!spec->process || !has_read(check, "/process") || getrlimit(RLIMIT_NOFILE, &files) < 0)
		return;
	r = spec->seccomp ? seccomp_compile(spec->seccomp, -1, &filter, &found) : 0;
	/* What is wrong with a profile is found by launch_check(). */
	if (error_is_shortage(r))
		json_findings_add_error(check->findings, JSON_ERROR, &found);
	if (r < 0)
		return;
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

/* Checks whether this host has km and what it needs. */
static void check_monitor(const struct check *check, const struct km_settings *settings)
{
	static int (*const checks[])(const struct km_settings *,
				     struct error *) = { km_check_monitor, km_check_libc, km_check_device };

	for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
		struct error found;
		const int r = checks[i](settings, &found);

		/* Other errors do not prove that the host cannot: it could not be looked at. */
		if (r == -ENOENT || r == -ENODEV || r == -EINVAL)
			json_findings_add_error(check->findings, JSON_UNSUPPORTED, &found);
		else if (r < 0)
			json_findings_add_error(check->findings, JSON_ERROR, &found);
	}
}

/* @monitor: where krun mounts km; NULL: nowhere. */
static void check_program(const struct check *check, int rootfs_fd, const char *monitor)
{
	const struct spec_process *process = check->spec->process;

	if (process && process->args[0][0] && rootfs_fd >= 0 && has_read(check, "/root/path") &&
	    has_read(check, "/process") && has_read(check, "/mounts") && has_read(check, "/hooks"))
		validate_program(check->spec, rootfs_fd, monitor, check->findings);
}

/* Checks whether the host allows the container's settings of km, and what they need. */
static int check_km(const struct check *check, const struct runtime_options *runtime, int rootfs_fd,
		    struct error *err)
{
	struct km_settings settings;
	struct error found = { 0 };
	int r;

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
	check_monitor(check, &settings);
	check_program(check, rootfs_fd, settings.monitor);
	km_settings_done(&settings);
	return 0;
}

static int check_settings(const struct check *check, const struct runtime_options *runtime, struct error *err)
{
	auto_close int rootfs_fd =
		openat(check->bundle_fd, check->spec->rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
	enum mode mode;
	const bool km = mode_choose(runtime->name, check->spec, rootfs_fd, &mode) == 0 && mode == MODE_KM;

	launch_check(check->spec, runtime, km, check->findings);
	if (km)
		return check_km(check, runtime, rootfs_fd, err);
	if (check->spec->vm)
		json_findings_add(check->findings, JSON_UNSUPPORTED, "/vm",
				  "this container would run without km");
	check_program(check, rootfs_fd, NULL);
	return 0;
}

/* Checks what could be read against this host. */
static int check_all(const struct check *check, const struct runtime_options *runtime, struct error *err)
{
	struct strv trusted = { 0 };
	int r = km_trust_choose(runtime->config_file, runtime->name == NAME_PLAIN, check->spec,
				check->findings, &trusted, err);

	strv_done(&trusted);
	check_root(check);
	check_mounts(check);
	check_hooks(check);
	check_namespaces(check);
	check_process(check);
	check_seccomp(check);
	check_host(check);
	return r < 0 ? r : check_settings(check, runtime, err);
}

/* Reads the file, of which @findings take the text over. */
static int read_config(int bundle_fd, const char *bundle, const char *config, struct json_findings *findings,
		       struct error *err)
{
	char name[PATH_MAX];
	char *text;
	size_t size;
	int r;

	if (config || strcmp(bundle, ".") == 0)
		snprintf(name, sizeof(name), "%s", config ? config : "config.json");
	else
		snprintf(name, sizeof(name), "%s%sconfig.json", bundle,
			 bundle[strlen(bundle) - 1] == '/' ? "" : "/");
	r = io_read_file(config ? AT_FDCWD : bundle_fd, config ? config : "config.json", CONFIG_MAX, &text,
			 &size);
	if (r < 0)
		return error_sys(err, r, "read '%s'", name);
	json_findings_of(findings, name, text, size);
	return findings->out_of_memory ? error_oom(err) : 0;
}

int container_validate(const char *bundle, const char *config, const struct runtime_options *runtime,
		       struct json_findings *findings, struct error *err)
{
	auto_close int bundle_fd = open(bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct json_findings found = { 0 };
	struct json_cuts cuts = { 0 };
	struct spec *spec = NULL;
	int r;

	if (bundle_fd < 0)
		return error_sys(err, -errno, "bundle '%s'", bundle);
	r = read_config(bundle_fd, bundle, config, findings, err);
	if (r == 0)
		r = spec_validate(findings->text, findings->size, findings->name, findings, &cuts, &spec,
				  err);
	if (r == 0 && spec) {
		const struct check check = { bundle_fd, spec, &cuts, &found };

		r = check_all(&check, runtime, err);
	}
	if (json_cuts_tell(&cuts, &found, findings) < 0)
		findings->out_of_memory = true;
	json_findings_done(&found);
	json_cuts_done(&cuts);
	spec_free(spec);
	return r < 0 ? r : findings->out_of_memory ? error_oom(err) : 0;
}
