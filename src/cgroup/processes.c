/* SPDX-License-Identifier: Apache-2.0 */

/* Freezes, lists and signals the processes of a cgroup. */

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup/cgroup.h"
#include "cgroup/events.h"
#include "cgroup/walk.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"
#include "util/pids.h"

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
	ssize_t n;

	if (cgroup->dir_fd < 0)
		return 0;
	n = io_read_small(cgroup->dir_fd, "cgroup.freeze", text, sizeof(text));
	if (n < 0)
		return n == -ENOENT || n == -ENODEV ? 0 : (int)n;
	return n > 0 && text[0] == '1';
}

static int add_processes_of(int dir_fd, void *data)
{
	struct pids *pids = data;
	auto_free char *text = NULL;
	int r = io_read_file(dir_fd, "cgroup.procs", PROCS_MAX, &text, NULL);
	char *line, *rest;

	/* EOPNOTSUPP: a threaded cgroup, whose processes are listed in its domain. */
	if (r < 0)
		return r == -EOPNOTSUPP ? 0 : r;
	rest = text;
	while (r == 0 && (line = strsep(&rest, "\n"))) {
		long pid = strtol(line, NULL, 10);

		/* 0: the process is in a pid namespace that is not visible here. */
		if (pid > 0 && pid <= INT_MAX)
			r = pids_add(pids, (pid_t)pid);
	}
	return r;
}

int cgroup_pids(const struct cgroup *cgroup, pid_t **ret_pids, size_t *ret_len, struct error *err)
{
	struct pids pids = { 0 };
	int r;

	if (cgroup->dir_fd < 0)
		return no_cgroup(err);
	r = cgroup_walk(cgroup->dir_fd, &(struct cgroup_walk){ .enter = add_processes_of, .data = &pids });
	if (r == 0)
		r = pids_finish(&pids);
	if (r < 0) {
		free(pids.items);
		return error_sys(err, r, "list the processes of cgroup '%s'", cgroup->place.path);
	}
	*ret_pids = pids.items;
	*ret_len = pids.len;
	return 0;
}

int cgroup_kill(const struct cgroup *cgroup, int signo, struct error *err)
{
	auto_free pid_t *pids = NULL;
	size_t len;
	int r;

	if (cgroup->dir_fd < 0)
		return no_cgroup(err);
	/* cgroup.kill (Linux 5.14) also reaches processes that are being forked. */
	if (signo == SIGKILL && io_write_existing(cgroup->dir_fd, "cgroup.kill", "1") == 0)
		return 0;
	r = cgroup_pids(cgroup, &pids, &len, err);
	for (size_t i = 0; r == 0 && i < len; i++)
		if (kill(pids[i], signo) < 0 && errno != ESRCH)
			r = error_sys(err, -errno, "signal %d to process %d", signo, pids[i]);
	return r;
}
