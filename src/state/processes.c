/* SPDX-License-Identifier: Apache-2.0 */
#include "state/processes.h"

#include <dirent.h>
#include <errno.h>
#include <linux/sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cgroup/cgroup.h"
#include "state/state.h"
#include "state/status.h"
#include "syscall/open.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"
#include "util/pids.h"
#include "util/proc.h"

static int pid_namespace(int proc_fd, pid_t pid, struct stat *ret)
{
	char path[32];

	snprintf(path, sizeof(path), "%d/ns/pid", pid);
	return fstatat(proc_fd, path, ret, 0) < 0 ? -errno : 0;
}

/* Reads NSpid of /proc/PID/status: the pid in each namespace, ours first. 1, 0 or a negative errno. */
static int is_first_of_a_namespace(int proc_fd, pid_t pid)
{
	auto_free char *text = NULL;
	char path[32];
	int r;

	snprintf(path, sizeof(path), "%d/status", pid);
	r = proc_read_status(proc_fd, path, &text);
	return r < 0 ? r : proc_parse_first(text);
}

int processes_end_with_first(const struct state *state, struct error *err)
{
	auto_close int proc_fd = open_proc();
	int r = proc_fd < 0 ? error_sys(err, proc_fd, "open '/proc'") : 0;

	if (r < 0 || !(state->namespaces & CLONE_NEWPID))
		return r;
	r = is_first_of_a_namespace(proc_fd, state->pid);
	return r < 0 ? status_lost_process(r, "look at the container's process", err) : r;
}

/* Adds every process in the pid namespace of @init. A process that ends meanwhile is left out. */
static int add_namespace(DIR *proc, pid_t init, struct pids *pids)
{
	struct stat wanted, found;
	struct dirent *entry;
	int r = pid_namespace(dirfd(proc), init, &wanted);

	while (r == 0 && (r = io_next_entry(proc, &entry)) > 0) {
		/* strtol(3) returns 0 for names that are not numbers. */
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

		r = 0;
		if (pid > 0 && pid_namespace(dirfd(proc), pid, &found) == 0 && is_same_file(&found, &wanted))
			r = pids_add(pids, pid);
	}
	return r;
}

static int list_cgroup(const struct cgroup_place *place, pid_t **ret, size_t *ret_len, struct error *err)
{
	struct cgroup cgroup;
	int r = cgroup_open(place, &cgroup, err);

	if (r == -ENOENT) {
		*ret = calloc(1, sizeof(**ret));
		*ret_len = 0;
		return *ret ? 0 : error_oom(err);
	}
	if (r < 0)
		return r;
	r = cgroup_pids(&cgroup, ret, ret_len, err);
	cgroup_done(&cgroup);
	return r;
}

int processes_list(const struct state *state, pid_t **ret, size_t *ret_len, struct error *err)
{
	struct pids pids = { 0 };
	DIR *proc;
	int r;

	if (state->cgroup.path)
		return list_cgroup(&state->cgroup, ret, ret_len, err);
	proc = opendir("/proc");
	if (!proc)
		return error_sys(err, -errno, "open '/proc'");
	r = is_first_of_a_namespace(dirfd(proc), state->pid);
	if (r >= 0)
		r = r > 0 ? add_namespace(proc, state->pid, &pids) : pids_add(&pids, state->pid);
	closedir(proc);
	if (r == 0)
		r = pids_finish(&pids);
	if (r < 0) {
		free(pids.items);
		return error_sys(err, r, "list the processes of container '%s'", state->id);
	}
	*ret = pids.items;
	*ret_len = pids.len;
	return 0;
}
