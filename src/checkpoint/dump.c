/* SPDX-License-Identifier: Apache-2.0 */

/* Collects the container's mounts, namespaces and open files, and asks CRIU for a dump. */

#include "checkpoint/dump.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "checkpoint/criu_options.h"
#include "checkpoint/directory.h"
#include "checkpoint/criu_files.h"
#include "checkpoint/standard_io.h"
#include "criu/call.h"
#include "ns/kinds.h"
#include "state/runtime_options.h"
#include "state/state.h"
#include "state/state_dir.h"
#include "syscall/process.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"
#include "util/log.h"
#include "util/step.h"

enum { MOUNTINFO_MAX = 64 * 1024 * 1024 };

struct dump {
	const struct dump_request *request;
	char *program;
	struct spec *spec;
	int proc_fd; /* /proc/PID of the container's process */
	int images_fd, work_fd;
	struct mount_pairs points;
	ino_t namespaces[NS_KIND_COUNT];
	struct checkpoint_criu image;
	struct criu_options options;
};

STEPS(dump)

int checkpoint_criu(const struct runtime_options *runtime, char **ret_program, struct error *err)
{
	unsigned int version;
	int r;

	if (geteuid() != 0)
		return error_set(err, -EPERM, "CRIU: checkpoints of containers without km need root");
	r = criu_find(runtime->criu, ret_program, err);
	return r < 0 ? r : criu_check_version(*ret_program, &version, err);
}

int checkpoint_criu_config(const char **ret, struct error *err)
{
	const int r = io_exists(CRIU_DEFAULT_CONFIG);

	*ret = r > 0 ? CRIU_DEFAULT_CONFIG : NULL;
	return r < 0 ? error_sys(err, r, "look for '%s'", CRIU_DEFAULT_CONFIG) : 0;
}

/* ---- facts about the container --------------------------------------------------------------- */

static int read_table(int dir_fd, const char *name, struct mount_table *ret, struct error *err)
{
	auto_free char *text = NULL;
	int r = io_read_file(dir_fd, name, MOUNTINFO_MAX, &text, NULL);

	if (r == 0)
		r = mount_table_parse(text, ret);
	return r < 0 ? error_sys(err, r, "read the table of mounts") : 0;
}

