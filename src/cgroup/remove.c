/* SPDX-License-Identifier: Apache-2.0 */

/* Removes a container's cgroup. */

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "cgroup/events.h"
#include "cgroup/scope.h"
#include "cgroup/walk.h"
#include "syscall/open.h"
#include "util/cleanup.h"
#include "util/error.h"

/* How long dying processes may take, and how often others may add new ones meanwhile. */
enum { EMPTY_TIMEOUT_MS = 5000, ROUNDS_MAX = 16 };

/* A cgroup with processes cannot be removed, nor can those above it; the caller tries again. */
static void remove_child(int parent_fd, const char *name, void *data)
{
	(void)data;
	unlinkat(parent_fd, name, AT_REMOVEDIR);
}

/*
 * @path is that of a place without its first slash. Another user may have written the state that has it: it
 * leads to nothing but a cgroup, see cgroup_open_directory_below().
 */
static int remove_directory(int root_fd, const char *path)
{
	const char *slash = strrchr(path, '/');
	auto_free char *parent = slash ? strndup(path, (size_t)(slash - path)) : NULL;
	auto_close int parent_fd = -1;

	if (!slash)
		return unlinkat(root_fd, path, AT_REMOVEDIR) < 0 ? -errno : 0;
	if (!parent)
		return -ENOMEM;
	parent_fd =
		sys_openat2(root_fd, parent, O_PATH | O_DIRECTORY, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	if (parent_fd < 0)
		return parent_fd;
	return unlinkat(parent_fd, slash + 1, AT_REMOVEDIR) < 0 ? -errno : 0;
}

static int try_remove(int root_fd, const char *path)
{
	const int r = remove_directory(root_fd, path);

	return r == -ENOENT ? 0 : r;
}

/*
 * cgroup.events covers the cgroups below, too. Once it says that no process is left only cgroups are in the
 * way.
 */
static int remove_tree(int root_fd, const struct cgroup *cgroup)
{
	const char *path = cgroup->place.path + 1;
	int r = try_remove(root_fd, path);

	for (int i = 0; r == -EBUSY && i < ROUNDS_MAX; i++) {
		r = cgroup_events_wait_empty(cgroup->dir_fd, EMPTY_TIMEOUT_MS);
		if (r < 0 && r != -ENODEV)
			return r;
		r = cgroup_walk(cgroup->dir_fd, &(struct cgroup_walk){ .leave = remove_child });
		if (r == 0)
			r = try_remove(root_fd, path);
	}
	return r;
}

bool cgroup_remove_empty(const struct cgroup_place *place)
{
	struct error ignored;
	auto_close int root_fd = place->unit || place->path[0] != '/' ? -1 : cgroup_root_open(&ignored);

	return root_fd >= 0 && remove_directory(root_fd, place->path + 1) == 0;
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
	root_fd = cgroup_root_open(err);
	if (root_fd < 0)
		return root_fd;
	r = remove_tree(root_fd, cgroup);
	if (r < 0)
		return error_sys(err, r, "remove cgroup '%s'", cgroup->place.path);
	cgroup_done(cgroup);
	return 0;
}
