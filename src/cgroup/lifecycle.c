/* SPDX-License-Identifier: Apache-2.0 */

/* Makes and opens the cgroup of a container. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "cgroup/enable.h"
#include "cgroup/events.h"
#include "cgroup/limit.h"
#include "cgroup/resources.h"
#include "cgroup/scope.h"
#include "spec/spec.h"
#include "syscall/open.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"

/*
 * How often somebody may remove an empty parent that was just made. A program that does nothing else, on a
 * processor of its own, does so 98 times of 100.
 */
enum { PARENT_TRIES = 10000 };

static int make_parents(int root_fd, const char *path)
{
	char copy[PATH_MAX];

	if (snprintf(copy, sizeof(copy), "%s", path) >= (int)sizeof(copy))
		return -ENAMETOOLONG;
	for (char *slash = strchr(copy, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdirat(root_fd, copy, 0755) < 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return 0;
}

/*
 * mkdir -p below @root_fd. Returns 1 if the directory is new, 0 if it existed. Whoever keeps the parent may
 * remove it whenever it is empty, which it is here for a moment.
 */
static int make_directories(int root_fd, const char *path)
{
	for (int tries = 0; tries < PARENT_TRIES; tries++) {
		int r;

		if (mkdirat(root_fd, path, 0755) == 0)
			return 1;
		if (errno != ENOENT)
			return errno == EEXIST ? 0 : -errno;
		r = make_parents(root_fd, path);
		if (r < 0 && r != -ENOENT)
			return r;
	}
	return -ENOENT;
}

/*
 * An empty cgroup that was left behind may be used, one with processes may not. In a frozen cgroup, or below
 * one, the container's process would never run; a threaded one takes no process.
 */
static int check_usable(const struct cgroup *cgroup, struct error *err)
{
	const bool made = cgroup->is_new;
	const char *path = cgroup->place.path;
	char type[32] = "";
	struct cgroup_events events;
	int r = cgroup_events_read(cgroup->dir_fd, &events);

	if (r < 0)
		return error_sys(err, r, "cgroup '%s': read cgroup.events", path);
	if (!made && events.populated)
		return error_set(err, -EBUSY, "cgroup '%s' exists and has processes in it", path);
	if (events.frozen)
		return error_set(err, -EBUSY, "cgroup '%s' %s", path,
				 made ? "would be frozen: a group above it is" : "exists and is frozen");
	if (io_read_small(cgroup->dir_fd, "cgroup.type", type, sizeof(type)) > 0 &&
	    strcmp(type, "domain") != 0)
		return error_set(err, -EBUSY, "cgroup '%s' %s of type '%s'%s", path,
				 made ? "would be" : "exists and is", type,
				 made ? ": a group above it is threaded" : "");
	return 0;
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

		if (write->controller && !write->is_default && !cgroup_list_has(have, write->controller))
			r = cgroup_missing_controller(write, "/", err);
	}
	cgroup_writes_done(&writes);
	return r;
}

int cgroup_enable_controllers(const struct cgroup *cgroup, const struct cgroup_writes *writes,
			      struct error *err)
{
	auto_close int root_fd = cgroup_root_open(err);

	return root_fd < 0 ? root_fd :
			     cgroup_enable_for(root_fd, cgroup->dir_fd, cgroup->place.path + 1, writes, err);
}

static bool is_refused(int code)
{
	return code == -EACCES || code == -EPERM || code == -EROFS;
}

static int make_group(const struct cgroup_request *request, const struct cgroup_plan *plan, int root_fd,
		      struct cgroup *cgroup, struct error *err)
{
	const char *path;
	int r;

	if (request->manager == CGROUP_SYSTEMD) {
		r = scope_create(request, plan, cgroup, err);
		if (r < 0)
			return r;
		r = 1;
	} else {
		r = make_directories(root_fd, cgroup->place.path + 1);
	}
	if (r >= 0) {
		cgroup->is_new = r;
		path = cgroup->place.path + 1;
		cgroup->dir_fd = openat(root_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		r = cgroup->dir_fd < 0 ? -errno : 0;
	}
	if (r < 0)
		error_sys(err, r, "make cgroup '%s'", cgroup->place.path);
	if (is_refused(r) && geteuid() != 0)
		error_append(err, "an ordinary user makes cgroups only where they are delegated to him: "
				  "--systemd-cgroup asks his systemd, and without limits and cgroupsPath the "
				  "container needs none");
	return r < 0 ? r : 0;
}

static void undo_group(int root_fd, struct cgroup *cgroup)
{
	struct error ignored;

	/* If systemd did not start the scope, one of that name may belong to another program. */
	if (!cgroup->is_new)
		return;
	if (cgroup->place.unit)
		scope_remove(cgroup, &ignored);
	else
		unlinkat(root_fd, cgroup->place.path + 1, AT_REMOVEDIR);
}

/*
 * A valid limit for a running container. For a new one the first process could not be made, with an unclear
 * error.
 */
static int check_first_process(const struct cgroup_writes *writes, struct error *err)
{
	for (size_t i = 0; i < writes->len; i++)
		if (strcmp(writes->items[i].file, "pids.max") == 0 && strcmp(writes->items[i].text, "0") == 0)
			return error_at(err, -EINVAL,
					error_pointer("/linux/resources/%s", writes->items[i].property),
					"pids.max of 0 leaves no room for the "
					"container's first process; max is no limit");
	return 0;
}

int cgroup_plan_make(const struct cgroup_request *request, const struct spec_resources *resources,
		     struct cgroup_plan *ret, struct error *err)
{
	struct cgroup_plan plan = { .resources = resources };
	int r = cgroup_writes_make(resources, NULL, &plan.writes, err);

	if (r < 0)
		return r;
	plan.has_limits = cgroup_writes_limit(&plan.writes);
	r = check_first_process(&plan.writes, err);
	if (r == 0 && request->manager == CGROUP_DISABLED && plan.has_limits)
		r = error_at(err, -EINVAL, "/linux/resources",
			     "limits are asked for, but --cgroup-manager is disabled");
	if (r == 0)
		r = cgroup_place_make(request, &plan.place, &plan.slice, err);
	if (r < 0) {
		cgroup_plan_done(&plan);
		return r;
	}
	*ret = plan;
	return 0;
}

void cgroup_plan_done(struct cgroup_plan *plan)
{
	cgroup_place_done(&plan->place);
	cgroup_writes_done(&plan->writes);
	free(take_pointer(plan->slice));
}

int cgroup_create(const struct cgroup_request *request, const struct cgroup_plan *plan, struct cgroup *ret,
		  struct error *err)
{
	struct cgroup cgroup = { .place = { .manager = request->manager }, .dir_fd = -1, .holder_fd = -1 };
	auto_close int root_fd = -1;
	int r;

	*ret = cgroup;
	if (request->manager == CGROUP_DISABLED)
		return 0;
	if (cgroup_place_copy(&plan->place, &cgroup.place) < 0)
		return error_oom(err);
	r = root_fd = cgroup_root_open(err);
	if (r >= 0)
		r = make_group(request, plan, root_fd, &cgroup, err);
	/* No limit needs the cgroup, and an ordinary user may not be allowed to make it. */
	if (r < 0 && request->user && !plan->has_limits && !cgroup.place.unit &&
	    (is_refused(r) || r == -EOPNOTSUPP)) {
		cgroup_done(&cgroup);
		return 0;
	}
	if (r == 0)
		r = check_usable(&cgroup, err);
	/* In a scope, which is delegated, systemd enables all controllers that it has. */
	if (r == 0 && !cgroup.place.unit)
		cgroup_enable_all(root_fd, cgroup.dir_fd, cgroup.place.path + 1);
	if (r == 0)
		r = cgroup_enable_for(root_fd, cgroup.dir_fd, cgroup.place.path + 1, &plan->writes, err);
	if (r < 0) {
		undo_group(root_fd, &cgroup);
		cgroup_done(&cgroup);
		return r;
	}
	*ret = cgroup;
	return 0;
}

int cgroup_open_directory_below(int root_fd, const struct cgroup_place *place, struct error *err)
{
	int fd;

	if (!place->path)
		return error_set(err, -ENOENT, "no cgroup");
	if (root_fd < 0)
		return root_fd;
	/* The path is from a state, which another user may have written: it leads to nothing but a cgroup. */
	fd = place->path[0] != '/' ? -EINVAL :
				     sys_openat2(root_fd, place->path + 1, O_RDONLY | O_DIRECTORY, 0,
						 RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	return fd < 0 ? error_sys(err, fd, "open cgroup '%s'", place->path) : fd;
}

int cgroup_open_directory(const struct cgroup_place *place, struct error *err)
{
	auto_close int root_fd = place->path ? cgroup_root_open(err) : -1;

	return cgroup_open_directory_below(root_fd, place, err);
}

int cgroup_open(const struct cgroup_place *place, struct cgroup *ret, struct error *err)
{
	struct cgroup cgroup = { .dir_fd = cgroup_open_directory(place, err), .holder_fd = -1 };

	if (cgroup.dir_fd < 0)
		return cgroup.dir_fd;
	if (cgroup_place_copy(place, &cgroup.place) < 0) {
		cgroup_done(&cgroup);
		return error_oom(err);
	}
	*ret = cgroup;
	return 0;
}

void cgroup_done(struct cgroup *cgroup)
{
	cgroup_settle(cgroup);
	cgroup_place_done(&cgroup->place);
	cleanup_close(&cgroup->dir_fd);
}
