/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Theory of operation: a container is made by the steps of one table (`steps`), in the process of the
 * command. A step that leaves something behind has its undo in the same row; a failure undoes the steps in
 * reverse order.
 *
 *   1. Read and decide, in memory: the bundle, the namespaces, the mode (km or plain), the program, the
 *      environment, and what the host or the request exclude. Every mistake that can be found here is found
 *      here, because nothing has to be undone.
 *   2. Reserve the id: make the state directory and lock it until launch_commit(). If the command is killed
 *      from here on, `delete --force` removes the rest. The preflight follows: it needs the filter, whose
 *      cache is in the state root.
 *   3. Make the cgroup with its limits and the resctrl class. They come before the process, so that its clone
 *      is born in the cgroup and nothing of it escapes the limits. The device filter may come later
 *      (filter_can_wait()).
 *   4. Make the process: open on the host everything that the container needs, because the child has no
 *      access to the host later; put it into one plan (struct init_plan); clone. From here on the child
 *      prepares itself on another processor (init/steps.c), and the command makes what takes long without
 *      it: the device filter, the network namespace, for which the child waits, the file of the state that
 *      is there for the case that the other one is lost, and that other one, which nobody reads yet. Then it
 *      serves the child (converse.c) until that is parked right before its program. With a checkpoint of
 *      CRIU, CRIU makes the process instead (restore.c).
 *   5. Report: publish the state with the process, send the pidfd, and write the pid file. The pid file comes
 *      last, because an engine takes it as the sign of success. The program is not released here: that is
 *      launch_start() for `run`, and `start` for `create`.
 */

#include "launch/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "checkpoint/checkpoint.h"
#include "hooks/hooks.h"
#include "init/sync.h"
#include "km/trust.h"
#include "krun/annotations.h"
#include "launch/agent.h"
#include "launch/notify.h"
#include "launch/report.h"
#include "monitor/log.h"
#include "mount/mount.h"
#include "ns/idmap.h"
#include "ns/netdev.h"
#include "ns/network.h"
#include "ns/privilege.h"
#include "ns/setup.h"
#include "security/security.h"
#include "state/remove.h"
#include "state/runtime_options.h"
#include "state/state_dir.h"
#include "state/state_hooks.h"
#include "syscall/open.h"
#include "syscall/process.h"
#include "syscall/replace.h"
#include "syscall/socket.h"
#include "terminal/terminal.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/interrupt.h"
#include "util/io.h"
#include "util/log.h"
#include "util/proc.h"
#include "util/trace.h"
#include "util/utf8.h"

enum { CONFIG_MAX = 64 * 1024 * 1024 };

/*
 * For config.json without "process": such a container can be created but not started, and its first process
 * has no capabilities.
 */
static const struct spec_process nobody = { .args = (char *[]){ (char[]){ "" }, NULL }, .cwd = "/" };

/* ---- reading --------------------------------------------------------------------------------- */

static const char *config_name(const struct create_request *request)
{
	return request->config ? request->config : "config.json";
}

