/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The child's part for each mount of the plan. The destination is opened once, below the root, and only
 * the fd is used from then on.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "krun/annotations.h"
#include "mount/internal.h"
#include "syscall/mount.h"
#include "syscall/open.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/log.h"
#include "util/trace.h"

static int refuse(const struct mount_entry *entry, int code, struct error *err)
{
	const char *data = entry->options->data;
	const bool has_data = data && *data && entry->kind == MOUNT_NEW;

	return error_sys(err, code, "mount '%s' (%s) on '%s'%s%s%s",
			 entry->source ? entry->source : entry->type, entry->type, entry->destination,
			 has_data ? " with '" : "", has_data ? data : "", has_data ? "'" : "");
}

/* The same with what the kernel said about the options. */
static int refuse_options(const struct mount_entry *entry, int code, const struct mount_said *said,
			  struct error *err)
{
	refuse(entry, code, err);
	return mount_said_append(said, err);
}

/*
 * Attaches the entry's tree. Below a mount that is shared it becomes shared by that, whatever it was, so its
 * propagation is set after this, too, where a mount may be shared.
 */
static int attach(const struct mount_setup *setup, const struct mount_entry *entry, int target_fd,
		  struct error *err)
{
	int r = mount_attach(entry->tree_fd, target_fd);

	if (r < 0)
		return refuse(entry, r, err);
	return setup->plan.shares || entry->propagation == MS_UNBINDABLE ?
		       mount_propagate_tree(entry->tree_fd, entry, err) :
		       0;
}

/* ---- binds --------------------------------------------------------------------------------------------- */

static int apply_link(struct mount_setup *setup, struct mount_entry *entry, struct error *err)
{
	const char *name;
	auto_close int dir_fd = open_parent_in_root(setup->root_fd, entry->destination, true, &name);
	char there[PATH_MAX];
	ssize_t n;

	if (dir_fd < 0)
		return refuse(entry, dir_fd, err);
	if (symlinkat(entry->link, dir_fd, name) == 0)
		return 0;
	n = errno == EEXIST ? readlinkat(dir_fd, name, there, sizeof(there) - 1) : -1;
	if (n < 0)
		return refuse(entry, -errno, err);
	there[n] = '\0';
	return strcmp(there, entry->link) == 0 ? 0 : refuse(entry, -EEXIST, err);
}

static int open_bind_target(int root_fd, const struct mount_entry *entry)
{
	const enum open_make what = entry->is_directory ? OPEN_MAKE_DIRECTORY : OPEN_MAKE_FILE;

	if (entry->options->dest_nofollow) {
		int fd = open_in_root_nofollow(root_fd, entry->destination, O_PATH);

		if (fd != -ENOENT)
			return fd;
	}
	return open_in_root_make(root_fd, entry->destination, what, 0755, NULL);
}

/*
 * Asks the parent for a copy without mounted mount namespaces (apart.c). It has more privileges, and
 * nothing of the container is attached in its mount namespace.
 */
static int attach_other_copy(const struct mount_setup *setup, struct mount_entry *entry, int target_fd,
			     struct error *err)
{
	const struct mount_parent *parent = setup->parent;

	log_debug("the source has mounted mount namespaces: the command copies it without them");
	int r = parent->copy_again(parent->data, (size_t)(entry - setup->plan.entries), err);

	if (r < 0)
		return r;
	cleanup_close(&entry->tree_fd);
	entry->tree_fd = r;
	return attach(setup, entry, target_fd, err);
}

static int apply_bind(struct mount_setup *setup, struct mount_entry *entry, struct error *err)
{
	auto_close int target_fd = -1;
	int r = entry->in_root ? mount_copy_inside(setup, entry, err) : 0;

	if (r < 0)
		return r;
	if (entry->link)
		return apply_link(setup, entry, err);
	target_fd = open_bind_target(setup->root_fd, entry);
	if (target_fd < 0)
		return refuse(entry, target_fd, err);
	r = attach(setup, entry, target_fd, err);
	if (r == -ELOOP && setup->parent && !entry->in_root && entry->options->recursive_bind &&
	    entry->is_directory)
		return attach_other_copy(setup, entry, target_fd, err);
	return r;
}

