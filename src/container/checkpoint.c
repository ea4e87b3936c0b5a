/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Theory of operation of `checkpoint` in km mode; plain mode is checkpoint/dump.c. km writes a snapshot of
 * its virtual machine into a file of the image directory.
 *
 *   1. Find the container and take its lock, so that no other command changes it. A signal during the wait
 *      for the lock ends krun at once; later ones are handled, and what was done is undone.
 *   2. Refuse what a snapshot cannot hold: options, other processes with a km of their own, file locks.
 *      Nothing has been done to the container so far. It runs on, so that these checks can miss what it does
 *      later.
 *   3. Thaw a paused container: km has to run to answer. (docker pauses it before it asks.)
 *   4. Look at the payload: what the snapshot does not keep (checkpoint/payload.h) and the space it needs. As
 *      late as possible, because the payload may still change.
 *   5. Snapshot: bind mount the file into the container, ask km by its management socket, wait until km has
 *      written it, unmount. The wait ends after SNAPSHOT_TIMEOUT_MS, or after STALL_TIMEOUT_MS without
 *      progress.
 *   6. With --leave-running the payload continues, and a paused container is frozen again. Otherwise km ends
 *      with the snapshot: wait for pid1, too. The payload is in the snapshot alone then, so that signals are
 *      refused from here on.
 *   7. Drop the lock. The rest does not touch the container, and the copy may take long.
 *   8. Make the image: copy the file, which a process of the container may still have open; mend the open
 *      files in the copy; rename it and the inventory to their final names. The inventory is last, because it
 *      marks a complete checkpoint.
 *   9. Unless the container runs on, take the lock again and remove the container, so that a restore can use
 *      its id.
 *
 * If a step up to 5 fails, the container continues as before. After that a failure loses the payload, unless
 * it was left running.
 */

#include "checkpoint/checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "checkpoint/directory.h"
#include "checkpoint/dump.h"
#include "checkpoint/payload.h"
#include "container/container.h"
#include "container/pause.h"
#include "state/enter.h"
#include "state/processes.h"
#include "state/remove.h"
#include "state/state.h"
#include "state/state_dir.h"
#include "state/status.h"
#include "syscall/open.h"
#include "syscall/process.h"
#include "syscall/replace.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/interrupt.h"
#include "util/log.h"
#include "util/proc.h"
#include "util/step.h"

enum { SNAPSHOT_TIMEOUT_MS = 300000, STALL_TIMEOUT_MS = 15000 };

struct km_checkpoint {
	const struct checkpoint_options *options;
	int dir_fd;
	struct state state;
	enum status status;
	pid_t monitor;
	int pidfd;    /* of the container's first process */
	int km_pidfd; /* of km's process */
	int proc_fd;  /* the host's /proc */
	int image_fd; /* image directory */
	struct checkpoint_draft draft;
	struct payload payload;
};

STEPS(km_checkpoint)

static int find_container(struct km_checkpoint *checkpoint, const struct runtime_options *runtime,
			  const char *id, struct error *err)
{
	struct state *state = &checkpoint->state;
	int r;

	checkpoint->dir_fd = state_open(runtime, id, true, state, err);
	if (checkpoint->dir_fd < 0)
		return checkpoint->dir_fd;
	r = status_of(checkpoint->dir_fd, state, &checkpoint->status, err);
	if (r == 0)
		r = state_check_mounts(state, err);
	return r < 0 ? r : status_check(checkpoint->status, OP_CHECKPOINT, id, err);
}

static int find_monitor(struct km_checkpoint *checkpoint, struct error *err)
{
	const struct state *state = &checkpoint->state;

	if (!state->management)
		return error_set(
			err, -EOPNOTSUPP,
			"checkpoint of container '%s': its km has no management socket, which needs a "
			"tmpfs on /dev, a caller with privilege, \"startAt\" \"payload\", and neither "
			"KM_MGTDIR nor KM_MGTPIPE in the container's environment",
			state->id);
	checkpoint->monitor = state_monitor(state);
	checkpoint->km_pidfd = status_open_monitor(state, err);
	if (checkpoint->km_pidfd < 0)
		return checkpoint->km_pidfd;
	checkpoint->pidfd = status_open_process(state, err);
	if (checkpoint->pidfd < 0)
		return checkpoint->pidfd;
	checkpoint->proc_fd = open_proc();
	return checkpoint->proc_fd < 0 ? error_sys(err, checkpoint->proc_fd, "open '/proc'") : 0;
}

