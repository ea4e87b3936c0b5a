/* SPDX-License-Identifier: Apache-2.0 */

/*
 * `restore` in plain mode. Instead of the clone and the child's steps, CRIU makes the processes from its
 * images, in the cgroup that exists already. The prestart and createRuntime hooks run at CRIU's stage
 * "setup-namespaces", when the network namespace exists.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checkpoint/checkpoint.h"
#include "checkpoint/criu_options.h"
#include "checkpoint/dump.h"
#include "checkpoint/criu_files.h"
#include "criu/call.h"
#include "launch/launch.h"
#include "launch/notify.h"
#include "mount/mount.h"
#include "security/security.h"
#include "state/enter.h"
#include "syscall/open.h"
#include "syscall/socket.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/log.h"
#include "util/step.h"

struct restore {
	struct launch *launch;
	char *program;
	char root[PATH_MAX]; /* the container's, with every symlink followed */
	struct checkpoint_criu image;
	struct mount_pairs sources;
	struct criu_options options;
	int work_fd, network_fd, pid_fd;
	struct criu_passed passed[7]; /* the first two are directories, which prepare() opens again */
	size_t passed_len;
	bool in_cgroup; /* CRIU starts in the container's cgroup, because its images have none */
};

STEPS(restore)

/* ---- preparation ----------------------------------------------------------------------------- */

