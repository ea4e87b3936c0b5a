/* SPDX-License-Identifier: Apache-2.0 */

/* The processes in a cgroup: freezing, listing, signalling. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "cgroup/events.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"

enum { FREEZE_TIMEOUT_MS = 10000, PROCS_MAX = 16 * 1024 * 1024 };

static int no_cgroup(struct error *err)
{
	return error_set(err, -EOPNOTSUPP, "the container has no cgroup of its own");
}

int cgroup_freeze(const struct cgroup *cgroup, bool freeze, struct error *err)
{
	int r;

	if (cgroup->dir_fd < 0)
		return no_cgroup(err);
	r = io_write_existing(cgroup->dir_fd, "cgroup.freeze", freeze ? "1" : "0");
	if (r == 0)
		r = cgroup_events_wait_frozen(cgroup->dir_fd, freeze, FREEZE_TIMEOUT_MS);
	if (r < 0 && freeze)
		io_write_existing(cgroup->dir_fd, "cgroup.freeze", "0");
	return r < 0 ? error_sys(err, r, "%s cgroup '%s'", freeze ? "freeze" : "thaw", cgroup->place.path) :
		       0;
}

int cgroup_is_frozen(const struct cgroup *cgroup)
{
	char text[8];

	if (cgroup->dir_fd < 0)
		return 0;
	return io_read_small(cgroup->dir_fd, "cgroup.freeze", text, sizeof(text)) > 0 && text[0] == '1';
}

struct pid_list {
	pid_t *pids;
	size_t len, capacity;
};

static int add_pid(struct pid_list *list, pid_t pid)
{
	if (list->len == list->capacity) {
		size_t capacity = list->capacity ? 2 * list->capacity : 32;
		pid_t *more = realloc(list->pids, capacity * sizeof(*more));

		if (!more)
			return -ENOMEM;
		list->pids = more;
		list->capacity = capacity;
	}
	list->pids[list->len++] = pid;
	return 0;
}

static int add_processes_of(int dir_fd, struct pid_list *list)
{
	auto_free char *text = NULL;
	int r = io_read_file(dir_fd, "cgroup.procs", PROCS_MAX, &text, NULL);
	char *line, *rest;

	/* EOPNOTSUPP: a threaded group, whose processes show in its parent. ENODEV: removed meanwhile. */
	if (r < 0)
		return r == -EOPNOTSUPP || r == -ENODEV || r == -ENOENT ? 0 : r;
	rest = text;
	while (r == 0 && (line = strsep(&rest, "\n"))) {
		long pid = strtol(line, NULL, 10);

		/* 0: a process of a pid namespace that is not below ours. */
		if (pid > 0)
			r = add_pid(list, (pid_t)pid);
	}
	return r;
}

static int add_processes_below(int dir_fd, struct pid_list *list)
{
	int again = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = again < 0 ? NULL : fdopendir(again);
	struct dirent *entry;
	int r;

	if (!dir) {
		r = -errno;
		cleanup_close(&again);
		return r;
	}
	r = add_processes_of(dir_fd, list);
	while (r == 0 && (entry = readdir(dir))) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		auto_close int child_fd =
			openat(dir_fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

		if (child_fd >= 0)
			r = add_processes_below(child_fd, list);
	}
	closedir(dir);
	return r;
}

static int compare(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

int cgroup_pids(const struct cgroup *cgroup, pid_t **ret_pids, size_t *ret_len, struct error *err)
{
	struct pid_list list = { 0 };
	int r;

	if (cgroup->dir_fd < 0)
		return no_cgroup(err);
	r = add_processes_below(cgroup->dir_fd, &list);
	if (r == 0 && !list.pids)
		list.pids = calloc(1, sizeof(*list.pids));
	if (r == 0 && !list.pids)
		r = -ENOMEM;
	if (r < 0) {
		free(list.pids);
		return error_sys(err, r, "list the processes of cgroup '%s'", cgroup->place.path);
	}
	qsort(list.pids, list.len, sizeof(*list.pids), compare);
	*ret_pids = list.pids;
	*ret_len = list.len;
	return 0;
}

int cgroup_kill(const struct cgroup *cgroup, int signo, struct error *err)
{
	auto_free pid_t *pids = NULL;
	size_t len;
	int r;

	if (cgroup->dir_fd < 0)
		return no_cgroup(err);
	/* cgroup.kill also reaches what is being forked right now. */
	if (signo == SIGKILL && io_write_existing(cgroup->dir_fd, "cgroup.kill", "1") == 0)
		return 0;
	r = cgroup_pids(cgroup, &pids, &len, err);
	for (size_t i = 0; r == 0 && i < len; i++)
		if (kill(pids[i], signo) < 0 && errno != ESRCH)
			r = error_sys(err, -errno, "signal %d to process %d", signo, pids[i]);
	return r;
}
