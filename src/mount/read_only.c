/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Read-only comes last, because later mounts need mount points in a mount that config.json wants
 * read-only, and a tmpfs also gets devices, links and the working directory. So bind mounts become
 * read-only after all mounts of config.json were made, and the container's own mounts when everything is
 * in place. Both happens before the container's first program. In a running container nothing is
 * postponed (mount_plan_at_once()), because its processes see every mount as soon as it is attached.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>

#include "mount/internal.h"
#include "syscall/mount.h"
#include "util/error.h"

static int set_read_only(int fd)
{
	return sys_mount_setattr(fd, "", AT_EMPTY_PATH, MOUNT_ATTR_RDONLY, 0, 0, -1);
}

static int set_writable(int fd)
{
	return sys_mount_setattr(fd, "", AT_EMPTY_PATH, 0, MOUNT_ATTR_RDONLY, 0, -1);
}

static bool is_mount(int fd, uint64_t id)
{
	uint64_t other;

	return mount_id(fd, &other) == 0 && other == id;
}

bool mount_is_read_only_later(const struct mount_setup *setup, int fd)
{
	uint64_t id;

	if (mount_id(fd, &id) < 0)
		return false;
	for (size_t i = 0; i < setup->plan.len; i++)
		if (setup->plan.entries[i].read_only_later && is_mount(setup->plan.entries[i].tree_fd, id))
			return true;
	for (size_t i = 0; i < setup->guards_len; i++)
		if (setup->guards[i].read_only_later && is_mount(setup->guards[i].tree_fd, id))
			return true;
	return false;
}

void mount_stay_writable(struct mount_setup *setup, int fd)
{
	uint64_t id;

	if (mount_id(fd, &id) < 0)
		return;
	for (size_t i = 0; i < setup->plan.len; i++) {
		struct mount_entry *entry = &setup->plan.entries[i];

		if (entry->read_only_later && is_mount(entry->tree_fd, id))
			entry->read_only_later = false;
	}
}

int mount_read_only_meanwhile(const struct mount_entry *entries, size_t len, bool read_only)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < len; i++)
		if (entries[i].read_only_later && entries[i].tree_fd >= 0)
			r = read_only ? set_read_only(entries[i].tree_fd) : set_writable(entries[i].tree_fd);
	return r;
}

int mount_read_only_entry(const struct mount_setup *setup, size_t len, uint64_t id,
			  const struct mount_entry **ret)
{
	*ret = NULL;
	for (size_t i = 0; i < len && !*ret; i++) {
		struct mount_entry *entry = &setup->plan.entries[i];
		int r = 0;

		if (!entry->read_only_later || entry->tree_fd < 0)
			continue;
		if (entry->mount_id == 0)
			r = mount_id(entry->tree_fd, &entry->mount_id);
		if (r < 0)
			return r;
		*ret = entry->mount_id == id ? entry : NULL;
	}
	return 0;
}

static int finish(struct mount_setup *setup, bool own, struct error *err)
{
	for (size_t i = 0; i < setup->plan.len; i++) {
		struct mount_entry *entry = &setup->plan.entries[i];
		int r;

		/* A new file system may be the container's own. */
		if (!entry->read_only_later || entry->tree_fd < 0 ||
		    (!own && entry->kind != MOUNT_BIND && mount_is_own(setup, entry->tree_fd)))
			continue;
		r = set_read_only(entry->tree_fd);
		if (r < 0)
			return error_sys(err, r, "make mount '%s' read-only", entry->destination);
		entry->read_only_later = false;
	}
	return 0;
}

int mount_finish_binds(struct mount_setup *setup, struct error *err)
{
	return finish(setup, false, err);
}

int mount_finish_read_only(struct mount_setup *setup, struct error *err)
{
	int r = finish(setup, true, err);

	for (size_t i = 0; r == 0 && i < setup->guards_len; i++) {
		if (!setup->guards[i].read_only_later)
			continue;
		r = set_read_only(setup->guards[i].tree_fd);
		if (r < 0)
			error_sys(err, r, "make a directory on the way to krun's files read-only");
	}
	return r;
}
