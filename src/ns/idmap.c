/* SPDX-License-Identifier: Apache-2.0 */
#include "ns/idmap.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spec/spec.h"
#include "syscall/open.h"
#include "syscall/process.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"
#include "util/strv.h"

enum { MAP_MAX = 64 * 1024 };

struct map_kind {
	const char *file; /* below /proc/PID */
	const char *helper;
	const char *ranges; /* what the helper allows */
};

static const struct map_kind uid_kind = { "uid_map", "newuidmap", "/etc/subuid" };
static const struct map_kind gid_kind = { "gid_map", "newgidmap", "/etc/subgid" };

char *idmap_text(const struct spec_id_mapping *mappings, size_t len)
{
	enum { LINE_MAX_SIZE = 3 * 11 + 1 };
	char *text = malloc(len * LINE_MAX_SIZE + 1);
	char *out = text;

	if (!text)
		return NULL;
	*out = '\0';
	for (size_t i = 0; i < len; i++)
		out += sprintf(out, "%u %u %u\n", mappings[i].container_id, mappings[i].host_id,
			       mappings[i].size);
	return text;
}

bool idmap_to_host(const struct spec_id_mapping *mappings, size_t len, uint32_t id, uint32_t *ret)
{
	*ret = id;
	for (size_t i = 0; i < len; i++)
		if (id >= mappings[i].container_id && id - mappings[i].container_id < mappings[i].size) {
			*ret = mappings[i].host_id + (id - mappings[i].container_id);
			return true;
		}
	return len == 0;
}

bool idmap_has_root(const struct spec_id_mapping *mappings, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (mappings[i].container_id == 0 && mappings[i].size > 0)
			return true;
	return false;
}

/* newuidmap PID CONTAINER HOST SIZE [...] */
static int run_helper(const struct map_kind *kind, pid_t target, const struct spec_id_mapping *mappings,
		      size_t len, struct error *err)
{
	struct strv argv = { 0 };
	int status, r;
	pid_t pid;

	r = strv_add(&argv, kind->helper);
	if (r == 0)
		r = strv_add_format(&argv, "%d", target);
	for (size_t i = 0; r == 0 && i < len; i++) {
		r = strv_add_format(&argv, "%u", mappings[i].container_id);
		if (r == 0)
			r = strv_add_format(&argv, "%u", mappings[i].host_id);
		if (r == 0)
			r = strv_add_format(&argv, "%u", mappings[i].size);
	}
	if (r < 0) {
		strv_done(&argv);
		return error_oom(err);
	}
	pid = fork();
	if (pid == 0) {
		sys_restore_files();
		execvp(kind->helper, argv.items);
		_exit(127);
	}
	strv_done(&argv);
	if (pid < 0)
		return error_sys(err, -errno, "start %s", kind->helper);
	sys_wait(pid, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return error_set(err, -EINVAL,
				 "%s is needed for these mappings and is not installed (package uidmap or "
				 "shadow-utils); without it a user maps his own id alone, as 'krun spec "
				 "--rootless' does",
				 kind->helper);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return error_set(
			err, -EINVAL,
			"%s refused the mappings: those ids outside that are not the user's own have to be "
			"in his range of %s",
			kind->helper, kind->ranges);
	return 0;
}

static int write_map(int proc_fd, pid_t pid, const struct map_kind *kind,
		     const struct spec_id_mapping *mappings, size_t len, struct error *err)
{
	auto_free char *text = idmap_text(mappings, len);
	char path[64];
	int r;

	if (!text)
		return error_oom(err);
	if (len == 0)
		return 0;
	snprintf(path, sizeof(path), "%d/%s", pid, kind->file);
	r = io_write_existing(proc_fd, path, text);
	if (r == -EPERM && geteuid() != 0)
		return run_helper(kind, pid, mappings, len, err);
	if (r < 0)
		return error_sys(err, r, "write '/proc/%s'", path);
	return 0;
}

int idmap_write(int proc_fd, pid_t pid, const struct spec_id_maps *maps, struct error *err)
{
	char path[64];
	int r;

	r = write_map(proc_fd, pid, &uid_kind, maps->uids, maps->uids_len, err);
	if (r < 0)
		return r;
	if (geteuid() != 0 && maps->gids_len == 1 && maps->gids[0].size == 1) {
		/*
		 * Without CAP_SETGID in the parent namespace, setgroups must be denied first
		 * (user_namespaces(7), Linux 3.19).
		 */
		snprintf(path, sizeof(path), "%d/setgroups", pid);
		r = io_write_existing(proc_fd, path, "deny");
		if (r < 0)
			return error_sys(err, r, "write '/proc/%s'", path);
	}
	return write_map(proc_fd, pid, &gid_kind, maps->gids, maps->gids_len, err);
}

int idmap_namespace_make(int proc_fd, const struct spec_id_maps *maps, struct error *err)
{
	const pid_t self = getpid();
	pid_t pid = sys_clone3(CLONE_NEWUSER, SIGCHLD, -1);
	char path[32];
	int fd = -1, r;

	if (pid == 0) {
		sys_die_with_parent(self);
		for (;;)
			pause();
	}
	if (pid < 0)
		return error_sys(err, pid, "make a user namespace");
	r = idmap_write(proc_fd, pid, maps, err);
	if (r == 0) {
		snprintf(path, sizeof(path), "%d/ns/user", pid);
		fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			r = error_sys(err, -errno, "open '/proc/%s'", path);
	}
	sys_kill_and_wait(pid);
	return r < 0 ? r : fd;
}

bool idmap_is_ours(int proc_fd, pid_t pid)
{
	struct stat ours, theirs;
	char path[32];

	snprintf(path, sizeof(path), "%d/ns/user", pid);
	return fstatat(proc_fd, "self/ns/user", &ours, 0) == 0 && fstatat(proc_fd, path, &theirs, 0) == 0 &&
	       is_same_file(&ours, &theirs);
}

bool idmap_find(const char *text, uint32_t id, uint32_t *ret)
{
	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		uint32_t inside, outside, size;

		if (sscanf(line, "%" SCNu32 " %" SCNu32 " %" SCNu32, &inside, &outside, &size) == 3 &&
		    id >= inside && id - inside < size) {
			*ret = outside + (id - inside);
			return true;
		}
	}
	return false;
}