static int open_root(struct restore *restore, struct error *err)
{
	const struct launch *launch = restore->launch;
	auto_close int fd = openat(launch->bundle_fd, launch->spec->rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r = fd < 0 ? -errno : fd_path(fd, restore->root, sizeof(restore->root));

	return r < 0 ? error_sys(err, r, "rootfs '%s'", launch->spec->rootfs) : 0;
}

static bool is_below(const char *path, const char *directory)
{
	size_t len = strlen(directory);

	return len > 1 && strncmp(path, directory, len) == 0 && path[len] == '/';
}

/* True if the mount point is in the root itself, and not below another mount, which brings it. */
static bool is_on_root(const struct spec *spec, const struct spec_mount *mount)
{
	for (size_t i = 0; i < spec->mounts_len; i++)
		if (is_below(mount->destination, spec->mounts[i].destination))
			return false;
	return strcmp(mount->destination, "/") != 0;
}

static bool is_file(const struct launch *launch, const struct spec_mount *mount)
{
	struct stat st;

	return mount->options.bind && mount->source &&
	       fstatat(launch->bundle_fd, mount->source, &st, 0) == 0 && !S_ISDIR(st.st_mode);
}

/* A fresh copy of the root has no mount points. A failure is no error: CRIU fails if it needs one. */
static int make_mount_points(struct restore *restore, struct error *err)
{
	const struct launch *launch = restore->launch;
	const struct spec *spec = launch->spec;
	auto_close int root_fd = open(restore->root, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (root_fd < 0)
		return error_sys(err, -errno, "rootfs '%s'", restore->root);
	for (size_t i = 0; i < spec->mounts_len; i++) {
		const struct spec_mount *mount = &spec->mounts[i];
		int fd;

		if (!is_on_root(spec, mount))
			continue;
		fd = open_in_root_make(root_fd, mount->destination,
				       is_file(launch, mount) ? OPEN_MAKE_FILE : OPEN_MAKE_DIRECTORY, 0755,
				       NULL);
		if (fd >= 0)
			close(fd);
		else
			log_debug("mount point '%s': %s", mount->destination, error_reason(fd));
	}
	return 0;
}

/* Makes a new directory for the notify socket, if the container had one. */
static int add_notify(struct restore *restore, struct error *err)
{
	struct launch *launch = restore->launch;
	char path[PATH_MAX];

	if (!restore->image.has_notify)
		return 0;
	launch->notify_dir_fd = notify_directory_make(launch->dir_fd, err);
	if (launch->notify_dir_fd < 0)
		return launch->notify_dir_fd;
	if (fd_path(launch->notify_dir_fd, path, sizeof(path)) < 0 ||
	    mount_pairs_add(&restore->sources, STATE_NOTIFY_MOUNT, path) < 0)
		return error_oom(err);
	return 0;
}

static int find_sources(struct restore *restore, struct error *err)
{
	const struct launch *launch = restore->launch;
	int r = mount_sources_find(launch->spec, launch->bundle_fd, restore->image.below.items,
				   cgroup_mount_point(), launch->spec->namespaces[NS_CGROUP].listed,
				   &restore->sources, err);

	return r < 0 ? r : add_notify(restore, err);
}

static int open_namespace(const struct spec *spec, enum ns_kind kind, int *ret, struct error *err)
{
	const char *path = spec->namespaces[kind].path;

	if (!path)
		return 0;
	*ret = open(path, O_RDONLY | O_CLOEXEC);
	return *ret < 0 ? error_sys(err, -errno, "%s namespace '%s'", spec_namespace_words[kind], path) : 0;
}

static int open_outside(struct restore *restore, struct error *err)
{
	struct launch *launch = restore->launch;
	const struct checkpoint_options *options = launch->request->restore;
	int r = restore->work_fd =
		checkpoint_directory_make(checkpoint_work_path(options), "--work-path", err);

	if (r >= 0)
		r = open_namespace(launch->spec, NS_NETWORK, &restore->network_fd, err);
	if (r >= 0)
		r = open_namespace(launch->spec, NS_PID, &restore->pid_fd, err);
	if (r < 0 || !launch->request->console_socket)
		return r < 0 ? r : 0;
	launch->console_fd = socket_connect(launch->request->console_socket, err);
	return launch->console_fd < 0 ? launch->console_fd : 0;
}

static int plan(struct restore *restore, struct error *err)
{
	struct launch *launch = restore->launch;
	const struct criu_restore_facts facts = { &restore->sources, restore->image.stdio };
	struct criu_options *options = &restore->options;
	const char *config;
	int r = checkpoint_criu_config(&config, err);

	if (r == 0)
		r = criu_options_make(launch->request->restore, launch->spec, config, options, err);
	if (r == 0)
		r = criu_options_add_restore(&facts, launch->spec, options, err);
	if (r < 0)
		return r;
	if (restore->image.empty_network)
		options->empty_namespaces |= CLONE_NEWNET;
	if (!launch->state.cgroup.path || !restore->image.has_cgroups)
		options->cgroups_mode = CRIU_CGROUPS_IGNORE;
	if (options->cgroups_mode != CRIU_CGROUPS_IGNORE)
		options->cgroup_root = launch->state.cgroup.path;
	restore->in_cgroup = launch->state.cgroup.path && !options->cgroup_root;
	options->root = restore->root;
	return 0;
}

/* ---- the process that becomes CRIU ----------------------------------------------------------- */

/*
 * Opens a directory again in CRIU's mount namespace: an fd of another mount namespace cannot be used for
 * mounts.
 */
static int open_again(int *fd, struct error *err)
{
	int new_fd = open_again_here(*fd, O_RDONLY | O_DIRECTORY);

	if (new_fd < 0)
		return error_sys(err, new_fd, "open the directory of images in CRIU's mount namespace");
	*fd = new_fd;
	return 0;
}

static int join_keyring(const struct launch *launch, struct error *err)
{
	auto_close int proc_fd = open_proc();
	const char *label = launch->process.selinux_label;
	struct lsm_files files;
	int r;

	if (proc_fd < 0)
		return error_sys(err, proc_fd, "open '/proc'");
	r = lsm_files_open(proc_fd, NULL, label, true, &files, err);
	if (r < 0)
		return r;
	r = keyring_apply(launch->state.keyring, &files, label, err);
	lsm_files_done(&files);
	return r;
}

/*
 * Runs in the process that becomes CRIU. CRIU needs the root to be a mount: it gets a mount namespace of its
 * own, which ends with it. The restored processes inherit from it what the images do not have: the session
 * keyring and, if they have no cgroups, the cgroup namespace.
 */
static int prepare(void *data, struct error *err)
{
	struct restore *restore = data;
	const struct launch *launch = restore->launch;
	int r;

	if (launch->state.keyring) {
		r = join_keyring(launch, err);
		if (r < 0)
			return r;
	}
	/* CRIU before 4.0 does not restore no_new_privs; the processes inherit it. */
	if (launch->process.no_new_privileges) {
		r = no_new_privs_apply(err);
		if (r < 0)
			return r;
	}
	if (restore->in_cgroup && launch->spec->namespaces[NS_CGROUP].listed && unshare(CLONE_NEWCGROUP) < 0)
		return error_sys(err, -errno, "make the cgroup namespace");
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0)
		return error_sys(err, -errno, "make a mount namespace for CRIU");
	if (mount(restore->root, restore->root, NULL, MS_BIND | MS_REC, NULL) < 0)
		return error_sys(err, -errno, "mount the root '%s'", restore->root);
	r = open_again(&restore->passed[0].fd, err);
	return r < 0 ? r : open_again(&restore->passed[1].fd, err);
}

/* ---- stages ---------------------------------------------------------------------------------- */

static int close_root(void *data, struct error *err)
{
	(void)data;
	return mount_enter_root_readonly(err);
}

/*
 * Runs at stage "post-restore", when the processes exist but do not run yet: the state is saved before the
 * program can tell anybody. CRIU 3 does not make the root read-only, because that mount is its caller's.
 */
static int finish(struct launch *launch, struct error *err)
{
	int r = launch_save_process(launch, err);

	if (r < 0 || !launch->spec->rootfs_readonly)
		return r;
	return enter_run(&launch->state, &(struct enter_act){ .run = close_root }, err);
}

static int at_stage(void *data, const struct criu_answer *stage, int fd, struct error *err)
{
	struct restore *restore = data;
	struct launch *launch = restore->launch;
	int r;

	if (strcmp(stage->script, "orphan-pts-master") == 0)
		return launch_take_console(launch, fd, err);
	if (fd >= 0)
		close(fd);
	if (strcmp(stage->script, "post-restore") == 0)
		return finish(launch, err);
	if (strcmp(stage->script, "setup-namespaces") != 0)
		return 0;
	/* The process is krun's child from here on, and end_process() kills it after a failure. */
	launch->child.pid = stage->pid;
	r = launch_join_rdt_class(&launch->state, launch->child.pid, err);
	return r < 0 ? r : launch_run_hooks(launch, err);
}

static void pass(struct restore *restore, int fd, int number)
{
	if (fd >= 0)
		restore->passed[restore->passed_len++] = (struct criu_passed){ fd, number };
}

static int call_criu(struct restore *restore, struct criu_answer *answer, struct error *err)
{
	const struct launch *launch = restore->launch;
	struct criu_call call = {
		.program = restore->program,
		.type = CRIU_RESTORE,
		.options = &restore->options,
		.log_dir_fd = restore->work_fd,
		.passed = restore->passed,
		.prepare = prepare,
		.notify = at_stage,
		.data = restore,
		.cgroup_fd = restore->in_cgroup ? launch->cgroup.dir_fd : -1,
		.own_session = !restore->options.shell_job,
		.ends_with_us = true,
	};

	pass(restore, launch->image.dir_fd, CRIU_FD_IMAGES);
	pass(restore, restore->work_fd, CRIU_FD_WORK);
	for (int i = 0; i < 3; i++)
		if (fcntl(i, F_GETFD) >= 0)
			pass(restore, i, CRIU_FD_STDIO + i);
	pass(restore, restore->network_fd, CRIU_FD_NETWORK);
	pass(restore, restore->pid_fd, CRIU_FD_PID);
	call.passed_len = restore->passed_len;
	return criu_do(&call, answer, err);
}

/* ---- the restored processes ------------------------------------------------------------------ */

/*
 * Checks that CRIU put the process into the cgroup, and thaws a container that was paused at its checkpoint.
 */
static int check_cgroup(const struct launch *launch, struct error *err)
{
	auto_close int proc_fd = -1, fd = -1;

	if (!launch->state.cgroup.path)
		return 0;
	proc_fd = open_proc();
	if (proc_fd < 0)
		return error_sys(err, proc_fd, "open '/proc'");
	fd = cgroup_open_process(&launch->cgroup, proc_fd, launch->child.pid, err);
	if (fd < 0)
		return error_prefix(err, "look at what CRIU restored");
	return cgroup_is_frozen(&launch->cgroup) == 1 ? cgroup_freeze(&launch->cgroup, false, err) : 0;
}

/*
 * CRIU opens some images as a user of the container's user namespace, who has no permission for the image
 * directory: it gets search permission for everybody during the restore. The modes of the files do not
 * change. *ret: the directory's mode before; 0: unchanged.
 */
static void open_directory(const struct launch *launch, mode_t *ret)
{
	struct stat st;

	*ret = 0;
	if (!launch->spec->namespaces[NS_USER].listed || fstat(launch->image.dir_fd, &st) < 0 ||
	    (st.st_mode & 0011) == 0011)
		return;
	if (fchmod(launch->image.dir_fd, (st.st_mode & 07777) | 0011) == 0)
		*ret = st.st_mode & 07777;
}

static int do_restore(struct restore *restore, struct error *err)
{
	struct launch *launch = restore->launch;
	const struct checkpoint_options *options = launch->request->restore;
	struct criu_answer answer;
	mode_t mode;
	int r;

	open_directory(launch, &mode);
	r = call_criu(restore, &answer, err);
	if (mode && fchmod(launch->image.dir_fd, mode) < 0)
		log_warning("mode of the checkpoint's directory: %s", error_reason(-errno));
	if (r < 0)
		return error_prefix(err, "restore of container '%s' (%s/restore.log)", launch->request->id,
				    checkpoint_work_path(options));
	launch->child.pid = answer.pid;
	/* systemd's scope has its process now, which keeps it. */
	cgroup_settle(&launch->cgroup);
	return check_cgroup(launch, err);
}

static int read_image(struct restore *restore, struct error *err)
{
	const struct launch *launch = restore->launch;
	int r = criu_check_spec(launch->spec, err);

	if (r == 0)
		r = checkpoint_criu(launch->request->runtime, &restore->program, err);
	return r < 0 ? r : checkpoint_criu_read(launch->image.dir_fd, &restore->image, err);
}

int launch_restore(struct launch *launch, struct error *err)
{
	static const struct restore_step steps[] = {
		{ "criu: image", read_image },
		{ "criu: root", open_root },
		{ "criu: mount points", make_mount_points },
		{ "criu: sources", find_sources },
		{ "criu: descriptors", open_outside },
		{ "criu: plan", plan },
		{ "criu: restore", do_restore },
		{ NULL },
	};
	struct restore restore = { .launch = launch, .work_fd = -1, .network_fd = -1, .pid_fd = -1 };
	size_t begun = 0;
	int r = restore_steps_run(steps, &begun, &restore, err);

	criu_options_done(&restore.options);
	checkpoint_criu_done(&restore.image);
	mount_pairs_done(&restore.sources);
	free(restore.program);
	cleanup_close(&restore.work_fd);
	cleanup_close(&restore.network_fd);
	cleanup_close(&restore.pid_fd);
	return r;
}