static int read_bundle(struct launch *launch, struct error *err)
{
	const struct create_request *request = launch->request;
	const char *bundle = request->bundle ? request->bundle : ".";
	const char *config = config_name(request);
	size_t size;
	int r;

	launch->bundle_fd = open(bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (launch->bundle_fd < 0)
		return error_sys(err, -errno, "bundle '%s'", bundle);
	launch->state.bundle = realpath(bundle, NULL);
	if (!launch->state.bundle)
		return error_sys(err, -errno, "bundle '%s'", bundle);
	/* It is told in JSON, and found again by what is told. */
	trace_note("bundle", launch->state.bundle);
	if (!utf8_is_valid(launch->state.bundle))
		return error_set(err, -EINVAL, "bundle '%s': the path is not UTF-8", bundle);
	r = io_read_file(launch->bundle_fd, config, CONFIG_MAX, &launch->config_text, &size);
	if (r < 0)
		error_sys(err, r, "bundle '%s': %s", bundle, config);
	if (r == -ENOENT)
		return error_append(err, "'krun spec' writes one, 'krun spec --rootless' that of an ordinary "
					 "user");
	if (r < 0)
		return r;
	r = spec_parse(launch->config_text, size, config, &launch->spec, err);
	if (r < 0)
		return r;
	log_debug("bundle '%s': %s of %zu bytes, specification %s", launch->state.bundle, config, size,
		  launch->spec->oci_version);
	if ((launch->run || request->restore) && !launch->spec->process)
		return error_at(err, -EINVAL, "/process", "missing, there is nothing to run");
	launch->process = launch->spec->process ? *launch->spec->process : nobody;
	r = km_trust_choose(request->runtime->config_file, request->runtime->name == NAME_PLAIN, launch->spec,
			    NULL, &launch->state.trusted, err);
	if (r < 0)
		return r;
	return hooks_output_open(spec_annotation(launch->spec, KRUN_ANNOTATION_HOOKS_STDOUT),
				 spec_annotation(launch->spec, KRUN_ANNOTATION_HOOKS_STDERR), err);
}

static bool keeps_groups(const struct spec *spec)
{
	const char *word = spec_annotation(spec, KRUN_ANNOTATION_KEEP_GROUPS);

	return word && strcmp(word, "0") != 0 && strcmp(word, "false") != 0;
}

static int fill_state(struct launch *launch, struct error *err)
{
	const struct spec *spec = launch->spec;
	struct state *state = &launch->state;

	state->id = strdup(launch->request->id);
	state->oci_version = strdup(spec->oci_version);
	state->created = state_now();
	state->annotations = state_annotations(spec);
	state->owner = geteuid();
	state->execution_domain = spec->personality.set ? (int64_t)spec->personality.value : -1;
	if (!launch->request->no_new_keyring && asprintf(&state->keyring, "krun.%s", state->id) < 0)
		return error_oom(err);
	if (launch->has_km && state_take_settings(state, &launch->km.settings, err) < 0)
		return err->code;
	state->monitor_file = launch->km.monitor_file;
	if (spec->rootfs[0] == '/')
		state->rootfs = strdup(spec->rootfs);
	else if (asprintf(&state->rootfs, "%s/%s", state->bundle, spec->rootfs) < 0)
		state->rootfs = NULL;
	state->namespaces = launch->ns.listed;
	state->exec_reads_config = spec->memory_policy || seccomp_agent_path(spec);
	state->keep_groups = keeps_groups(spec);
	state->has_seccomp = spec->seccomp;
	/* `start` has to read config.json for its hooks, or to fail because there is no process. */
	state->has_hooks = !spec->process || spec->hooks[HOOK_POSTSTART].len ||
			   spec->hooks[HOOK_POSTSTOP].len || spec->hooks[HOOK_START_CONTAINER].len;
	if (!state->id || !state->oci_version || !state->created || !state->annotations || !state->rootfs)
		return error_oom(err);
	return 0;
}

/* Checks everything that needs no effects. */
static int check_request(struct launch *launch, struct error *err)
{
	const struct create_request *request = launch->request;
	const struct spec *spec = launch->spec;
	int r;

	if (launch->process.terminal && !request->console_socket && (!launch->run || request->detach))
		return error_at(err, -EINVAL, "/process/terminal",
				"a detached container needs --console-socket, or \"terminal\": false");
	if (!launch->process.terminal && request->console_socket)
		return error_set(err, -EINVAL, "--console-socket is given but %s: /process/terminal is false",
				 spec->document);
	spec_warn(spec);
	r = sysctl_check(spec, err);
	if (r == 0 && launch->process.apparmor_profile)
		r = apparmor_check(launch->process.apparmor_profile, err);
	if (r == 0 && launch->process.selinux_label)
		r = selinux_check(launch->process.selinux_label, err);
	return r;
}

/* ---- steps with effects ---------------------------------------------------------------------- */

static int reserve(struct launch *launch, struct error *err)
{
	auto_close int root_fd = state_root_open(launch->request->runtime, true, err);
	int r;

	if (root_fd < 0)
		return root_fd;
	launch->dir_fd = state_dir_make(root_fd, launch->request->id, err);
	if (launch->dir_fd < 0)
		return launch->dir_fd;
	r = file_replace(launch->dir_fd, STATE_CONFIG, 0600, launch->config_text,
			 strlen(launch->config_text));
	if (r < 0)
		return error_sys(err, r, "write '%s' of the state", STATE_CONFIG);
	if (!launch->spec->seccomp)
		return 0;
	if (mkdirat(root_fd, ".seccomp", 0700) < 0 && errno != EEXIST)
		return error_sys(err, -errno, "make the cache of seccomp filters");
	auto_close int cache_fd =
		openat(root_fd, ".seccomp", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	r = seccomp_compile(launch->spec->seccomp, cache_fd, &launch->seccomp, err);
	if (r < 0)
		return r;
	r = agent_prepare(launch->spec, &launch->seccomp, &launch->handover, err);
	if (r < 0)
		return r;
	return seccomp_program_save(&launch->seccomp, launch->dir_fd, STATE_SECCOMP, err);
}

/*
 * Opens the user namespace for an idmapped mount: of the mount's own mappings, of the container's, or the
 * joined one.
 */
static int open_idmap(struct launch *launch, const struct spec_mount *mount, struct error *err)
{
	const struct spec_namespace *user = &launch->spec->namespaces[NS_USER];
	int fd;

	if (mount->id_maps.uids_len > 0)
		return idmap_namespace_make(launch->proc_fd, &mount->id_maps, err);
	if (!user->path)
		return idmap_namespace_make(launch->proc_fd, &launch->spec->id_maps, err);
	fd = open(user->path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? error_sys(err, -errno, "open '%s'", user->path) : fd;
}

static int open_idmaps(struct launch *launch, struct error *err)
{
	const struct spec *spec = launch->spec;

	for (size_t i = 0; i < spec->mounts_len; i++) {
		if (!spec->mounts[i].options.idmap)
			continue;
		if (!launch->idmap_fds) {
			launch->idmap_fds = malloc(spec->mounts_len * sizeof(*launch->idmap_fds));
			if (!launch->idmap_fds)
				return error_oom(err);
			for (size_t j = 0; j < spec->mounts_len; j++)
				launch->idmap_fds[j] = -1;
		}
		launch->idmap_fds[i] = open_idmap(launch, &spec->mounts[i], err);
		if (launch->idmap_fds[i] < 0)
			return error_prefix(err, "map the ids of mount '%s'", spec->mounts[i].destination);
	}
	return 0;
}

static int make_rdt_class(struct launch *launch, struct error *err)
{
	auto_close int resctrl_fd = -1;
	int r;

	if (!launch->spec->rdt)
		return 0;
	resctrl_fd = rdt_open(err);
	if (resctrl_fd < 0)
		return resctrl_fd;
	r = rdt_prepare(resctrl_fd, launch->spec->rdt, launch->request->id, &launch->state.rdt, err);
	return r < 0 ? r : state_save(launch->dir_fd, &launch->state, err);
}

int launch_join_rdt_class(const struct state *state, pid_t pid, struct error *err)
{
	auto_close int resctrl_fd = -1;

	if (!state->rdt.name)
		return 0;
	resctrl_fd = rdt_open(err);
	return resctrl_fd < 0 ? resctrl_fd : rdt_add(resctrl_fd, &state->rdt, state->id, pid, err);
}

/*
 * Returns the program's user on the host. False: the user namespace has no mapping for it, or is a joined
 * one.
 */
static bool user_on_host(const struct launch *launch, uid_t *ret_uid, gid_t *ret_gid)
{
	const struct spec_namespace *userns = &launch->spec->namespaces[NS_USER];
	const struct spec_id_maps *maps = &launch->spec->id_maps;
	const struct spec_user *user = &launch->process.user;

	*ret_uid = user->uid;
	*ret_gid = user->gid;
	return !userns->listed ||
	       (!userns->path && idmap_to_host(maps->uids, maps->uids_len, user->uid, ret_uid) &&
		idmap_to_host(maps->gids, maps->gids_len, user->gid, ret_gid));
}

/*
 * Adds the directory of km's management socket and the snapshot that km resumes, both for the program's user.
 */
static int add_snapshot_files(struct launch *launch, struct mount_extra_file *files, size_t *len,
			      struct error *err)
{
	const bool joined = launch->spec->namespaces[NS_USER].path;
	struct checkpoint_user user = {
		.unprivileged = geteuid() != 0,
		.proc_fd = launch->proc_fd,
		.state_dir_fd = launch->dir_fd,
	};
	int r;

	user.known = user_on_host(launch, &user.uid, &user.gid);
	if (!user.known && !joined)
		launch->state.management = false;
	if (launch->state.management)
		files[(*len)++] = (struct mount_extra_file){
			.fd = -1,
			.destination = KM_MANAGEMENT_DIR,
			.is_directory = true,
			.uid = user.uid,
			.gid = user.gid,
		};
	if (launch->image.snapshot_fd < 0)
		return 0;
	r = checkpoint_lend(&launch->image, &user, err);
	files[(*len)++] = (struct mount_extra_file){
		.fd = launch->image.snapshot_fd,
		.is_tree = launch->image.is_tree,
		.destination = KM_SNAPSHOT_PATH,
	};
	return r;
}

/*
 * Opens what a mount of type "cgroup" shows in a container without a cgroup namespace of its own: the whole
 * hierarchy, because the paths of /proc/self/cgroup are relative to its root.
 */
static int open_hierarchy(const struct spec *spec, int *ret, struct error *err)
{
	const char *path = spec->namespaces[NS_CGROUP].listed ? NULL : cgroup_mount_point();

	*ret = path ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	return path && *ret < 0 ? error_sys(err, -errno, "open '%s'", path) : 0;
}

static int open_mounts(struct launch *launch, struct error *err)
{
	const char *bundle = launch->request->bundle;
	struct mount_extra_file files[5];
	struct mount_extra_device devices[KM_DEVICES_MAX];
	struct mount_request request = {
		.spec = launch->spec,
		.bundle = bundle && *bundle == '/' ? bundle : launch->state.bundle,
		.bundle_fd = launch->bundle_fd,
		.new_userns = launch->spec->namespaces[NS_USER].listed,
		.unprivileged = geteuid() != 0,
		.no_pivot = launch->request->no_pivot,
		.has_cgroupns = launch->spec->namespaces[NS_CGROUP].listed,
		.idmap_fds = launch->idmap_fds,
		.files = files,
		.devices = devices,
	};
	auto_free struct mount_owner *owners = NULL;
	auto_close int hierarchy_fd = -1;
	int r = launch_device_owners(launch, &owners, err);

	if (r == 0)
		r = open_hierarchy(launch->spec, &hierarchy_fd, err);
	if (r < 0)
		return r;
	request.owners = owners;
	request.cgroup_dir_fd = hierarchy_fd;
	if (launch->has_km) {
		const struct km_plan *km = &launch->km;

		r = add_snapshot_files(launch, files, &request.files_len, err);
		if (r < 0)
			return r;
		files[request.files_len++] =
			(struct mount_extra_file){ .fd = km->km_fd, .destination = km->settings.monitor };
		if (km->libc_fd >= 0)
			files[request.files_len++] =
				(struct mount_extra_file){ .fd = km->libc_fd,
							   .destination = km->settings.libc };
		for (size_t i = 0; i < km->devices_len; i++)
			devices[request.devices_len++] = (struct mount_extra_device){
				.fd = km->devices[i].fd,
				.path = km->devices[i].path,
				.major = km->devices[i].major,
				.minor = km->devices[i].minor,
				.mode = km->devices[i].mode,
			};
	}
	if (launch->notify_dir_fd >= 0)
		files[request.files_len++] = (struct mount_extra_file){ .fd = launch->notify_dir_fd,
									.destination = STATE_NOTIFY_MOUNT,
									.is_directory = true };
	r = mount_setup_make(&request, &launch->mounts, err);
	if (r == 0)
		launch->state.root_file = mount_setup_root(launch->mounts);
	return r;
}

static int open_host(struct launch *launch, struct error *err)
{
	const char *socket = launch->request->console_socket;
	int r;

	launch->proc_fd = open_proc();
	if (launch->proc_fd < 0)
		return error_sys(err, launch->proc_fd, "open '/proc'");
	r = ns_plan_open(&launch->ns, launch->spec, err);
	if (r == 0)
		r = ns_network_plan(&launch->ns, launch->proc_fd, &launch->own_network_fd, err);
	if (r < 0)
		return r;
	if (notify_wanted(launch->process.env)) {
		launch->notify_dir_fd = notify_directory_make(launch->dir_fd, err);
		if (launch->notify_dir_fd < 0)
			return launch->notify_dir_fd;
	}
	if (socket) {
		launch->console_fd = socket_connect(socket, err);
		if (launch->console_fd < 0)
			return launch->console_fd;
	}
	if (launch->state.joined_mounts)
		return launch_joined_open(launch, err);
	/*
	 * Each mount may take two fds, a source and a user namespace. The container's own limit does not
	 * change.
	 */
	sys_raise_files(2 * launch->spec->mounts_len);
	r = open_idmaps(launch, err);
	return r < 0 ? r : open_mounts(launch, err);
}

/* ---- report ---------------------------------------------------------------------------------- */

static int note_process(struct launch *launch, struct error *err)
{
	struct proc_stat stat;
	int r = proc_read_stat(launch->child.pid, &stat);

	if (r < 0)
		return error_sys(err, r, "look at the container's process");
	launch->state.pid = launch->child.pid;
	launch->state.start_time = stat.start_time;
	return 0;
}

int launch_save_process(struct launch *launch, struct error *err)
{
	int r = note_process(launch, err);

	return r < 0 ? r : state_save(launch->dir_fd, &launch->state, err);
}

int launch_save_place(struct launch *launch, struct error *err)
{
	int r = note_process(launch, err);

	return r < 0 ? r : state_save_place(launch->dir_fd, &launch->state, err);
}

/* With a km that waits, its pid belongs to the place, too: see wait_for_monitor(). */
static int save_place(struct launch *launch, struct error *err)
{
	return launch->plan.park == INIT_PARK_MONITOR ? 0 : launch_save_place(launch, err);
}

/* With a km that waits, the state changes until that is ready. */
static int prepare_state(struct launch *launch, struct error *err)
{
	int r;

	if (launch->plan.park == INIT_PARK_MONITOR)
		return 0;
	r = state_prepare_file(launch->dir_fd, &launch->state, err);
	launch->state_prepared = r == 0;
	return r;
}

static int save_state(struct launch *launch, struct error *err)
{
	if (launch->restored)
		return launch_save_process(launch, err);
	return launch->state_prepared ? state_publish_file(launch->dir_fd, err) :
					state_save_file(launch->dir_fd, &launch->state, err);
}

/* The pid file comes last: its reader may use the container at once. */
static int report(struct launch *launch, struct error *err)
{
	const char *receiver = spec_annotation(launch->spec, KRUN_ANNOTATION_PIDFD_RECEIVER);
	const struct create_request *request = launch->request;
	int r = save_state(launch, err);

	checkpoint_lent_done(&launch->image);
	if (r == 0 && receiver && *receiver)
		r = report_process(launch->child.pid, receiver, NULL, err);
	if (r < 0)
		return r;
	r = report_process(launch->child.pid, request->pidfd_socket, request->pid_file, err);
	launch->reported = r == 0;
	return r;
}

static int spawn(struct launch *launch, struct error *err)
{
	int r = init_spawn(&launch->plan, &launch->child, err);

	if (r == 0)
		cgroup_settle(&launch->cgroup);
	return r;
}

static int plan_namespaces(struct launch *launch, struct error *err)
{
	ns_plan_make(launch->spec, &launch->ns);
	return ns_check_privilege(&launch->ns,
				  launch->request->runtime->name == NAME_PLAIN ? "krun-plain" : "krun", err);
}

static bool needs_no_device(const struct spec_mount *mount)
{
	static const char *const types[] = {
		"proc", "tmpfs", "sysfs", "devpts", "mqueue", "cgroup", "cgroup2"
	};

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (strcmp(mount->type, types[i]) == 0)
			return true;
	return mount->options.bind;
}

/*
 * Whether the device filter can wait until the child is there. A child that waits for its network makes only
 * mounts before, and opens no device if none of them is of a file system on a device. Any other one might be
 * at its console, or km at its payload, without a filter.
 */
static bool filter_can_wait(const struct launch *launch)
{
	if (launch->own_network_fd < 0)
		return false;
	for (size_t i = 0; i < launch->spec->mounts_len; i++)
		if (!needs_no_device(&launch->spec->mounts[i]))
			return false;
	return true;
}

static int filter_early(struct launch *launch, struct error *err)
{
	return filter_can_wait(launch) ? 0 : launch_cgroup_filter(launch, err);
}

static int filter_late(struct launch *launch, struct error *err)
{
	siginfo_t end = { 0 };
	int r = filter_can_wait(launch) ? launch_cgroup_filter(launch, err) : 0;

	/* With a child that ended its scope may be gone, too; launch_converse() finds the child's reason. */
	if (r < 0 &&
	    waitid(P_PID, (id_t)launch->child.pid, &end, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0 &&
	    end.si_pid == launch->child.pid)
		return 0;
	return r;
}

/* Init mounts file systems meanwhile. */
static int make_network(struct launch *launch, struct error *err)
{
	int *fd = &launch->ns.join[NS_NETWORK], r;

	if (launch->own_network_fd < 0)
		return 0;
	*fd = ns_network_make(launch->proc_fd, launch->own_network_fd, err);
	if (*fd < 0)
		return *fd;
	cleanup_close(&launch->own_network_fd);
	r = sync_send(launch->child.sync_fd, SYNC_NETWORK, 0, *fd, err);
	/* A child that was killed meanwhile has its reason, which launch_converse() finds. */
	return r == -EPIPE || r == -ECONNRESET ? 0 : r;
}

static const struct launch_step process_steps[] = {
	{ "open", open_host },
	{ "plan", launch_plan_make },
	{ "device filter (early)", filter_early },
	{ "spawn", spawn },
	{ "device filter", filter_late }, /* from here on, the child prepares itself meanwhile */
	{ "network namespace", make_network },
	{ "place", save_place },
	{ "delegate", launch_cgroup_delegate },
	{ "prepare the state", prepare_state },
	{ "child", launch_converse },
	{ NULL },
};

/* CRIU makes the processes. */
static const struct launch_step image_steps[] = {
	{ "device filter", launch_cgroup_filter },
	{ "delegate", launch_cgroup_delegate },
	{ "restore", launch_restore },
	{ NULL },
};

static int make_process(struct launch *launch, struct error *err)
{
	size_t done = 0;
	int r = launch_steps_run(launch->restored ? image_steps : process_steps, &done, launch, err);

	return r < 0 ? ns_explain_refusal(&launch->ns, err) : r;
}

/* ---- undo ------------------------------------------------------------------------------------ */

static void remove_name(struct launch *launch)
{
	struct error err;

	if (launch->dir_fd >= 0 &&
	    state_dir_remove(launch->request->runtime, launch->dir_fd, launch->request->id, &err) < 0)
		log_warning("%s", err.text);
}

static void remove_cgroup(struct launch *launch)
{
	struct error err;

	if (!launch->cgroup.place.path)
		return;
	if (cgroup_kill(&launch->cgroup, SIGKILL, &err) < 0)
		log_warning("%s", err.text);
	if (cgroup_remove(&launch->cgroup, &err) < 0)
		log_warning("%s", err.text);
}

static void remove_rdt_class(struct launch *launch)
{
	struct error err;

	if (rdt_leave(&launch->state, &err) < 0)
		log_warning("%s", err.text);
}

static void end_process(struct launch *launch)
{
	if (launch->child.pid > 0)
		sys_kill_and_wait(launch->child.pid);
	if (launch->hooks_ran)
		state_hooks_run_poststop(&launch->state, launch->spec);
}

static void remove_pid_file(struct launch *launch)
{
	if (launch->reported && launch->request->pid_file)
		unlink(launch->request->pid_file);
}

/* ---- the table ------------------------------------------------------------------------------- */

static const struct launch_step steps[] = {
	{ "read bundle", read_bundle },
	{ "plan namespaces", plan_namespaces },
	{ "check", check_request },
	{ "mode", launch_mode_choose },
	{ "joined mounts", launch_joined_check },
	{ "program", launch_program_choose },
	{ "state", fill_state },
	{ "environment", launch_environment_make },
	{ "cgroup plan", launch_cgroup_plan },
	{ "reserve", reserve, remove_name }, /* the first with effects */
	{ "preflight", launch_preflight },
	{ "cgroup", launch_cgroup_make, remove_cgroup },
	{ "resctrl", make_rdt_class, remove_rdt_class },
	{ "process", make_process, end_process },
	{ "report", report, remove_pid_file },
	{ NULL },
};

int launch_begin(struct launch *launch, const struct create_request *request, bool run, struct error *err)
{
	int r;

	*launch = (struct launch){
		.request = request,
		.run = run,
		.bundle_fd = -1,
		.dir_fd = -1,
		.cgroup = { .dir_fd = -1, .holder_fd = -1 },
		.payload_cgroup_fd = -1,
		.km = { .km_fd = -1, .libc_fd = -1 },
		.image = { .dir_fd = -1, .snapshot_fd = -1, .lent_dir_fd = -1 },
		.monitor_log_fd = -1,
		.monitor_sockets = { -1, -1, -1, -1 },
		.pid1_fd = -1,
		.gate_fd = -1,
		.joined_root_fd = -1,
		.proc_fd = -1,
		.own_network_fd = -1,
		.console_fd = -1,
		.notify_dir_fd = -1,
		.child = { .sync_fd = -1 },
		.master_fd = -1,
	};
	for (int i = 0; i < NS_KIND_COUNT; i++)
		launch->ns.join[i] = -1;
	if (!container_id_is_valid(request->id))
		return error_set(err, -EINVAL,
				 "container id '%s': letters, digits and '_+.-' are allowed, at most %d, "
				 "not starting with '.' or '-'",
				 request->id, NAME_MAX);
	r = launch_steps_run(steps, &launch->steps_begun, launch, err);
	if (r < 0) {
		error_document(err, config_name(request));
		launch_abandon(launch);
	}
	return r;
}

void launch_commit(struct launch *launch)
{
	/* The parked child has inherited the fd and shares the lock: close(2) would not drop it. */
	flock(launch->dir_fd, LOCK_UN);
}

void launch_abandon(struct launch *launch)
{
	/* A signal must not interrupt the undo. */
	interrupt_refuse();
	interrupt_watch(INTERRUPT_CHILD, 0);
	launch_steps_undo(steps, launch->steps_begun, launch);
	launch->steps_begun = 0;
}

int launch_start(struct launch *launch, struct error *err)
{
	int r;

	if (launch->restored || launch->plan.park == INIT_PARK_MONITOR)
		return 0;
	r = sync_send(launch->child.sync_fd, SYNC_START, 0, -1, err);
	return r < 0 ? r :
		       launch_expect_execution(launch->child.sync_fd, NULL, launch->child.pid,
					       launch->pid1_fd >= 0, err);
}

void launch_done(struct launch *launch)
{
	cleanup_close(&launch->own_network_fd);
	cleanup_close(&launch->gate_fd);
	cleanup_close(&launch->joined_root_fd);
	cleanup_close(&launch->bundle_fd);
	cleanup_close(&launch->payload_cgroup_fd);
	cleanup_close(&launch->dir_fd);
	cleanup_close(&launch->monitor_log_fd);
	for (size_t i = 0; i < KM_SPARE_SOCKETS; i++)
		cleanup_close(&launch->monitor_sockets[i]);
	free(launch->checkpoint_fds);
	cleanup_close(&launch->pid1_fd);
	cleanup_close(&launch->proc_fd);
	cleanup_close(&launch->console_fd);
	cleanup_close(&launch->notify_dir_fd);
	cleanup_close(&launch->master_fd);
	cleanup_close(&launch->child.sync_fd);
	ns_plan_done(&launch->ns);
	mount_setup_free(launch->mounts);
	for (size_t i = 0; launch->idmap_fds && i < launch->spec->mounts_len; i++)
		cleanup_close(&launch->idmap_fds[i]);
	free(launch->idmap_fds);
	seccomp_program_done(&launch->seccomp);
	seccomp_handover_free(launch->handover);
	strv_done(&launch->km_options);
	if (launch->has_km)
		km_plan_done(&launch->km);
	checkpoint_done(&launch->image);
	cgroup_plan_done(&launch->cgroup_plan);
	cgroup_done(&launch->cgroup);
	state_done(&launch->state);
	strv_done(&launch->env);
	free(launch->config_text);
	spec_keep(launch->spec);
}