static int find_mounts(struct dump *dump, struct error *err)
{
	static const char *const extra[] = { STATE_NOTIFY_MOUNT, NULL };
	auto_close int root_fd = openat(dump->proc_fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct mount_table all = { 0 }, own = { 0 };
	int r = root_fd < 0 ? error_sys(err, -errno, "open the container's root") : 0;

	dump->image.has_notify =
		faccessat(dump->request->dir_fd, STATE_NOTIFY, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	if (r == 0)
		r = read_table(dump->proc_fd, "mountinfo", &all, err);
	if (r == 0)
		r = read_table(AT_FDCWD, "/proc/self/mountinfo", &own, err);
	if (r == 0)
		r = mount_outside_find(
			&(struct mount_search){
				.spec = dump->spec,
				.root_fd = root_fd,
				.all = &all,
				.own = &own,
				.extra = dump->image.has_notify ? extra : NULL,
				.has_cgroupns = dump->spec->namespaces[NS_CGROUP].listed,
			},
			&dump->points, &dump->image.below, err);
	mount_table_done(&all);
	mount_table_done(&own);
	return r;
}

static int find_namespaces(struct dump *dump, struct error *err)
{
	for (int i = 0; i < NS_KIND_COUNT; i++) {
		struct stat st;
		char name[32];

		snprintf(name, sizeof(name), "ns/%s", ns_kinds[i].proc_name);
		if (fstatat(dump->proc_fd, name, &st, 0) == 0)
			dump->namespaces[i] = st.st_ino;
		else if (dump->spec->namespaces[i].path)
			return error_sys(err, -errno, "look at the container's %s namespace",
					 ns_kinds[i].proc_name);
	}
	return 0;
}

static bool is_terminal(const struct stat *st)
{
	const unsigned int number = major(st->st_rdev);

	/* The kernel's devices.txt: consoles, and both ends of pseudo terminals. */
	return S_ISCHR(st->st_mode) && (number == 4 || number == 5 || (number >= 136 && number <= 143));
}

/*
 * Names the files of fds 0 to 2 that CRIU cannot find in the container, because they are on none of its
 * mounts.
 */
static int find_stdio(struct dump *dump, struct error *err)
{
	struct stdio_file files[3];
	int r = stdio_look(dump->proc_fd, files, err);

	for (int fd = 0; r == 0 && fd <= 2; fd++)
		if (files[fd].outside &&
		    criu_name_file(files[fd].name, files[fd].mount, files[fd].st.st_ino,
				   is_terminal(&files[fd].st), &dump->image.stdio[fd]) < 0)
			r = error_oom(err);
	return r;
}

/*
 * Returns whether hooks put devices into the container's own network namespace (docker's do). The hooks of
 * the restore do so again, and devices that CRIU restored would be in their way.
 */
static bool has_devices_of_hooks(const struct dump *dump)
{
	const struct spec *spec = dump->spec;
	const struct spec_namespace *network = &spec->namespaces[NS_NETWORK];
	auto_free char *text = NULL;
	bool found = false;

	if (!network->listed || network->path ||
	    spec->hooks[HOOK_PRESTART].len + spec->hooks[HOOK_CREATE_RUNTIME].len == 0 ||
	    io_read_file(dump->proc_fd, "net/dev", MOUNTINFO_MAX, &text, NULL) < 0)
		return false;
	/* net/dev has two lines of titles, with '|', and then lines "  NAME: NUMBER ...". */
	for (char *rest = NULL, *line = strtok_r(text, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		line += strspn(line, " ");
		found |= strcspn(line, ":|") < strlen(line) && !strchr(line, '|') &&
			 strncmp(line, "lo:", 3) != 0;
	}
	return found;
}

static int look(struct dump *dump, struct error *err)
{
	int r = state_load_config(dump->request->dir_fd, dump->request->state, &dump->spec, err);

	if (r == 0)
		r = criu_check_spec(dump->spec, err);
	if (r == 0)
		r = find_namespaces(dump, err);
	if (r == 0)
		r = find_mounts(dump, err);
	if (r == 0)
		dump->image.empty_network = has_devices_of_hooks(dump);
	return r < 0 ? r : find_stdio(dump, err);
}

/* ---- the request ----------------------------------------------------------------------------- */

static int open_directories(struct dump *dump, struct error *err)
{
	const struct checkpoint_options *options = dump->request->options;
	const char *images = checkpoint_image_path(options);
	struct stat st;

	dump->images_fd = checkpoint_directory_make(images, "--image-path", err);
	if (dump->images_fd < 0)
		return dump->images_fd;
	dump->work_fd = checkpoint_directory_make(checkpoint_work_path(options), "--work-path", err);
	if (dump->work_fd < 0)
		return dump->work_fd;
	if (!options->parent_path)
		return 0;
	if (fstatat(dump->images_fd, options->parent_path, &st, 0) < 0)
		return error_sys(err, -errno, "--parent-path '%s' below '%s'", options->parent_path, images);
	return S_ISDIR(st.st_mode) ?
		       0 :
		       error_set(err, -ENOTDIR, "--parent-path '%s': not a directory below '%s'",
				 options->parent_path, images);
}

static int plan_cgroups(struct dump *dump, struct error *err)
{
	const struct cgroup_place *place = &dump->request->state->cgroup;
	struct criu_options *options = &dump->options;

	if (!place->path)
		options->cgroups_mode = CRIU_CGROUPS_IGNORE;
	options->cgroup_root = place->path;
	if (place->path && cgroup_mount_point() &&
	    asprintf(&options->freeze_cgroup, "%s%s", cgroup_mount_point(), place->path) < 0) {
		options->freeze_cgroup = NULL;
		return error_oom(err);
	}
	return 0;
}

static int plan(struct dump *dump, struct error *err)
{
	const struct dump_request *request = dump->request;
	struct criu_dump_facts facts = {
		.pid = request->state->pid,
		.points = &dump->points,
		.stdio = dump->image.stdio,
	};
	const char *config;
	int r = checkpoint_criu_config(&config, err);

	if (r == 0)
		r = criu_options_make(request->options, dump->spec, config, &dump->options, err);
	memcpy(facts.namespaces, dump->namespaces, sizeof(facts.namespaces));
	if (r == 0)
		r = criu_options_add_dump(&facts, request->options, dump->spec, &dump->options, err);
	if (dump->image.empty_network)
		dump->options.empty_namespaces |= CLONE_NEWNET;
	dump->image.empty_network = dump->options.empty_namespaces;
	return r < 0 ? r : plan_cgroups(dump, err);
}

/* Checks the kernel before CRIU freezes anything. */
static int check_features(struct dump *dump, struct error *err)
{
	const struct checkpoint_options *options = dump->request->options;
	const struct criu_call call = { .program = dump->program,
					.type = CRIU_FEATURE_CHECK,
					.cgroup_fd = -1 };
	struct criu_answer answer;
	int r;

	if (!options->pre_dump && !options->parent_path && !options->lazy_pages)
		return 0;
	r = criu_do(&call, &answer, err);
	if (r < 0)
		return error_prefix(err, "CRIU cannot tell what this kernel can do (`criu check` says more)");
	if (options->lazy_pages && !answer.has_lazy_pages)
		return error_set(err, -EOPNOTSUPP, "--lazy-pages: CRIU cannot do this with this kernel");
	if ((options->pre_dump || options->parent_path) && !answer.tracks_memory)
		return error_set(
			err, -EOPNOTSUPP,
			"%s: CRIU cannot do this with this kernel, which does not track changed memory "
			"(CONFIG_MEM_SOFT_DIRTY)",
			options->pre_dump ? "--pre-dump" : "--parent-path");
	return 0;
}

/* ---- the dump -------------------------------------------------------------------------------- */

static int call_criu(struct dump *dump, struct error *err)
{
	const struct checkpoint_options *options = dump->request->options;
	const struct criu_passed passed[] = {
		{ dump->images_fd, CRIU_FD_IMAGES },
		{ dump->work_fd, CRIU_FD_WORK },
		{ (int)options->status_fd, (int)options->status_fd },
	};
	const struct criu_call call = {
		.program = dump->program,
		.type = options->pre_dump ? CRIU_PRE_DUMP : CRIU_DUMP,
		.options = &dump->options,
		.log_dir_fd = dump->work_fd,
		.passed = passed,
		.passed_len = options->status_fd > 0 ? 3 : 2,
		.cgroup_fd = -1,
		.own_session = !options->shell_job,
	};
	struct criu_answer answer;

	return criu_do(&call, &answer, err);
}

/* CRIU restores the freezer's state, unless it was killed: then the container would stay frozen. */
static void put_freezer_back(const struct dump *dump)
{
	const bool paused = dump->request->status == STATUS_PAUSED;
	struct cgroup cgroup;
	struct error err;

	if (!dump->request->state->cgroup.path ||
	    cgroup_open(&dump->request->state->cgroup, &cgroup, &err) < 0)
		return;
	if ((cgroup_is_frozen(&cgroup) == 1) != paused && cgroup_freeze(&cgroup, paused, &err) < 0)
		log_warning("%s", err.text);
	cgroup_done(&cgroup);
}

/*
 * Blocks signals that would end this command while CRIU holds the container's processes; but not with
 * --lazy-pages, where CRIU may wait for long.
 */
static int run(struct dump *dump, struct error *err)
{
	const struct checkpoint_options *options = dump->request->options;
	auto_close int pidfd = status_open_process(dump->request->state, err);
	sigset_t held, before;
	int r = 0;

	if (pidfd < 0)
		return pidfd;
	sigemptyset(&held);
	for (const int *signo = (const int[]){ SIGTERM, SIGINT, SIGHUP, 0 }; *signo && !options->lazy_pages;
	     signo++)
		sigaddset(&held, *signo);
	sigprocmask(SIG_BLOCK, &held, &before);
	if (!options->pre_dump)
		r = checkpoint_criu_write(dump->images_fd, &dump->image, err);
	if (r == 0)
		r = call_criu(dump, err);
	if (r < 0)
		checkpoint_criu_remove(dump->images_fd);
	if (r == 0 && !options->leave_running && !options->pre_dump)
		checkpoint_wait_for_end(pidfd);
	else
		put_freezer_back(dump);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (r < 0)
		error_prefix(err, "%s of container '%s' (%s/dump.log)",
			     options->pre_dump ? "pre-dump" : "checkpoint", dump->request->state->id,
			     checkpoint_work_path(options));
	return r;
}

static int open_process(struct dump *dump, struct error *err)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d", dump->request->state->pid);
	dump->proc_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dump->proc_fd < 0 ? status_lost_process(-errno, "look at the container's process", err) : 0;
}

static int find_program(struct dump *dump, struct error *err)
{
	return checkpoint_criu(dump->request->runtime, &dump->program, err);
}

int checkpoint_dump(const struct dump_request *request, struct error *err)
{
	static const struct dump_step steps[] = {
		{ "program", find_program },
		{ "process", open_process },
		{ "look", look },
		{ "plan", plan },
		{ "features", check_features },
		{ "directories", open_directories },
		{ "dump", run },
		{ NULL },
	};
	struct dump dump = { .request = request, .proc_fd = -1, .images_fd = -1, .work_fd = -1 };
	size_t begun = 0;
	int r = dump_steps_run(steps, &begun, &dump, err);

	criu_options_done(&dump.options);
	checkpoint_criu_done(&dump.image);
	mount_pairs_done(&dump.points);
	spec_free(dump.spec);
	free(dump.program);
	cleanup_close(&dump.images_fd);
	cleanup_close(&dump.work_fd);
	cleanup_close(&dump.proc_fd);
	return r;
}
