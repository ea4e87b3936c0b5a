/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/io.h"
#include "util/strv.h"

enum { HERE = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW };

/*
 * The names that are still to be visited, level by level. In each level but the deepest one, the last name is
 * the cgroup that is being visited.
 */
struct way {
	struct strv names;
	size_t *first; /* index of each level's first name */
	size_t depth, capacity;
};

static bool is_gone(int code)
{
	return code == -ENOENT || code == -ENODEV;
}

static void drop_last(struct strv *strv)
{
	free(strv->items[--strv->len]);
	strv->items[strv->len] = NULL;
}

static int add_children(int fd, struct strv *names)
{
	struct dirent *entry;
	DIR *dir;
	int r = io_open_directory(fd, ".", &dir);

	if (r < 0)
		return r;
	while ((r = io_next_entry(dir, &entry)) > 0) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		r = strv_add(names, entry->d_name);
		if (r < 0)
			break;
	}
	closedir(dir);
	return r;
}

static int push_level(struct way *way)
{
	if (way->depth == way->capacity) {
		const size_t capacity = way->capacity ? 2 * way->capacity : 32;
		size_t *more = realloc(way->first, capacity * sizeof(*more));

		if (!more)
			return -ENOMEM;
		way->first = more;
		way->capacity = capacity;
	}
	way->first[way->depth++] = way->names.len;
	return 0;
}

/* Visits the cgroup that was just entered. */
static int begin_level(const struct cgroup_walk *walk, int fd, struct way *way)
{
	int r = push_level(way);

	if (r == 0 && walk->enter)
		r = walk->enter(fd, walk->data);
	if (r == 0)
		r = add_children(fd, &way->names);
	return is_gone(r) ? 0 : r;
}

/* Called in the parent again; the child is the last name of the level. */
static void finish_child(const struct cgroup_walk *walk, int fd, struct way *way)
{
	if (walk->leave)
		walk->leave(fd, way->names.items[way->names.len - 1], walk->data);
	drop_last(&way->names);
}

static int step(const struct cgroup_walk *walk, int *fd, struct way *way)
{
	const bool down = way->names.len > way->first[way->depth - 1];
	int next = openat(*fd, down ? way->names.items[way->names.len - 1] : "..", HERE);

	if (next < 0 && down && is_gone(-errno)) {
		drop_last(&way->names);
		return 0;
	}
	if (next < 0)
		return -errno;
	close(*fd);
	*fd = next;
	if (down)
		return begin_level(walk, next, way);
	way->depth--;
	finish_child(walk, next, way);
	return 0;
}

int cgroup_walk(int dir_fd, const struct cgroup_walk *walk)
{
	auto_close int fd = openat(dir_fd, ".", HERE);
	struct way way = { 0 };
	int r = fd < 0 ? -errno : begin_level(walk, fd, &way);

	while (r == 0 && (way.depth > 1 || way.names.len > 0))
		r = step(walk, &fd, &way);
	strv_done(&way.names);
	free(way.first);
	return is_gone(r) ? 0 : r;
}
