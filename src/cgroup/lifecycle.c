/* SPDX-License-Identifier: Apache-2.0 */

/* Making, opening and removing the directory of a container. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "cgroup/events.h"
#include "cgroup/change.h"
#include "cgroup/resources.h"
#include "cgroup/scope.h"
#include "spec/spec.h"
#include "syscall/open.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"

enum { EMPTY_TIMEOUT_MS = 5000, REMOVE_RETRIES = 100 };

/* ---- create ---------------------------------------------------------------------------------------------------- */

static int open_root(struct error *err)
{
	const char *mount_point = cgroup_mount_point();
	int fd;

	if (!mount_point)
		return error_set(
			err, -EOPNOTSUPP,
			"this host has no cgroup v2 tree at /sys/fs/cgroup or /sys/fs/cgroup/unified: mount "
			"one, or use --cgroup-manager disabled");
	fd = open(mount_point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? error_sys(err, -errno, "open '%s'", mount_point) : fd;
}

/* mkdir -p below @root_fd; 1: it is new, 0: it was there. */
static int make_directories(int root_fd, const char *path)
{
	char copy[PATH_MAX];

	if (mkdirat(root_fd, path, 0755) == 0)
		return 1;
	if (errno != ENOENT)
		return errno == EEXIST ? 0 : -errno;
	if (snprintf(copy, sizeof(copy), "%s", path) >= (int)sizeof(copy))
		return -ENAMETOOLONG;
	for (char *slash = strchr(copy, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdirat(root_fd, copy, 0755) < 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	if (mkdirat(root_fd, path, 0755) == 0)
		return 1;
	return errno == EEXIST ? 0 : -errno;
}

/* Somebody else's leftover may be taken over, somebody else's processes may not. */
static int check_taken_over(int dir_fd, const char *path, struct error *err)
{
	char type[32] = "";
	struct cgroup_events events;
	int r = cgroup_events_read(dir_fd, &events);

	if (r < 0)
		return error_sys(err, r, "cgroup '%s': read cgroup.events", path);
	if (events.populated)
		return error_set(err, -EBUSY, "cgroup '%s' exists and has processes in it", path);
	if (events.frozen)
		return error_set(err, -EBUSY, "cgroup '%s' exists and is frozen", path);
	if (io_read_small(dir_fd, "cgroup.type", type, sizeof(type)) > 0 && strcmp(type, "domain") != 0)
		return error_set(err, -EBUSY, "cgroup '%s' exists and is of type '%s'", path, type);
	return 0;
}

static bool has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = strstr(list, word); at; at = strstr(at + 1, word))
		if ((at == list || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0'))
			return true;
	return false;
}

int cgroup_check_host(const struct spec_resources *resources, struct error *err)
{
	const char *mount_point = cgroup_mount_point();
	struct cgroup_writes writes;
	char path[PATH_MAX], have[512] = "";
	int r = cgroup_writes_make(resources, NULL, &writes, err);

	if (r < 0)
		return r;
	if (mount_point) {
		snprintf(path, sizeof(path), "%s/cgroup.controllers", mount_point);
		if (io_read_small(AT_FDCWD, path, have, sizeof(have)) < 0)
			have[0] = '\0';
	}
	for (size_t i = 0; r == 0 && i < writes.len; i++) {
		const struct cgroup_write *write = &writes.items[i];

		if (write->controller && !write->is_default && !has_word(have, write->controller))
			r = cgroup_missing_controller(write, "/", err);
	}
	cgroup_writes_done(&writes);
	return r;
}

/* Enables @controller in every directory from the root down to the parent of @path. */
static int enable_on_the_way(int root_fd, const char *path, const struct cgroup_write *write,
			     struct error *err)
{
	char copy[PATH_MAX], word[64];
	char *slash = copy;

	snprintf(copy, sizeof(copy), "%s", path);
	snprintf(word, sizeof(word), "+%s", write->controller);
	for (const char *parent = ".";; parent = copy) {
		auto_close int fd = openat(root_fd, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		int r = fd < 0 ? -errno : io_write_existing(fd, "cgroup.subtree_control", word);

		if (r == -ENOENT || r == -EINVAL)
			return cgroup_missing_controller(write, path, err);
		if (r == -EBUSY)
			return error_set(
				err, r,
				"enable the %s controller in cgroup '/%s': it has processes of its own",
				write->controller, parent);
		if (r < 0)
			return error_sys(err, r, "enable the %s controller in cgroup '/%s'",
					 write->controller, parent);
		if (slash > copy)
			*slash = '/';
		slash = strchr(slash > copy ? slash + 1 : copy, '/');
		if (!slash)
			return 0;
		*slash = '\0';
	}
}

static int enable_controllers(int root_fd, int dir_fd, const char *path, const struct cgroup_writes *writes,
			      struct error *err)
{
	char have[512];
	ssize_t n;

	if (writes->len == 0)
		return 0;
	n = io_read_small(dir_fd, "cgroup.controllers", have, sizeof(have));
	if (n < 0)
		return error_sys(err, (int)n, "cgroup '%s': read cgroup.controllers", path);
	for (size_t i = 0; i < writes->len; i++) {
		const char *controller = writes->items[i].controller;
		int r;

		if (!controller || writes->items[i].is_default || has_word(have, controller))
			continue;
		r = enable_on_the_way(root_fd, path, &writes->items[i], err);
		if (r < 0)
			return r;
		n = io_read_small(dir_fd, "cgroup.controllers", have, sizeof(have));
		if (n < 0 || !has_word(have, controller))
			return cgroup_missing_controller(&writes->items[i], path, err);
	}
	return 0;
}

int cgroup_enable_controllers(const struct cgroup *cgroup, const struct cgroup_writes *writes,
			      struct error *err)
{
	auto_close int root_fd = open_root(err);

	return root_fd < 0 ? root_fd :
			     enable_controllers(root_fd, cgroup->dir_fd, cgroup->place.path + 1, writes, err);
}

static bool is_refused(int code)
{
	return code == -EACCES || code == -EPERM || code == -EROFS;
}

static int make_group(const struct cgroup_request *request, const struct cgroup_writes *writes, int root_fd,
		      struct cgroup *cgroup, bool *ret_made, struct error *err)
{
	const char *path;
	int r;

	if (request->manager == CGROUP_SYSTEMD) {
		r = scope_create(request, writes, cgroup, err);
		if (r < 0)
			return r;
		r = 1;
	} else {
		r = make_directories(root_fd, cgroup->place.path + 1);
	}
	if (r >= 0) {
		*ret_made = r;
		path = cgroup->place.path + 1;
		cgroup->dir_fd = openat(root_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		r = cgroup->dir_fd < 0 ? -errno : 0;
	}
	return r < 0 ? error_sys(err, r, "make cgroup '%s'", cgroup->place.path) : 0;
}

static void undo_group(int root_fd, struct cgroup *cgroup, bool made)
{
	struct error ignored;

	/* A scope that systemd did not start for us may be another's of that name. */
	if (!made)
		return;
	if (cgroup->place.unit)
		scope_remove(cgroup, &ignored);
	else
		unlinkat(root_fd, cgroup->place.path + 1, AT_REMOVEDIR);
}

int cgroup_create(const struct cgroup_request *request, const struct spec_resources *resources,
		  struct cgroup *ret, struct error *err)
{
	struct cgroup cgroup = { .place = { .manager = request->manager }, .dir_fd = -1, .holder_fd = -1 };
	struct cgroup_writes writes = { 0 };
	auto_close int root_fd = -1;
	bool made = false;
	int r;

	*ret = cgroup;
	if (request->manager == CGROUP_DISABLED)
		return 0;
	r = cgroup_place_make(request, &cgroup.place, err);
	if (r == 0)
		r = cgroup_writes_make(resources, NULL, &writes, err);
	if (r == 0)
		r = root_fd = open_root(err);
	if (r >= 0)
		r = make_group(request, &writes, root_fd, &cgroup, &made, err);
	if (r < 0 && request->optional && !cgroup.place.unit && (is_refused(r) || r == -EOPNOTSUPP)) {
		cgroup_done(&cgroup);
		cgroup_writes_done(&writes);
		return 0;
	}
	if (r == 0 && !made)
		r = check_taken_over(cgroup.dir_fd, cgroup.place.path, err);
	if (r == 0)
		r = enable_controllers(root_fd, cgroup.dir_fd, cgroup.place.path + 1, &writes, err);
	cgroup_writes_done(&writes);
	if (r < 0) {
		undo_group(root_fd, &cgroup, made);
		cgroup_done(&cgroup);
		return r;
	}
	*ret = cgroup;
	return 0;
}

int cgroup_open(const struct cgroup_place *place, struct cgroup *ret, struct error *err)
{
	struct cgroup cgroup = { .dir_fd = -1, .holder_fd = -1 };
	auto_close int root_fd = open_root(err);

	if (root_fd < 0)
		return root_fd;
	cgroup.dir_fd = openat(root_fd, place->path + 1, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (cgroup.dir_fd < 0)
		return error_sys(err, -errno, "open cgroup '%s'", place->path);
	if (cgroup_place_copy(place, &cgroup.place) < 0) {
		cgroup_done(&cgroup);
		return error_oom(err);
	}
	*ret = cgroup;
	return 0;
}

int cgroup_open_member(const struct cgroup *cgroup, int proc_fd, pid_t pid, struct error *err)
{
	char file[32], text[PATH_MAX + 256], *line, *rest;
	size_t len = strlen(cgroup->place.path);
	int fd;

	snprintf(file, sizeof(file), "%d/cgroup", pid);
	if (io_read_small(proc_fd, file, text, sizeof(text)) < 0)
		return error_sys(err, -ESRCH, "look at the cgroup of process %d", pid);
	/* "0::/PATH" is the line of the cgroup2 tree, cgroups(7). */
	line = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
	line = line ? strchr(line, '/') : NULL;
	if (!line || strncmp(line, cgroup->place.path, len) != 0 || (line[len] != '/' && line[len] != '\n'))
		return error_set(err, -ENOENT, "the container's process has left cgroup '%s'",
				 cgroup->place.path);
	rest = line + len;
	rest[strcspn(rest, "\n")] = '\0';
	rest += strspn(rest, "/");
	fd = sys_openat2(cgroup->dir_fd, *rest ? rest : ".", O_RDONLY | O_DIRECTORY, 0,
			 RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	return fd < 0 ? error_sys(err, fd, "open cgroup '%s' of the container", rest) : fd;
}

/* "memory pids" becomes "+memory", "+pids": one at a time, so that one that cannot be had does not keep the others away. */
static void enable_all(int dir_fd)
{
	char have[512], word[64], *rest = have, *name;

	if (io_read_small(dir_fd, "cgroup.controllers", have, sizeof(have)) < 0)
		return;
	while ((name = strsep(&rest, " \n"))) {
		snprintf(word, sizeof(word), "+%s", name);
		if (*name)
			io_write_existing(dir_fd, "cgroup.subtree_control", word);
	}
}

/* One step further down; takes @dir_fd over. */
static int enter_below(int dir_fd, const char *part, bool make)
{
	int next;

	if (strcmp(part, ".") == 0 || strcmp(part, "..") == 0) {
		next = -EINVAL;
	} else if (make && mkdirat(dir_fd, part, 0755) < 0 && errno != EEXIST) {
		next = -errno;
	} else {
		next = openat(dir_fd, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0)
			next = -errno;
	}
	close(dir_fd);
	return next;
}

/* Down the path, either making it or enabling controllers on the way; the directory at its end, or a negative errno. */
static int walk_below(const struct cgroup *cgroup, const char *name, bool make)
{
	char copy[PATH_MAX], *rest = copy, *part;
	int fd = fcntl(cgroup->dir_fd, F_DUPFD_CLOEXEC, 3);

	strcpy(copy, name);
	while (fd >= 0 && (part = strsep(&rest, "/"))) {
		if (!*part)
			continue;
		if (!make)
			enable_all(fd);
		fd = enter_below(fd, part, make);
	}
	return fd;
}

int cgroup_make_below(const struct cgroup *cgroup, const char *name, struct error *err)
{
	auto_close int fd = -1;
	char pid[16];
	int r;

	if (strlen(name) >= PATH_MAX)
		return error_set(err, -ENAMETOOLONG, "cgroup '%s': too long", name);
	r = fd = walk_below(cgroup, name, true);
	/* A group that gives controllers to groups below it has no processes of its own, cgroups(7). */
	if (r >= 0 && cgroup->holder > 0) {
		snprintf(pid, sizeof(pid), "%d", cgroup->holder);
		r = io_write_existing(fd, "cgroup.procs", pid);
	}
	if (r >= 0)
		r = walk_below(cgroup, name, false);
	return r < 0 ? error_sys(err, r, "make cgroup '%s' below the container's", name) : r;
}

int cgroup_delegate(int dir_fd, uid_t uid, struct error *err)
{
	/* What cgroups(7) names, for kernels without the list. */
	char text[4096] = "cgroup.procs\ncgroup.subtree_control\ncgroup.threads\n", *rest = text, *name;

	io_read_small(AT_FDCWD, "/sys/kernel/cgroup/delegate", text, sizeof(text));
	if (fchown(dir_fd, uid, (gid_t)-1) < 0)
		return error_sys(err, -errno, "give the cgroup to user %u", uid);
	while ((name = strsep(&rest, "\n"))) {
		/* Names only, and not every group has every file. */
		if (!*name || strchr(name, '/') ||
		    fchownat(dir_fd, name, uid, (gid_t)-1, AT_SYMLINK_NOFOLLOW) == 0)
			continue;
		if (errno != ENOENT)
			return error_sys(err, -errno, "give '%s' of the cgroup to user %u", name, uid);
	}
	return 0;
}

void cgroup_done(struct cgroup *cgroup)
{
	cgroup_settle(cgroup);
	cgroup_place_done(&cgroup->place);
	cleanup_close(&cgroup->dir_fd);
}

/* ---- membership ------------------------------------------------------------------------------------------------ */

/* ---- remove ---------------------------------------------------------------------------------------------------- */

static void remove_children(int dir_fd)
{
	int again = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = again < 0 ? NULL : fdopendir(again);
	struct dirent *entry;

	if (!dir) {
		cleanup_close(&again);
		return;
	}
	while ((entry = readdir(dir))) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		auto_close int child_fd =
			openat(dir_fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

		if (child_fd >= 0)
			remove_children(child_fd);
		unlinkat(dir_fd, entry->d_name, AT_REMOVEDIR);
	}
	closedir(dir);
}

static int try_remove(int root_fd, const char *path)
{
	return unlinkat(root_fd, path, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
}

int cgroup_remove(struct cgroup *cgroup, struct error *err)
{
	auto_close int root_fd = -1;
	int r;

	if (!cgroup->place.path)
		return 0;
	if (cgroup->place.unit) {
		r = scope_remove(cgroup, err);
		if (r < 0)
			return r;
	}
	root_fd = open_root(err);
	if (root_fd < 0)
		return root_fd;
	r = try_remove(root_fd, cgroup->place.path + 1);
	if (r == -EBUSY) {
		cgroup_events_wait_empty(cgroup->dir_fd, EMPTY_TIMEOUT_MS);
		/* A kernel thread of a virtual machine may stay for a moment after its process. */
		for (int i = 0; r == -EBUSY && i < REMOVE_RETRIES; i++) {
			remove_children(cgroup->dir_fd);
			r = try_remove(root_fd, cgroup->place.path + 1);
			if (r == -EBUSY)
				poll(NULL, 0, 10);
		}
	}
	if (r < 0)
		return error_sys(err, r, "remove cgroup '%s'", cgroup->place.path);
	/* Ours by default; it stays as long as another container is in it. */
	if (strncmp(cgroup->place.path, "/krun/", 6) == 0)
		unlinkat(root_fd, "krun", AT_REMOVEDIR);
	cgroup_done(cgroup);
	return 0;
}