bool idmap_user_of(int proc_fd, pid_t pid, uid_t uid, uid_t *ret)
{
	auto_free char *text = NULL;
	char path[32];

	/* The kernel shows a process its own map with the ids of the parent namespace, not with its own. */
	if (idmap_is_ours(proc_fd, pid)) {
		*ret = uid;
		return true;
	}
	snprintf(path, sizeof(path), "%d/uid_map", pid);
	return io_read_file(proc_fd, path, MAP_MAX, &text, NULL) >= 0 && idmap_find(text, uid, ret);
}

/* A map can only be read from the /proc/PID of a process in the namespace, so a child joins it and stops. */
int idmap_read(int proc_fd, int userns_fd, char **ret_uids, char **ret_gids)
{
	const pid_t self = getpid();
	pid_t pid = sys_clone3(0, SIGCHLD, -1);
	int status = 0, r;
	char path[32];

	if (pid == 0) {
		sys_set_dumpable(false);
		if (setns(userns_fd, CLONE_NEWUSER) < 0)
			_exit(1);
		sys_die_with_parent(self);
		/* Not raise(3): musl remembers the thread, here the parent's. */
		kill(getpid(), SIGSTOP);
		_exit(0);
	}
	if (pid < 0)
		return pid;
	*ret_uids = *ret_gids = NULL;
	r = sys_wait(pid, &status, WUNTRACED);
	if (r >= 0 && !WIFSTOPPED(status))
		return -EPERM;
	snprintf(path, sizeof(path), "%d/uid_map", pid);
	r = io_read_file(proc_fd, path, MAP_MAX, ret_uids, NULL);
	snprintf(path, sizeof(path), "%d/gid_map", pid);
	if (r >= 0)
		r = io_read_file(proc_fd, path, MAP_MAX, ret_gids, NULL);
	sys_kill_and_wait(pid);
	return r < 0 ? r : 0;
}

uid_t idmap_root_of(int proc_fd, pid_t pid)
{
	uid_t uid;

	return idmap_user_of(proc_fd, pid, 0, &uid) ? uid : (uid_t)-1;
}
