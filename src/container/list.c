/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup/cgroup.h"
#include "container/container.h"
#include "container/find.h"
#include "container/oom.h"
#include "state/state.h"
#include "state/state_dir.h"
#include "state/status.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/log.h"

static void info_done(struct container_info *info)
{
	free(info->id);
	free(info->bundle);
	free(info->rootfs);
	free(info->created);
	free(info->state_text);
	free(info->root);
}

/* How a list is made. */
struct listing {
	struct container_info *items;
	size_t len;
	enum container_detail detail;
	int cgroup_root_fd; /* or why it is not open */
};

/* The state of a container whose own one cannot be read. */
static int set_unknown(struct state *state, const char *id)
{
	state->id = strdup(id);
	state->oci_version = strdup("1.3.0");
	state->bundle = strdup("");
	state->rootfs = strdup("");
	state->created = strdup("1970-01-01T00:00:00Z");
	state->annotations = strdup("{}");
	return state->id && state->oci_version && state->bundle && state->rootfs && state->created &&
			       state->annotations ?
		       0 :
		       -ENOMEM;
}

static int take_info(const struct listing *listing, struct state *state, struct container_info *ret)
{
	if (listing->detail == CONTAINER_STATE) {
		ret->state_text = state_text(state, ret->status, ret->pid, false);
		if (!ret->state_text)
			return -ENOMEM;
	}
	ret->id = take_pointer(state->id);
	ret->bundle = take_pointer(state->bundle);
	ret->rootfs = take_pointer(state->rootfs);
	ret->created = take_pointer(state->created);
	ret->owner = state->owner;
	return 0;
}

/*
 * Describes the container in @dir_fd. Without a readable state it is listed all the same, because its id is
 * in use; its status is "unknown". -ENOENT: it was deleted meanwhile.
 */
static int info_make(const struct listing *listing, int dir_fd, const char *id, struct container_info *ret)
{
	struct state state = { 0 };
	enum status status = STATUS_STOPPED;
	auto_close int group_fd = -1;
	struct error ignored;
	bool known;
	int r = state_load_some(dir_fd, id, &state, &ignored);

	for (int looks = 0; r == -ENOENT && state_dir_is_in_motion(dir_fd, looks); looks++)
		r = state_load_some(dir_fd, id, &state, &ignored);
	if (r == -ENOENT && state_dir_is_removed(dir_fd))
		return -ENOENT;
	/* A create has made the directory, but not written the state yet. */
	if (r == -ENOENT)
		status = STATUS_CREATING;
	if (r == 0)
		group_fd = cgroup_open_directory_below(listing->cgroup_root_fd, &state.cgroup, &ignored);
	known = r == -ENOENT || (r == 0 && status_of_group(dir_fd, &state, group_fd, &status, &ignored) == 0);
	if (r == 0 && listing->detail == CONTAINER_STATE)
		state.oom_killed = oom_killed(&state, group_fd);
	r = r == 0 ? 0 : set_unknown(&state, id);
	ret->pid = status == STATUS_STOPPED ? 0 : state.pid;
	ret->status = known ? status_word(status) : "unknown";
	if (r == 0)
		r = take_info(listing, &state, ret);
	state_done(&state);
	return r;
}

/*
 * How long a foreign root is looked at. Locks and processes that are between two states are waited for, and
 * its user could have hundreds of them.
 */
enum { FOREIGN_MS = 2000 };

/* 1: added. 0: left out, because it was deleted meanwhile, or is no container's. */
static int add_one(struct listing *listing, const struct runtime_options *runtime, int root_fd,
		   const char *id, bool foreign, struct error *err)
{
	struct container_info *info = &listing->items[listing->len];
	int r = 0;

	*info = (struct container_info){ 0 };
	if (listing->detail == CONTAINER_ID) {
		info->id = strdup(id);
		r = info->id ? 0 : -ENOMEM;
	} else {
		auto_close int dir_fd = state_dir_open_below(root_fd, runtime, id, err);

		r = dir_fd < 0 ? dir_fd : info_make(listing, dir_fd, id, info);
		if (r == -ENOENT || (dir_fd < 0 && foreign && !error_is_shortage(r)))
			return 0;
		if (dir_fd < 0)
			return r;
	}
	listing->len++;
	info->root = r == 0 ? strdup(container_root(runtime)) : NULL;
	return info->root ? 1 : error_oom(err);
}

