/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The life of a systemd scope. A scope exists as long as it has processes, and it must exist before the
 * container's first process, which is cloned into it. Until then a holder, a process that does nothing, keeps
 * it alive.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "cgroup/change.h"
#include "cgroup/events.h"
#include "cgroup/limit.h"
#include "cgroup/resources.h"
#include "cgroup/scope.h"
#include "cgroup/systemd.h"
#include "syscall/process.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/io.h"
#include "util/log.h"

/* How long the holder waits to be moved when its command was killed, and the poll interval. */
enum { ORPHAN_MS = 10000, ORPHAN_STEP_MS = 20, CGROUP_TEXT_MAX = 4096 };
/* How long systemd may take for the end of a scope. */
enum { OVER_MS = 500, FIRST_PAUSE_NS = 200000 };

/* The cgroup of this process, which changes when systemd moves it. */
static ssize_t own_cgroup(char *buffer, size_t size)
{
	return io_read_small(AT_FDCWD, "/proc/self/cgroup", buffer, size);
}

/*
 * The holder's part. A command that lives kills its holder, so the end of the pipe says that the command was
 * killed, perhaps while systemd makes the scope. Then the holder waits until it is in the scope: systemd
 * (252, 257) does not notice that the process that it moves has ended, and keeps the empty scope forever.
 * Polls: there is no event for the move. The parent's id cannot tell whether the command was killed: the
 * kernel closes the files of a process that ends before its children get another parent.
 *
 * @before: the command's cgroup. The holder does not look up its own, because it may begin so late that it is
 * in the scope already.
 */
static _Noreturn void hold(int fd, const char *before)
{
	const struct timespec step = { .tv_nsec = ORPHAN_STEP_MS * 1000000L };
	char now[CGROUP_TEXT_MAX], byte;

	/* Its stdio must not keep a pipe open. */
	if (fd > 0)
		sys_close_range(0, (unsigned int)fd - 1, 0);
	sys_close_range((unsigned int)fd + 1, ~0U, 0);
	while (read(fd, &byte, 1) < 0 && errno == EINTR)
		;
	for (int waited = 0; waited < ORPHAN_MS; waited += ORPHAN_STEP_MS) {
		if (own_cgroup(now, sizeof(now)) >= 0 && strcmp(before, now) != 0)
			break;
		nanosleep(&step, NULL);
	}
	_exit(0);
}

static int start_holder(struct cgroup *cgroup, struct error *err)
{
	char before[CGROUP_TEXT_MAX];
	ssize_t n = own_cgroup(before, sizeof(before));
	int fds[2];
	pid_t pid;

	if (n < 0)
		return error_sys(err, (int)n, "read the cgroup of krun itself");
	if (pipe2(fds, O_CLOEXEC) < 0)
		return error_sys(err, -errno, "make a pipe for the holder of a scope");
	pid = sys_clone3(0, SIGCHLD, -1);
	if (pid == 0) {
		close(fds[1]);
		hold(fds[0], before);
	}
	close(fds[0]);
	if (pid < 0) {
		close(fds[1]);
		return error_sys(err, pid, "start the holder of a scope");
	}
	/*
	 * Signals to the command's process group are not for the holder. The command sees to that, so that it
	 * is so before systemd is asked, however late the holder begins.
	 */
	setpgid(pid, pid);
	cgroup->holder = pid;
	cgroup->holder_fd = fds[1];
	return 0;
}

void cgroup_settle(struct cgroup *cgroup)
{
	if (cgroup->holder <= 0)
		return;
	cleanup_close(&cgroup->holder_fd);
	/* SIGKILL, because the holder may be frozen or throttled, and has nothing to clean up. */
	sys_kill_and_wait(cgroup->holder);
	cgroup->holder = 0;
}

int scope_create(const struct cgroup_request *request, const struct cgroup_plan *plan, struct cgroup *cgroup,
		 struct error *err)
{
	int r = start_holder(cgroup, err);

	return r < 0 ? r : systemd_start(request, plan, cgroup->holder, &cgroup->place.path, err);
}

int scope_remove(struct cgroup *cgroup, struct error *err)
{
	cgroup_settle(cgroup);
	return systemd_stop(cgroup->place.unit, cgroup->place.user, err);
}