/* ---- new file systems ---------------------------------------------------------------------------------- */

/*
 * A symbolic link as /proc would let the image choose where the kernel's files appear, and so what is
 * masked later.
 */
static int open_kernel_target(int root_fd, const struct mount_entry *entry)
{
	auto_close int fd = open_in_root_nofollow(root_fd, entry->destination, O_PATH);
	struct stat st;

	if (fd == -ENOENT)
		return open_in_root_make(root_fd, entry->destination, OPEN_MAKE_DIRECTORY, 0755, NULL);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? take_fd(&fd) : -ENOTDIR;
}

static int open_target(int root_fd, const struct mount_entry *entry)
{
	if (strcmp(entry->type, "proc") == 0 || strcmp(entry->type, "sysfs") == 0)
		return open_kernel_target(root_fd, entry);
	return open_in_root_make(root_fd, entry->destination, OPEN_MAKE_DIRECTORY, 0755, NULL);
}

/* Returns whether the files of this file system get their SELinux label from a mount option. */
static bool takes_label(const char *type)
{
	return strcmp(type, "tmpfs") == 0 || strcmp(type, "devpts") == 0 || strcmp(type, "ramfs") == 0;
}

static const char *type_of(const struct mount_entry *entry)
{
	return entry->kind == MOUNT_CGROUP ? "cgroup2" : entry->type;
}

/* Makes the entry's file system as a detached mount with @attributes. */
static int make_new(const struct mount_setup *setup, const struct mount_entry *entry, const char *data,
		    uint64_t attributes, struct mount_said *said)
{
	const char *context = spec_annotation(setup->spec, KRUN_ANNOTATION_CONTEXT_TYPE);
	const char *type = type_of(entry);

	return mount_new(&(struct mount_new_options){
		.type = type,
		.source = entry->source ? entry->source : type,
		.data = data,
		.label_option = context ? context : "context",
		.label = takes_label(type) ? setup->spec->mount_label : NULL,
		.flags = entry->options->super_flags | (attributes & MOUNT_ATTR_RDONLY ? MS_RDONLY : 0),
		.attributes = attributes,
		.said = said,
	});
}

/*
 * A user namespace may not mount sysfs when its network namespace is not its own. It gets a copy of the
 * host's mount with the options of config.json. The submounts come along, because they are locked to
 * it; they get all restrictions, because config.json does not ask for them.
 */
static int copy_host_sysfs(const struct mount_entry *entry)
{
	static const uint64_t RESTRICTIONS =
		MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
	const struct spec_mount_options *options = entry->options;
	const uint64_t asked = options->attr_set | options->rec_attr_set;
	auto_close int tree_fd = sys_open_tree(AT_FDCWD, "/sys", OPEN_TREE_CLONE | AT_RECURSIVE);
	int r;

	if (tree_fd < 0)
		return tree_fd;
	r = sys_mount_setattr(tree_fd, "", AT_EMPTY_PATH | AT_RECURSIVE, RESTRICTIONS, 0, MS_SLAVE, -1);
	if (r == 0)
		r = mount_set_attributes(tree_fd, false, 0, RESTRICTIONS & ~asked, NULL);
	if (r == 0)
		r = mount_set_attributes(tree_fd, false, options->attr_set, options->attr_clear,
					 entry->destination);
	return r < 0 ? r : take_fd(&tree_fd);
}

static int make_with_fallbacks(const struct mount_setup *setup, const struct mount_entry *entry,
			       struct mount_said *said)
{
	const char *data = entry->options->data ? entry->options->data : "";
	auto_free char *shorter = NULL;
	int fd = make_new(setup, entry, data, entry->options->attr_set, said);

	if (fd == -EPERM && setup->user_namespace && strcmp(entry->type, "sysfs") == 0) {
		log_debug("a copy of the host's sysfs, because the network namespace is not the user "
			  "namespace's");
		return copy_host_sysfs(entry);
	}
	if (fd == -EINVAL && setup->user_namespace && strcmp(entry->type, "devpts") == 0) {
		/* Engines ask for gid=5 ("tty"), which the user namespace may not map. */
		log_debug("devpts without the gid, which the user namespace does not map");
		shorter = strdup(data);
		if (shorter && mount_data_without_gid(data, shorter, strlen(data) + 1))
			fd = make_new(setup, entry, shorter, entry->options->attr_set, said);
	}
	return fd;
}