/*
 * Adds the containers with these ids. @deadline: as of clock_ms(), of a foreign root, whose user may put
 * anything else in a container's place meanwhile; INT64_MAX: it is none.
 */
static int add_all(struct listing *listing, const struct runtime_options *runtime, const struct strv *ids,
		   int64_t deadline, struct error *err)
{
	struct container_info *items =
		reallocarray(listing->items, listing->len + ids->len + 1, sizeof(*items));
	auto_close int root_fd = -1;
	int r = 0;

	if (!items)
		return error_oom(err);
	listing->items = items;
	if (ids->len > 0 && listing->detail != CONTAINER_ID) {
		root_fd = state_root_open(runtime, false, err);
		if (root_fd < 0)
			return root_fd == -ENOENT ? 0 : root_fd;
	}
	for (size_t i = 0; r >= 0 && i < ids->len; i++) {
		if (clock_ms() > deadline) {
			log_warning("'%s': %zu entries take too long and are left out",
				    container_root(runtime), ids->len - i);
			break;
		}
		r = add_one(listing, runtime, root_fd, ids->items[i], deadline != INT64_MAX, err);
	}
	return r < 0 ? r : 0;
}

static struct listing begin(enum container_detail detail)
{
	struct error ignored;

	return (struct listing){
		.detail = detail,
		.cgroup_root_fd = detail == CONTAINER_ID ? -1 : cgroup_root_open(&ignored),
	};
}

/* Moves the list to the caller if @r is 0; otherwise releases it. */
static int finish(struct listing *listing, int r, struct container_info **ret, size_t *ret_len)
{
	cleanup_close(&listing->cgroup_root_fd);
	if (r < 0) {
		container_list_free(listing->items, listing->len);
		return r;
	}
	*ret = listing->items;
	*ret_len = listing->len;
	return 0;
}

int container_list(const struct runtime_options *runtime, enum container_detail detail,
		   struct container_info **ret, size_t *ret_len, struct error *err)
{
	struct listing listing = begin(detail);
	struct strv ids = { 0 };
	int r = container_ids(runtime, &ids, err);

	if (r == 0)
		r = add_all(&listing, runtime, &ids, INT64_MAX, err);
	strv_done(&ids);
	return finish(&listing, r, ret, ret_len);
}

/* What the state of another user's container says of its owner is that user's word. */
static void set_owners(struct listing *listing, size_t from, uid_t owner)
{
	for (size_t i = from; i < listing->len; i++)
		listing->items[i].owner = owner;
}

int container_list_any(const struct runtime_options *runtime, enum container_detail detail,
		       struct container_info **ret, size_t *ret_len, struct error *err)
{
	struct listing listing = begin(detail);
	struct roots roots;
	int r = roots_open(runtime, &roots, err);

	for (size_t i = 0; r == 0 && i < roots.len; i++) {
		const struct runtime_options place = root_options(runtime, &roots.items[i]);
		const int64_t deadline = roots.items[i].is_foreign ? clock_ms() + FOREIGN_MS : INT64_MAX;
		const size_t before = listing.len;
		struct strv ids = { 0 };

		r = root_list(&roots.items[i], &ids, err);
		if (r == 0)
			r = add_all(&listing, &place, &ids, deadline, err);
		if (roots.items[i].is_foreign)
			set_owners(&listing, before, roots.items[i].owner);
		strv_done(&ids);
	}
	if (r == 0)
		roots_warn(&roots);
	roots_done(&roots);
	return finish(&listing, r, ret, ret_len);
}

void container_list_free(struct container_info *list, size_t len)
{
	for (size_t i = 0; i < len; i++)
		info_done(&list[i]);
	free(list);
}

int container_ids(const struct runtime_options *runtime, struct strv *ret, struct error *err)
{
	auto_close int root_fd = state_root_open(runtime, false, err);

	if (root_fd == -ENOENT)
		return 0;
	if (root_fd < 0)
		return root_fd;
	return state_root_list(root_fd, ret, err);
}
