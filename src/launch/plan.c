/* SPDX-License-Identifier: Apache-2.0 */

/* Makes the child's plan, one struct init_plan, from everything that the parent has read and opened. */

#include <errno.h>
#include <linux/sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hooks/hooks.h"
#include "krun/annotations.h"
#include "launch/activation.h"
#include "launch/launch.h"
#include "launch/notify.h"
#include "monitor/log.h"
#include "ns/setup.h"
#include "security/security.h"
#include "syscall/process.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"

int launch_environment_make(struct launch *launch, struct error *err)
{
	char *const *env = launch->process.env;
	int r = 0;

	for (size_t i = 0; r == 0 && env && env[i]; i++)
		r = strv_add(&launch->env, env[i]);
	if (r == 0)
		r = activation_environment(&launch->env, &launch->listens, err);
	for (size_t i = 0; r == 0 && launch->has_km && i < launch->km.settings.environment.len; i++)
		r = strv_env_put(&launch->env, launch->km.settings.environment.items[i]);
	if (r == 0 && launch->state.management)
		r = strv_add(&launch->env, "KM_MGTPIPE=" KM_MANAGEMENT_SOCKET);
	if (r == 0 && notify_wanted(env))
		r = strv_add(&launch->env, NOTIFY_ENVIRONMENT);
	/* execve(2) needs an array even if it is empty. */
	if (r == 0 && !launch->env.items)
		launch->env.items = calloc(1, sizeof(*launch->env.items));
	if (r < 0 || !launch->env.items)
		return error_oom(err);
	if (launch->has_km)
		launch->env.len -= km_environment_clean(launch->env.items, false);
	return 0;
}

int launch_state_fd(struct launch *launch, struct error *err)
{
	auto_free char *creating = state_text(&launch->state, "creating", launch->child.pid, false);
	auto_free char *created = state_text(&launch->state, "created", launch->child.pid, false);
	auto_close int fd = sys_memfd_create("krun-state", 0);
	int r;

	if (!creating || !created)
		return error_oom(err);
	if (fd < 0)
		return error_sys(err, fd, "make a file for the state");
	r = io_write_all(fd, creating, strlen(creating) + 1);
	if (r == 0)
		r = io_write_all(fd, created, strlen(created));
	if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
		r = -errno;
	return r < 0 ? error_sys(err, r, "write the state for hooks") : take_fd(&fd);
}

/*
 * False in a user namespace that denies setgroups(2), user_namespaces(7), and if an annotation keeps the
 * caller's groups.
 */
static bool may_set_groups(const struct launch *launch)
{
	const struct spec *spec = launch->spec;
	char word[16];

	if (launch->state.keep_groups)
		return false;
	if (spec->namespaces[NS_USER].listed && geteuid() != 0)
		return spec->id_maps.gids_len > 1 ||
		       (spec->id_maps.gids_len == 1 && spec->id_maps.gids[0].size > 1);
	if (io_read_small(launch->proc_fd, "self/setgroups", word, sizeof(word)) > 0)
		return strcmp(word, "deny") != 0;
	return true;
}

static int plan_monitor(struct launch *launch, struct error *err)
{
	struct init_plan *plan = &launch->plan;

	plan->program = INIT_PROGRAM_KM;
	plan->monitor = launch->km.settings.monitor;
	plan->monitor_file = launch->km.monitor_file;
	plan->monitor_waits = launch->km.settings.start == KM_START_PAYLOAD;
	if (launch->km.settings.log) {
		if (strv_add_format(&launch->km_options, "--km-log-to=%s", launch->km.settings.log) < 0)
			return error_oom(err);
	} else {
		launch->monitor_log_fd = monitor_log_make(launch->dir_fd, plan->monitor_waits, err);
		if (launch->monitor_log_fd < 0)
			return launch->monitor_log_fd;
		plan->monitor_log_fd = launch->monitor_log_fd;
	}
	plan->monitor_options = launch->km_options.items;
	if (launch->state.management) {
		plan->monitor_sockets = launch->monitor_sockets;
		plan->monitor_numbers = launch->checkpoint_fds;
		plan->monitor_numbers_len = launch->checkpoint_fds_len;
	}
	if (plan->monitor_waits)
		plan->park = INIT_PARK_MONITOR;
	return 0;
}

static bool has_hooks_before_program(const struct spec *spec)
{
	for (int kind = HOOK_PRESTART; kind <= HOOK_START_CONTAINER; kind++)
		if (spec->hooks[kind].len > 0)
			return true;
	return false;
}

int launch_plan_make(struct launch *launch, struct error *err)
{
	const struct create_request *request = launch->request;
	const struct spec *spec = launch->spec;
	int r = 0;

	launch->plan = (struct init_plan){
		.id = request->id,
		.spec = spec,
		.process = &launch->process,
		.env = launch->env.items,
		.mounts = launch->mounts,
		.ns = &launch->ns,
		.joined_root_fd = launch->joined_root_fd,
		.root_fd = -1,
		.target_pidfd = -1,
		.cgroup_fd =
			launch->payload_cgroup_fd >= 0 ? launch->payload_cgroup_fd : launch->cgroup.dir_fd,
		.cgroup = launch->cgroup.place.unit ? &launch->cgroup : NULL,
		.proc_fd = launch->proc_fd,
		.keyring = launch->state.keyring,
		.apparmor = launch->process.apparmor_profile,
		.selinux = launch->process.selinux_label,
		.seccomp = spec->seccomp ? &launch->seccomp : NULL,
		.handover = launch->handover,
		.set_groups = may_set_groups(launch),
		.execution_domain = (long)launch->state.execution_domain,
		.memory_policy = spec->memory_policy,
		.user_namespace = spec->namespaces[NS_USER].listed,
		.unprivileged = geteuid() != 0,
		.maps_need_dumpable = geteuid() != 0 && (launch->ns.create & CLONE_NEWUSER),
		.hooks = has_hooks_before_program(spec),
		.hooks_env = hooks_path_only(),
		.bundle = launch->state.bundle,
		.listens = launch->listens,
		.preserve_fds = activation_preserved(request->preserve_fds),
		.park = launch->run ? INIT_PARK_SOCKET : INIT_PARK_GATE,
		.gate_fd = -1,
		.program = INIT_PROGRAM_NATIVE,
		.monitor_log_fd = -1,
		.pid1_fd = launch->pid1_fd,
		.program_fd = -1,
	};
	r = identity_check_groups(&launch->process.user, launch->plan.set_groups || launch->state.keep_groups,
				  err);
	if (r < 0)
		error_place(err, "/process/user/additionalGids");
	if (r == 0 && launch->has_km)
		r = plan_monitor(launch, err);
	if (!spec->process)
		launch->plan.program = INIT_PROGRAM_NONE;
	if (r == 0 && launch->plan.park == INIT_PARK_GATE) {
		launch->gate_fd = start_gate_make(launch->dir_fd, err);
		launch->plan.gate_fd = launch->gate_fd;
		r = launch->gate_fd;
	}
	return r < 0 ? r : 0;
}
