/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "container/container.h"
#include "container/oom.h"
#include "state/state.h"
#include "state/state_dir.h"
#include "state/status.h"
#include "util/cleanup.h"
#include "util/error.h"

static void info_done(struct container_info *info)
{
	free(info->id);
	free(info->bundle);
	free(info->rootfs);
	free(info->created);
	free(info->owner);
	free(info->state_text);
}

/*
 * Describes the container in @dir_fd. Without a readable state it is listed all the same, because its id is
 * in use; its status is "unknown". -ENOENT: it was deleted meanwhile.
 */
static int info_make(int dir_fd, const char *id, struct container_info *ret)
{
	struct state state = { 0 };
	enum status status = STATUS_STOPPED;
	struct error ignored;
	bool known;
	int r = state_load_some(dir_fd, id, &state, &ignored);

	if (r == -ENOENT && state_dir_is_removed(dir_fd))
		return -ENOENT;
	/* A create has made the directory, but not written the state yet. */
	if (r == -ENOENT)
		status = STATUS_CREATING;
	known = r == -ENOENT || (r == 0 && status_of(dir_fd, &state, &status, &ignored) == 0);
	if (r == 0) {
		state.oom_killed = oom_killed(&state);
	} else {
		state.id = strdup(id);
		state.oci_version = strdup("1.3.0");
		state.bundle = strdup("");
		state.rootfs = strdup("");
		state.created = strdup("1970-01-01T00:00:00Z");
		state.annotations = strdup("{}");
		if (!state.id || !state.oci_version || !state.bundle || !state.rootfs || !state.created ||
		    !state.annotations) {
			state_done(&state);
			return -ENOMEM;
		}
	}
	ret->pid = status == STATUS_STOPPED ? 0 : state.pid;
	ret->status = known ? status_word(status) : "unknown";
	ret->state_text = state_text(&state, ret->status, ret->pid, false);
	ret->id = take_pointer(state.id);
	ret->bundle = take_pointer(state.bundle);
	ret->rootfs = take_pointer(state.rootfs);
	ret->created = take_pointer(state.created);
	if (asprintf(&ret->owner, "%u", state.owner) < 0)
		ret->owner = NULL;
	state_done(&state);
	return ret->state_text && ret->owner ? 0 : -ENOMEM;
}

int container_list(const struct runtime_options *runtime, struct container_info **ret, size_t *ret_len,
		   struct error *err)
{
	struct container_info *list;
	struct strv ids = { 0 };
	size_t len = 0;
	int r = container_ids(runtime, &ids, err);

	if (r < 0)
		return r;
	list = calloc(ids.len + 1, sizeof(*list));
	for (size_t i = 0; list && r == 0 && i < ids.len; i++) {
		auto_close int dir_fd = state_dir_open(runtime, ids.items[i], err);

		r = dir_fd < 0 ? dir_fd : info_make(dir_fd, ids.items[i], &list[len]);
		/* The container was deleted meanwhile. */
		if (r == -ENOENT) {
			r = 0;
			continue;
		}
		len += dir_fd >= 0;
		if (r == -ENOMEM)
			error_oom(err);
	}
	strv_done(&ids);
	if (!list || r < 0) {
		container_list_free(list, list ? len : 0);
		return list ? r : error_oom(err);
	}
	*ret = list;
	*ret_len = len;
	return 0;
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