static bool is_same_program(int proc_fd, pid_t a, pid_t b)
{
	struct stat first, second;
	char path[32];

	snprintf(path, sizeof(path), "%d/exe", a);
	if (fstatat(proc_fd, path, &first, 0) < 0)
		return false;
	snprintf(path, sizeof(path), "%d/exe", b);
	return fstatat(proc_fd, path, &second, 0) == 0 && is_same_file(&first, &second);
}

/* Each process of a payload has a km of its own, but a snapshot holds one virtual machine. */
static int check_alone(struct km_checkpoint *checkpoint, struct error *err)
{
	const struct state *state = &checkpoint->state;
	auto_free pid_t *pids = NULL;
	size_t len, others = 0;
	int r = processes_list(state, &pids, &len, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < len; i++)
		others += pids[i] != checkpoint->monitor &&
			  is_same_program(checkpoint->proc_fd, pids[i], checkpoint->monitor);
	return others == 0 ?
		       0 :
		       error_set(err, -EBUSY,
				 "km can take a snapshot of one process only, and the container has %zu "
				 "more (children of the payload, or of exec)",
				 others);
}

/*
 * Searches /proc/locks, "1: POSIX  ADVISORY  WRITE PID ...". A restored payload would not have its locks any
 * more.
 */
static int check_locks(struct km_checkpoint *checkpoint, struct error *err)
{
	FILE *file = fopen("/proc/locks", "re");
	char line[256];
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file)) {
		int pid;

		found = sscanf(line, "%*d: %*s %*s %*s %d", &pid) == 1 && pid == checkpoint->monitor;
	}
	if (file)
		fclose(file);
	return found ? error_set(err, -EBUSY,
				 "the payload holds file locks, which km's snapshot does not keep") :
		       0;
}

/* Returns the file system ids of km, which opens the file: the last of four numbers in proc_pid_status(5). */
static int owner_of(const struct km_checkpoint *checkpoint, uid_t *ret_uid, gid_t *ret_gid, struct error *err)
{
	auto_free char *text = NULL;
	const char *uids, *gids;
	char path[32];
	int r;

	snprintf(path, sizeof(path), "%d/status", checkpoint->monitor);
	r = proc_read_status(checkpoint->proc_fd, path, &text);
	if (r < 0)
		return status_lost_process(r, "look at km's process", err);
	uids = strstr(text, "\nUid:");
	gids = strstr(text, "\nGid:");
	if (!uids || !gids || sscanf(uids + 5, "%*u %*u %*u %u", ret_uid) != 1 ||
	    sscanf(gids + 5, "%*u %*u %*u %u", ret_gid) != 1)
		return error_set(err, -EPROTO, "look at km's process: no ids in its status");
	return 0;
}

static int take_snapshot(struct km_checkpoint *checkpoint, struct error *err)
{
	auto_close int management_fd = km_management_open(checkpoint->proc_fd, checkpoint->monitor, err);
	struct error later;
	int r;

	if (management_fd < 0)
		return management_fd;
	r = enter_mount_file(&checkpoint->state, checkpoint->draft.shared_fd, KM_SNAPSHOT_TARGET, err);
	if (r < 0)
		return error_prefix(err, "mount the snapshot's file into the container");
	r = km_snapshot(
		&(struct km_snapshot_request){
			.dir_fd = management_fd,
			.monitor = checkpoint->monitor,
			.pidfd = checkpoint->km_pidfd,
			.path = KM_SNAPSHOT_TARGET,
			.file_fd = checkpoint->draft.shared_fd,
			.live = checkpoint->options->leave_running,
			.timeout_ms = SNAPSHOT_TIMEOUT_MS,
			.stall_ms = STALL_TIMEOUT_MS,
		},
		err);
	if (checkpoint->options->leave_running)
		km_management_hold(management_fd, checkpoint->monitor, checkpoint->km_pidfd);
	/* A failure is no error: the mount ends with the container, if that ends now. */
	if (enter_unmount_file(&checkpoint->state, KM_SNAPSHOT_TARGET, &later) < 0)
		log_debug("%s", later.text);
	return r;
}

