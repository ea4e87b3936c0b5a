/* SPDX-License-Identifier: Apache-2.0 */
#include "mount/plan.h"

#include <errno.h>
#include <limits.h>
#include <linux/mount.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "krun/annotations.h"
#include "mount/mount.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/path.h"

unsigned long mount_flags(const struct spec_mount_options *options)
{
	static const struct {
		uint64_t attr;
		unsigned long flag;
	} pairs[] = {
		{ MOUNT_ATTR_RDONLY, MS_RDONLY },
		{ MOUNT_ATTR_NOSUID, MS_NOSUID },
		{ MOUNT_ATTR_NODEV, MS_NODEV },
		{ MOUNT_ATTR_NOEXEC, MS_NOEXEC },
		{ MOUNT_ATTR_NOATIME, MS_NOATIME },
		{ MOUNT_ATTR_STRICTATIME, MS_STRICTATIME },
		{ MOUNT_ATTR_NODIRATIME, MS_NODIRATIME },
		{ MOUNT_ATTR_NOSYMFOLLOW, 256 /* MS_NOSYMFOLLOW */ },
	};
	unsigned long flags = options->super_flags;

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (options->attr_set & pairs[i].attr)
			flags |= pairs[i].flag;
	/* MOUNT_ATTR_RELATIME is 0, so "relatime" is a cleared MOUNT_ATTR__ATIME field. */
	if ((options->attr_clear & MOUNT_ATTR__ATIME) == MOUNT_ATTR__ATIME &&
	    !(options->attr_set & MOUNT_ATTR__ATIME))
		flags |= MS_RELATIME;
	return flags;
}

bool mount_data_has(const char *data, const char *key)
{
	const size_t len = strlen(key);

	for (const char *word = data; word && *word; word += strcspn(word, ","), word += *word == ',')
		if (strncmp(word, key, len) == 0 && word[len] == '=')
			return true;
	return false;
}

bool mount_data_without_gid(const char *data, char *buffer, size_t size)
{
	bool found = false;
	size_t len = 0;

	for (const char *word = data; *word; word += *word == ',') {
		size_t n = strcspn(word, ",");

		if (strncmp(word, "gid=", 4) == 0) {
			found = true;
		} else if (len + n + 2 <= size) {
			if (len > 0)
				buffer[len++] = ',';
			memcpy(buffer + len, word, n);
			len += n;
		}
		word += n;
	}
	buffer[len] = '\0';
	return found;
}

/* SELinux context options of mount(8). */
static bool is_context_type(const char *word)
{
	static const char *const words[] = { "context", "fscontext", "defcontext", "rootcontext" };

	for (size_t i = 0; word && i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(word, words[i]) == 0)
			return true;
	return !word;
}

static bool is_root(const char *path)
{
	return path_is_same_place(path, "/");
}

static enum mount_kind kind_of(const struct spec_mount *mount, bool has_cgroupns)
{
	if (mount->options.remount)
		return MOUNT_REMOUNT;
	if (mount->options.bind)
		return MOUNT_BIND;
	if (strcmp(mount->type, "cgroup") == 0 || strcmp(mount->type, "cgroup2") == 0)
		return has_cgroupns ? MOUNT_CGROUP : MOUNT_CGROUP_BIND;
	return MOUNT_NEW;
}

bool mount_is_in_memory(const char *type)
{
	return strcmp(type, "tmpfs") == 0 || strcmp(type, "ramfs") == 0;
}

/* Other new file systems are mounted read-only at once, because nothing is made in them. */
static bool is_read_only_later(const struct mount_entry *entry)
{
	const struct spec_mount_options *options = entry->options;
	const uint64_t asked = (options->attr_set & ~options->rec_attr_clear) | options->rec_attr_set;

	return (asked & MOUNT_ATTR_RDONLY) && (entry->kind == MOUNT_BIND || entry->kind == MOUNT_REMOUNT ||
					       (entry->kind == MOUNT_NEW && mount_is_in_memory(entry->type)));
}

static void set_propagation(struct mount_entry *entry)
{
	const unsigned long asked = entry->options->propagation;

	entry->propagation = asked & ~(unsigned long)MS_REC;
	entry->propagation_recursive = asked & MS_REC;
	/*
	 * A copy of a shared mount joins its peer group, so a mount in the container would appear on the
	 * host. Unless config.json asks for that, events propagate only from the host to the container.
	 */
	if (entry->kind == MOUNT_BIND && !asked) {
		entry->propagation = MS_SLAVE;
		entry->propagation_recursive = true;
	}
}

/*
 * Asked for, by a remount, too; or as it was on the host: a propagation that is not recursive leaves what is
 * below a recursive bind mount alone.
 */
static bool may_share(const struct mount_entry *entry)
{
	return (entry->propagation & MS_SHARED) ||
	       (entry->propagation && !entry->propagation_recursive && entry->options->recursive_bind);
}