bool cgroup_scope_is_over(const struct cgroup *cgroup)
{
	struct timespec pause = { .tv_nsec = FIRST_PAUSE_NS };
	struct cgroup_events events;
	int64_t deadline;

	if (cgroup_events_read(cgroup->dir_fd, &events) == 0 && events.populated)
		return false;
	deadline = clock_ms() + OVER_MS;
	/* Polls: inotify(7) would tell, and take as long to close. */
	while (faccessat(cgroup->dir_fd, "cgroup.events", F_OK, 0) == 0) {
		if (clock_ms() >= deadline)
			return false;
		nanosleep(&pause, NULL);
		pause.tv_nsec += pause.tv_nsec / 4;
	}
	return true;
}

int cgroup_forget(const struct cgroup_place *place, struct error *err)
{
	return place->unit ? systemd_stop(place->unit, place->user, err) : 0;
}

bool cgroup_ran_out_of_memory(const struct cgroup *cgroup)
{
	auto_close int fd = cgroup->dir_fd < 0 ? -ENOENT : cgroup_memory_events_open(cgroup->dir_fd);
	struct cgroup_memory_events events;
	auto_free char *result = NULL;
	struct error ignored;

	if (fd >= 0 && cgroup_memory_events_read(fd, &events) == 0)
		return events.oom_kill > 0;
	/* The cgroup exists without the memory controller, so nothing is known. */
	if (!cgroup->place.unit ||
	    (cgroup->dir_fd >= 0 && faccessat(cgroup->dir_fd, "cgroup.events", F_OK, 0) == 0))
		return false;
	return systemd_result(cgroup->place.unit, cgroup->place.user, &result, &ignored) == 0 &&
	       strcmp(result, "oom-kill") == 0;
}

/*
 * krun writes the files first, so that the kernel accepts or refuses each value. Then systemd gets the
 * properties, and writes all files of their controllers. Files that systemd writes with other values are
 * written again.
 */
int cgroup_update(const struct cgroup *cgroup, const struct spec_resources *resources,
		  struct cgroup_change *change, struct error *err)
{
	int r = cgroup_change_make(cgroup, resources, change, err);

	if (r < 0 || !cgroup->place.unit)
		return r;
	r = systemd_set(cgroup, &change->writes, err);
	if (r < 0) {
		cgroup_change_undo(cgroup, change);
		return r;
	}
	r = cgroup_change_repeat(cgroup, change, systemd_renders, err);
	if (r < 0)
		cgroup_update_undo(cgroup, change);
	return r;
}

/*
 * systemd's properties are restored from the earlier contents of the files; then the files are written once
 * more.
 */
void cgroup_update_undo(const struct cgroup *cgroup, struct cgroup_change *change)
{
	const struct cgroup_undo *undo = &change->undo;
	struct cgroup_writes writes = { 0 };
	struct error err;

	cgroup_change_undo(cgroup, change);
	if (!cgroup->place.unit || undo->len == 0)
		return;
	writes.items = calloc(undo->len, sizeof(*writes.items));
	for (size_t i = undo->len; writes.items && i-- > 0;)
		writes.items[writes.len++] =
			(struct cgroup_write){ .file = undo->items[i].file, .text = undo->items[i].text };
	if (systemd_set(cgroup, &writes, &err) < 0)
		log_warning("%s", err.text);
	else
		cgroup_change_undo(cgroup, change);
	free(writes.items);
}

int cgroup_attach(const struct cgroup *cgroup, pid_t pid, struct error *err)
{
	if (!cgroup->place.unit)
		return error_set(err, -EOPNOTSUPP, "cgroup '%s' is not systemd's", cgroup->place.path);
	return systemd_attach(cgroup, "", pid, err);
}

int cgroup_check_annotations(const struct spec_pair *annotations, size_t len, struct error *err)
{
	struct strv words = { 0 };
	int r = systemd_properties_of_annotations(&words, annotations, len, err);

	strv_done(&words);
	return r;
}

bool cgroup_systemd_is_built_in(void)
{
	return systemd_is_built_in();
}

int cgroup_systemd_version(bool user, char **ret, struct error *err)
{
	return systemd_version(user, ret, err);
}