static int open_process(const struct km_checkpoint *checkpoint, pid_t pid, struct error *err)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "%d", pid);
	fd = openat(checkpoint->proc_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? status_lost_process(-errno, "look at the container's process", err) : fd;
}

static int look_at_payload(struct km_checkpoint *checkpoint, struct error *err)
{
	auto_close int process_fd = open_process(checkpoint, checkpoint->monitor, err);
	auto_close int init_fd = -1;

	if (process_fd < 0)
		return process_fd;
	if (checkpoint->monitor != checkpoint->state.pid) {
		init_fd = open_process(checkpoint, checkpoint->state.pid, err);
		if (init_fd < 0)
			return init_fd;
	}
	return payload_look(process_fd, init_fd, &checkpoint->payload, err);
}

/* A failure is only a warning: without the mended files the snapshot is still better than none. */
static void mend_snapshot(const struct km_checkpoint *checkpoint)
{
	struct error err;

	if (km_snapshot_mend(checkpoint->draft.copy_fd, &checkpoint->payload.descriptors, &err) < 0)
		log_warning("the payload's open files may not come back as they were: %s", err.text);
}

/*
 * Checks the free space before a snapshot that ends the payload, which would be lost. km's anonymous memory
 * is the best known estimate of the size, and rather too small.
 */
static int check_room(const struct km_checkpoint *checkpoint, struct error *err)
{
	auto_free char *text = NULL;
	unsigned long long kib;
	char path[32];
	const char *line;

	snprintf(path, sizeof(path), "%d/status", checkpoint->monitor);
	if (checkpoint->options->leave_running || proc_read_status(checkpoint->proc_fd, path, &text) < 0)
		return 0;
	line = strstr(text, "\nRssAnon:");
	if (!line || sscanf(line + strlen("\nRssAnon:"), "%llu", &kib) != 1)
		return 0;
	return checkpoint_draft_check_room(&checkpoint->draft, kib << 10, err);
}

static int write_snapshot(struct km_checkpoint *checkpoint, struct error *err)
{
	uid_t uid;
	gid_t gid;
	int r = owner_of(checkpoint, &uid, &gid, err);

	if (r == 0)
		r = look_at_payload(checkpoint, err);
	if (r == 0)
		r = checkpoint_draft_make(checkpoint->image_fd, uid, gid, &checkpoint->draft, err);
	if (r == 0)
		r = check_room(checkpoint, err);
	return r < 0 ? r : take_snapshot(checkpoint, err);
}

/* Makes the image from km's file. Signals are refused once the copy is complete; little is left to do. */
static int keep_image(struct km_checkpoint *checkpoint, struct error *err)
{
	const bool alive = checkpoint->options->leave_running;
	int r = checkpoint_draft_take(&checkpoint->draft, err);

	if (r == 0) {
		interrupt_refuse();
		mend_snapshot(checkpoint);
		r = checkpoint_commit(&checkpoint->draft,
				      &(struct checkpoint_facts){
					      .id = checkpoint->state.id,
					      .cwd = checkpoint->payload.cwd,
					      .umask = checkpoint->payload.umask,
				      },
				      err);
	}
	return r < 0 && !alive ? error_prefix(err, "the payload has ended, and its checkpoint failed") : r;
}

/*
 * podman exports CRIU's statistics with a checkpoint and complains if the file is missing. km has none: it is
 * empty.
 */
static int write_statistics(struct km_checkpoint *checkpoint, struct error *err)
{
	const char *work_path = checkpoint->options->work_path;
	auto_close int work_fd = -1;
	int r;

	if (!work_path)
		return 0;
	work_fd = checkpoint_directory_make(work_path, "--work-path", err);
	if (work_fd < 0)
		return work_fd;
	r = file_replace(work_fd, "stats-dump", 0600, "", 0);
	return r < 0 ? error_sys(err, r, "--work-path '%s'", work_path) : 0;
}