/* Only the kernel can resolve "..". */
static void add_place(struct mount_plan *plan, const struct mount_entry *entry)
{
	if (entry->kind == MOUNT_REMOUNT || path_has_parent(entry->destination))
		return;
	plan->places.rows[plan->places.len++] = (struct path_row){
		.path = entry->destination,
		.len = strlen(entry->destination),
		.index = (size_t)(entry - plan->entries),
	};
}

int mount_plan_make(const struct spec *spec, bool has_cgroupns, struct mount_plan *ret, struct error *err)
{
	struct mount_plan plan = {
		.entries = calloc(spec->mounts_len + 1, sizeof(*plan.entries)),
		.places.rows = calloc(spec->mounts_len + 1, sizeof(*plan.places.rows)),
	};

	if (!plan.entries || !plan.places.rows) {
		mount_plan_done(&plan);
		return error_oom(err);
	}
	if (!is_context_type(spec_annotation(spec, KRUN_ANNOTATION_CONTEXT_TYPE))) {
		mount_plan_done(&plan);
		return error_at(err, -EINVAL, "/annotations/" KRUN_ANNOTATION_CONTEXT_TYPE,
				"must be context, fscontext, defcontext or rootcontext");
	}
	for (size_t i = 0; i < spec->mounts_len; i++) {
		const struct spec_mount *mount = &spec->mounts[i];
		struct mount_entry *entry = &plan.entries[plan.len++];

		*entry = (struct mount_entry){
			.kind = kind_of(mount, has_cgroupns),
			.destination = mount->destination,
			.source = mount->source,
			.type = mount->type,
			.options = &mount->options,
			.words = mount->words,
			.tree_fd = -1,
			.idmap_fd = -1,
		};
		if (is_root(mount->destination) && entry->kind != MOUNT_REMOUNT) {
			mount_plan_done(&plan);
			return error_at(err, -EINVAL, error_pointer("/mounts/%zu/destination", i),
					"'%s' is the root itself", mount->destination);
		}
		set_propagation(entry);
		plan.shares |= may_share(entry);
		entry->read_only_later = is_read_only_later(entry);
		add_place(&plan, entry);
	}
	path_table_sort(&plan.places);
	*ret = plan;
	return 0;
}

/* A file system of the kernel's, in which nobody makes a node; what it has beside "ptmx" is no device. */
static bool refuses_nodes(const struct mount_entry *entry, const char *rest)
{
	return entry->kind == MOUNT_NEW && !mount_is_in_memory(entry->type) && strcmp(rest, "ptmx") != 0;
}

static bool is_wrong_null(const struct spec_device *device)
{
	return path_is_same_place(device->path, "/dev/null") &&
	       (device->type != 'c' || device->major != 1 || device->minor != 3);
}

int mount_check(const struct spec *spec, bool has_cgroupns, struct error *err)
{
	struct mount_plan plan;
	int r = mount_plan_make(spec, has_cgroupns, &plan, err);

	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < spec->devices_len; i++) {
		const struct spec_device *device = &spec->devices[i];
		char rest[PATH_MAX];
		const struct mount_entry *cover = mount_plan_cover(&plan, device->path, rest, sizeof(rest));

		if (cover && refuses_nodes(cover, rest))
			r = error_at(err, -EINVAL, error_pointer("/linux/devices/%zu/path", i),
				     "'%s' is in the mount on '%s', a %s: nothing can be made there",
				     device->path, cover->destination, cover->type);
		else if (spec->masked_paths && *spec->masked_paths && is_wrong_null(device))
			r = error_at(err, -EINVAL, error_pointer("/linux/devices/%zu", i),
				     "'/dev/null' has to be the character device 1:3, for it masks paths");
	}
	mount_plan_done(&plan);
	return r;
}

const struct mount_entry *mount_plan_cover(const struct mount_plan *plan, const char *path, char *rest,
					   size_t size)
{
	const struct mount_entry *found = NULL;
	char place[PATH_MAX];

	if (path_has_parent(path) || snprintf(place, sizeof(place), "%s", path) >= (int)sizeof(place))
		return NULL;
	path_normalize(place);
	for (const char *slash = strchr(place + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		size_t index;

		if (!path_table_find(&plan->places, place, (size_t)(slash - place), &index) ||
		    (found && &plan->entries[index] < found) || strlen(slash + 1) >= size)
			continue;
		found = &plan->entries[index];
		strcpy(rest, slash + 1);
	}
	return found;
}

void mount_plan_at_once(struct mount_plan *plan)
{
	for (size_t i = 0; i < plan->len; i++)
		plan->entries[i].read_only_later = false;
	plan->shares = true;
}

void mount_plan_done(struct mount_plan *plan)
{
	for (size_t i = 0; i < plan->len; i++) {
		cleanup_close(&plan->entries[i].tree_fd);
		free(plan->entries[i].in_root);
		free(plan->entries[i].link);
	}
	free(plan->entries);
	free(plan->places.rows);
	*plan = (struct mount_plan){ 0 };
}