/*
 * Mounts on the directory of @target_fd with mount(2), which takes options as no other call does: fsconfig(2)
 * has a limit of 255 bytes for a value, and does not know the commas in overlay's directories. mount(2) takes
 * a path: "." of the directory as working directory is the one that nobody can redirect.
 */
static int mount_on(const struct mount_entry *entry, int target_fd, struct mount_said *said)
{
	const char *data = entry->options->data, *source = entry->source ? entry->source : entry->type;
	int r;

	if (fchdir(target_fd) < 0)
		return -errno;
	if (mount(source, ".", entry->type, mount_flags(entry->options), data && *data ? data : NULL) == 0)
		return 0;
	r = -errno;
	if (r == -EINVAL && data && *data)
		mount_explain(&(struct mount_new_options){
			.type = entry->type, .source = source, .data = data, .said = said });
	return r;
}

static const char stage_place[] = "mount";

/*
 * Makes a detached file system with one directory, in which nobody can change anything any more: in a running
 * container its processes see it where it is attached.
 */
static int make_stage(int *ret_place_fd)
{
	auto_close int stage_fd = mount_new(&(struct mount_new_options){
		.type = "tmpfs",
		.source = "krun",
		.data = "mode=0700,size=4k,nr_inodes=4",
		.attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
	});
	int r = stage_fd < 0 ? stage_fd : mkdirat(stage_fd, stage_place, 0700) < 0 ? -errno : 0;

	if (r == 0)
		r = sys_mount_setattr(stage_fd, "", AT_EMPTY_PATH, MOUNT_ATTR_RDONLY, 0, 0, -1);
	if (r < 0)
		return r;
	*ret_place_fd = openat(stage_fd, stage_place, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return *ret_place_fd < 0 ? -errno : take_fd(&stage_fd);
}

/* Returns a detached copy of what is mounted on the stage's directory. */
static int copy_from_stage(int stage_fd)
{
	auto_close int fd = openat(stage_fd, stage_place, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	uint64_t stage, mounted;
	int r = fd < 0 ? -errno : mount_id(stage_fd, &stage);

	if (r == 0)
		r = mount_id(fd, &mounted);
	if (r == 0 && mounted == stage)
		r = -ESTALE;
	return r < 0 ? r : mount_clone_fd(fd, false);
}

/*
 * Mounts in a file system of krun's own, which is attached at the target meanwhile, because mount(2) works
 * only on what is attached, and returns a detached copy. A relative path among the options leads nowhere.
 */
static int make_staged(const struct mount_entry *entry, int target_fd, struct mount_said *said)
{
	auto_close int place_fd = -1, tree_fd = -1;
	auto_close int stage_fd = make_stage(&place_fd);
	int r = stage_fd < 0 ? stage_fd : mount_attach(stage_fd, target_fd);

	if (r < 0)
		return r;
	r = mount_on(entry, place_fd, said);
	if (r == 0)
		r = tree_fd = copy_from_stage(stage_fd);
	if ((fchdir(stage_fd) < 0 || umount2(".", MNT_DETACH) < 0 || fchdir(target_fd) < 0) && r >= 0)
		r = -errno;
	return r < 0 ? r : take_fd(&tree_fd);
}

/* The caller has opened @below_fd for reading before the tmpfs covers it. */
static int copy_up(const struct mount_entry *entry, int below_fd, int mount_fd, struct error *err)
{
	auto_close int from_fd = openat(below_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_close int to_fd = openat(mount_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (from_fd < 0 || to_fd < 0)
		return refuse(entry, -errno, err);
	return mount_copy_up(from_fd, to_fd, err);
}

/*
 * Gives the tmpfs the mode of the directory that it covers, and with tmpcopyup also owner and times,
 * unless options set them.
 */
static int look_like(const struct mount_entry *entry, int below_fd, const struct stat *st)
{
	const char *data = entry->options->data;
	const bool copy = below_fd >= 0;
	const bool has_uid = mount_data_has(data, "uid"), has_gid = mount_data_has(data, "gid");
	const uid_t uid = copy && !has_uid ? st->st_uid : (uid_t)-1;
	const gid_t gid = copy && !has_gid ? st->st_gid : (gid_t)-1;
	int r = mount_give(entry->tree_fd, "", uid, gid);

	if (r == 0 && !mount_data_has(data, "mode"))
		r = chmod_fd(entry->tree_fd, st->st_mode & 07777);
	if (r == 0 && copy)
		r = mount_copy_times(entry->tree_fd, ".", st);
	return r;
}

/* Uses only the fd of the new mount, which is attached last. */
static int apply_tmpfs(struct mount_setup *setup, struct mount_entry *entry, struct error *err)
{
	struct spec_mount_options options = *entry->options;
	struct mount_entry writable = *entry;
	struct mount_said said = { "" };
	auto_close int target_fd = open_target(setup->root_fd, entry);
	auto_close int below_fd = -1;
	struct stat st;
	int r;

	if (target_fd < 0)
		return refuse(entry, target_fd, err);
	if (fstat(target_fd, &st) < 0)
		return refuse(entry, -errno, err);
	if (options.copy_up && strcmp(entry->type, "tmpfs") == 0) {
		below_fd = reopen_fd(target_fd, O_RDONLY | O_DIRECTORY);
		if (below_fd < 0)
			return refuse(entry, below_fd, err);
	}
	entry->tree_fd = make_new(setup, entry, options.data ? options.data : "",
				  options.attr_set & ~(uint64_t)MOUNT_ATTR_RDONLY, &said);
	if (entry->tree_fd < 0)
		return refuse_options(entry, entry->tree_fd, &said, err);
	/* make_new() has set the other attributes. */
	options.attr_set &= MOUNT_ATTR_RDONLY;
	options.attr_clear = 0;
	writable.options = &options;
	r = below_fd >= 0 ? copy_up(entry, below_fd, entry->tree_fd, err) : 0;
	if (r < 0)
		return r;
	r = look_like(entry, below_fd, &st);
	if (r < 0)
		return refuse(entry, r, err);
	r = mount_idmap_tree(entry->tree_fd, entry, err);
	if (r == 0)
		r = mount_configure_tree(entry->tree_fd, &writable, err);
	if (r < 0)
		return r;
	r = attach(setup, entry, target_fd, err);
	if (r < 0)
		return r;
	r = mount_own_add(setup, entry->tree_fd);
	return r < 0 ? refuse(entry, r, err) : 0;
}

/* Their options are short words. */
static bool is_kernels_own(const struct mount_entry *entry)
{
	static const char *const types[] = { "proc", "sysfs", "cgroup2", "devpts", "mqueue" };

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (strcmp(type_of(entry), types[i]) == 0)
			return true;
	return false;
}

/* The mount is complete before it is attached, and only its fd is used. */
static int apply_detached(const struct mount_setup *setup, struct mount_entry *entry, int target_fd,
			  struct error *err)
{
	struct spec_mount_options options = *entry->options;
	struct mount_entry rest = *entry;
	struct mount_said said = { "" };
	int r;

	entry->tree_fd = is_kernels_own(entry) ? make_with_fallbacks(setup, entry, &said) :
						 make_staged(entry, target_fd, &said);
	if (entry->tree_fd < 0)
		return refuse_options(entry, entry->tree_fd, &said, err);
	/* The new mount has the other attributes. */
	options.attr_set = options.attr_clear = 0;
	rest.options = &options;
	r = mount_idmap_tree(entry->tree_fd, entry, err);
	if (r == 0)
		r = mount_configure_tree(entry->tree_fd, &rest, err);
	if (r == 0)
		r = attach(setup, entry, target_fd, err);
	/*
	 * Masked paths in the kernel's files are looked up from the fd (restrict.c), because another process
	 * with the same root may move the mount point meanwhile. Elsewhere a link may lead out of the mount.
	 */
	if (r == 0 && strcmp(entry->type, "proc") != 0 && strcmp(entry->type, "sysfs") != 0)
		cleanup_close(&entry->tree_fd);
	return r;
}

static int apply_new(const struct mount_setup *setup, struct mount_entry *entry, struct error *err)
{
	auto_close int target_fd = open_target(setup->root_fd, entry);
	const struct spec_mount_options *options = entry->options;
	struct mount_said said = { "" };
	int r;

	if (target_fd < 0)
		return refuse(entry, target_fd, err);
	if (is_kernels_own(entry) || entry->idmap_fd >= 0 || entry->propagation || options->rec_attr_set ||
	    options->rec_attr_clear)
		return apply_detached(setup, entry, target_fd, err);
	r = mount_on(entry, target_fd, &said);
	return r < 0 ? refuse_options(entry, r, &said, err) : 0;
}

static int apply_remount(struct mount_setup *setup, struct mount_entry *entry, struct error *err)
{
	auto_close int fd = open_in_root(setup->root_fd, entry->destination, O_PATH);
	const uint64_t writable = entry->options->attr_clear | entry->options->rec_attr_clear;

	if (fd < 0)
		return refuse(entry, fd, err);
	if (writable & MOUNT_ATTR_RDONLY)
		mount_stay_writable(setup, fd);
	entry->tree_fd = take_fd(&fd);
	return mount_configure_tree(entry->tree_fd, entry, err);
}

/*
 * A sysfs shows the network namespace of who mounts it, and a file system of a network uses that. The
 * kernel's other ones belong to other namespaces (proc to a pid, mqueue to an ipc namespace), and overlay to
 * none. An unknown type may be of a network.
 */
static bool needs_network(const struct mount_entry *entry)
{
	static const char *const others[] = { "proc", "devpts", "mqueue", "overlay" };

	if (entry->kind != MOUNT_NEW || mount_is_in_memory(entry->type))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (strcmp(entry->type, others[i]) == 0)
			return false;
	return true;
}

static int apply(struct mount_setup *setup, struct mount_entry *entry, struct error *err)
{
	const struct mount_parent *parent = setup->parent;
	const int r = parent && needs_network(entry) ? parent->network(parent->data, err) : 0;

	if (r < 0)
		return r;
	switch (entry->kind) {
	case MOUNT_BIND:
	case MOUNT_CGROUP_BIND:
		return apply_bind(setup, entry, err);
	case MOUNT_REMOUNT:
		return apply_remount(setup, entry, err);
	case MOUNT_NEW:
		if (mount_is_in_memory(entry->type))
			return apply_tmpfs(setup, entry, err);
		return apply_new(setup, entry, err);
	case MOUNT_CGROUP:
	default:
		return apply_new(setup, entry, err);
	}
}

/* A mount that is read-only on the host is never made writable in between. */
static void leave_read_only(struct mount_entry *entry)
{
	struct statvfs fs;

	if (entry->read_only_later && entry->tree_fd >= 0 && fstatvfs(entry->tree_fd, &fs) == 0 &&
	    (fs.f_flag & ST_RDONLY))
		entry->read_only_later = false;
}

static void tell_mount(const struct mount_entry *entry)
{
	log_debug("mount %s%s%s%s at '%s'", entry->type, entry->source ? " from '" : "",
		  entry->source ? entry->source : "", entry->source ? "'" : "", entry->destination);
	if (entry->words && *entry->words)
		log_words("options", entry->words);
}

int mount_apply(struct mount_setup *setup, struct error *err)
{
	for (size_t i = 0; i < setup->plan.len; i++)
		leave_read_only(&setup->plan.entries[i]);
	for (size_t i = 0; i < setup->plan.len; i++) {
		struct mount_entry *entry = &setup->plan.entries[i];
		const bool was_open = entry->tree_fd >= 0;
		const unsigned long long began = trace_clock();
		int r;

		tell_mount(entry);
		r = apply(setup, entry, err);

		trace_note("destination", entry->destination);
		trace_note("type", entry->type);
		trace_note("source", entry->source);
		log_part_done("mount", began);
		if (r < 0)
			return r;
		if (!was_open)
			leave_read_only(entry);
	}
	return mount_finish_binds(setup, err);
}