/* Steps 3 to 6 above. */
static int checkpoint_thawed(struct km_checkpoint *checkpoint, struct error *err)
{
	const bool paused = checkpoint->status == STATUS_PAUSED;
	struct error later;
	int r = paused ? pause_set(&checkpoint->state, false, err) : 0;

	if (r < 0)
		return r;
	r = write_snapshot(checkpoint, err);
	if (r == 0 && !checkpoint->options->leave_running) {
		interrupt_refuse();
		checkpoint_wait_for_end(checkpoint->pidfd);
	} else if (paused && pause_set(&checkpoint->state, true, &later) < 0)
		log_warning("%s", later.text);
	return r;
}

static int check_options(struct km_checkpoint *checkpoint, struct error *err)
{
	return checkpoint_check_km(checkpoint->options, err);
}

static int make_directory(struct km_checkpoint *checkpoint, struct error *err)
{
	checkpoint->image_fd =
		checkpoint_directory_make(checkpoint_image_path(checkpoint->options), "--image-path", err);
	return checkpoint->image_fd;
}

static const struct km_checkpoint_step snapshot_steps[] = {
	{ "find km", find_monitor },	    { "options", check_options },
	{ "other processes", check_alone }, { "locks", check_locks },
	{ "statistics", write_statistics }, { "directory", make_directory },
	{ "snapshot", checkpoint_thawed },  { NULL },
};

/* These do not touch the container. */
static const struct km_checkpoint_step image_steps[] = {
	{ "image", keep_image },
	{ NULL },
};

static int checkpoint_monitor(struct km_checkpoint *checkpoint, struct error *err)
{
	size_t begun = 0;
	int r;

	/*
	 * From here on a signal undoes what was done to the container. Before, while waiting for the lock, it
	 * just ended krun.
	 */
	interrupt_begin();
	r = km_checkpoint_steps_run(snapshot_steps, &begun, checkpoint, err);
	if (r < 0)
		state_log_explain(checkpoint->dir_fd, &checkpoint->state, err);
	/* Other commands need not wait for the copy, which may take long. */
	state_dir_unlock(checkpoint->dir_fd);
	begun = 0;
	return r < 0 ? r : km_checkpoint_steps_run(image_steps, &begun, checkpoint, err);
}

/*
 * Removes the container after a complete checkpoint, so that its id is free for a restore, as scripts for
 * other runtimes expect. An engine that deletes it afterwards uses --force, or is told that it does not
 * exist. A failure is a warning, because the checkpoint is good.
 */
static void forget(struct km_checkpoint *checkpoint, const struct runtime_options *runtime)
{
	struct error err;
	int r = state_dir_lock(checkpoint->dir_fd, checkpoint->state.id, &err);

	/* Another command has removed it already. */
	if (r == -ENOENT)
		return;
	if (r == 0)
		r = container_remove(runtime, checkpoint->dir_fd, &checkpoint->state, NULL, &err);
	if (r < 0)
		log_warning("%s", err.text);
}

int container_checkpoint(const struct runtime_options *runtime, const char *id,
			 const struct checkpoint_options *options, struct error *err)
{
	struct km_checkpoint checkpoint = {
		.options = options,
		.dir_fd = -1,
		.pidfd = -1,
		.km_pidfd = -1,
		.proc_fd = -1,
		.image_fd = -1,
		.draft = { -1, -1, -1 },
	};
	int r = find_container(&checkpoint, runtime, id, err);

	if (r == 0 && checkpoint.state.mode == MODE_KM)
		r = checkpoint_monitor(&checkpoint, err);
	else if (r == 0)
		r = checkpoint_dump(
			&(struct dump_request){
				.runtime = runtime,
				.options = options,
				.state = &checkpoint.state,
				.status = checkpoint.status,
				.dir_fd = checkpoint.dir_fd,
			},
			err);
	if (r < 0)
		error_document(err, STATE_CONFIG);
	if (r == 0 && !options->leave_running && !options->pre_dump)
		forget(&checkpoint, runtime);
	checkpoint_draft_done(&checkpoint.draft);
	cleanup_close(&checkpoint.image_fd);
	cleanup_close(&checkpoint.proc_fd);
	cleanup_close(&checkpoint.pidfd);
	cleanup_close(&checkpoint.km_pidfd);
	cleanup_close(&checkpoint.dir_fd);
	payload_done(&checkpoint.payload);
	state_done(&checkpoint.state);
	return r;
}
