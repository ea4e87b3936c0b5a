/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The child's part for each mount of the plan. The destination is opened once, below the root, and only
 * the fd is used from then on.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "krun/annotations.h"
#include "mount/internal.h"
#include "syscall/mount.h"
#include "syscall/open.h"
#include "util/cleanup.h"
#include "util/error.h"

static int refuse(const struct mount_entry *entry, int code, struct error *err)
{
	const char *data = entry->options->data;
	const bool has_data = data && *data && entry->kind == MOUNT_NEW;

	return error_sys(err, code, "mount '%s' (%s) on '%s'%s%s%s",
			 entry->source ? entry->source : entry->type, entry->type, entry->destination,
			 has_data ? " with '" : "", has_data ? data : "", has_data ? "'" : "");
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
	int r = parent->copy_again(parent->data, (size_t)(entry - setup->plan.entries), err);

	if (r < 0)
		return r;
	cleanup_close(&entry->tree_fd);
	entry->tree_fd = r;
	r = mount_attach(entry->tree_fd, target_fd);
	return r < 0 ? refuse(entry, r, err) : 0;
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
	r = mount_attach(entry->tree_fd, target_fd);
	if (r == -ELOOP && setup->parent && !entry->in_root && entry->options->recursive_bind &&
	    entry->is_directory)
		return attach_other_copy(setup, entry, target_fd, err);
	return r < 0 ? refuse(entry, r, err) : 0;
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

static int labelled_data(const struct mount_setup *setup, const struct mount_entry *entry, char **ret)
{
	const char *data = entry->options->data;

	const char *option = spec_annotation(setup->spec, KRUN_ANNOTATION_CONTEXT_TYPE);

	if (setup->spec->mount_label && takes_label(entry->type))
		return asprintf(ret, "%s%s%s=\"%s\"", data, *data ? "," : "", option ? option : "context",
				setup->spec->mount_label);
	*ret = strdup(data);
	return *ret ? 0 : -1;
}

/* mount(2) takes a path. "." of the target as working directory is the one that nobody can redirect. */
static int mount_here(int target_fd, const struct mount_entry *entry, const char *type, unsigned long flags,
		      const char *data)
{
	if (fchdir(target_fd) < 0)
		return -errno;
	return mount(entry->source ? entry->source : type, ".", type, flags, *data ? data : NULL) < 0 ?
		       -errno :
		       0;
}

/*
 * A user namespace may not mount sysfs when its network namespace is not its own. It gets a bind mount
 * of the host's with the options of config.json. The submounts come along, because they are locked to
 * it; they get all restrictions, because config.json does not ask for them.
 */
static int bind_host_sysfs(const struct mount_entry *entry, int target_fd)
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
	return r < 0 ? r : mount_attach(tree_fd, target_fd);
}

/*
 * When /sys is a bind mount, the host's cgroup2 is mounted there already. mount(2) refuses to mount the
 * same file system on top of itself (EBUSY), even if the new mount shows another directory of it, the
 * container's own. move_mount(2) does not.
 */
static int mount_cgroup_on_cgroup(const struct mount_entry *entry, int target_fd)
{
	auto_close int context_fd = sys_fsopen("cgroup2", 0);
	auto_close int mount_fd = -1;
	int r = context_fd < 0 ? context_fd : sys_fsconfig(context_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0);

	if (r < 0)
		return r;
	mount_fd = sys_fsmount(context_fd, 0, (unsigned int)entry->options->attr_set);
	return mount_fd < 0 ? mount_fd : mount_attach(mount_fd, target_fd);
}

static int mount_with_fallbacks(struct mount_setup *setup, const struct mount_entry *entry, int target_fd,
				unsigned long flags)
{
	const char *type = entry->kind == MOUNT_CGROUP ? "cgroup2" : entry->type;
	auto_free char *data = NULL;
	auto_free char *shorter = NULL;
	int r;

	if (labelled_data(setup, entry, &data) < 0) {
		data = NULL;
		return -ENOMEM;
	}
	r = mount_here(target_fd, entry, type, flags, data);
	if (r == -EPERM && setup->user_namespace && strcmp(type, "sysfs") == 0)
		return bind_host_sysfs(entry, target_fd);
	if (r == -EBUSY && entry->kind == MOUNT_CGROUP)
		return mount_cgroup_on_cgroup(entry, target_fd);
	if (r == -EINVAL && setup->user_namespace && strcmp(type, "devpts") == 0) {
		/* Engines ask for gid=5 ("tty"), which the user namespace may not map. */
		shorter = strdup(data);
		if (shorter && mount_data_without_gid(data, shorter, strlen(data) + 1))
			r = mount_here(target_fd, entry, type, flags, shorter);
	}
	return r;
}

/*
 * An id map can be set only on a detached mount, so the new mount is replaced by a detached copy of
 * itself.
 */
static int idmap_new(struct mount_setup *setup, const struct mount_entry *entry, struct error *err)
{
	auto_close int fd = open_in_root(setup->root_fd, entry->destination, O_PATH);
	auto_close int tree_fd = fd < 0 ? fd : mount_clone_fd(fd, false);
	auto_close int target_fd = -1;
	int r;

	if (tree_fd < 0)
		return refuse(entry, tree_fd, err);
	r = mount_idmap_tree(tree_fd, entry, err);
	if (r < 0)
		return r;
	if (fchdir(fd) < 0 || umount2(".", MNT_DETACH) < 0)
		return refuse(entry, -errno, err);
	target_fd = open_in_root(setup->root_fd, entry->destination, O_PATH);
	r = target_fd < 0 ? target_fd : mount_attach(tree_fd, target_fd);
	return r < 0 ? refuse(entry, r, err) : 0;
}

/* Applies what mount(2) cannot do in the same call: id map, recursive attributes, propagation. */
static int finish_new(struct mount_setup *setup, const struct mount_entry *entry, struct error *err)
{
	const struct spec_mount_options *options = entry->options;
	auto_close int fd = -1;
	int r = entry->idmap_fd >= 0 ? idmap_new(setup, entry, err) : 0;

	if (r < 0)
		return r;
	if (!entry->propagation && !options->rec_attr_set && !options->rec_attr_clear)
		return 0;
	fd = open_in_root(setup->root_fd, entry->destination, O_PATH);
	if (fd < 0)
		return refuse(entry, fd, err);
	if (options->rec_attr_set || options->rec_attr_clear)
		r = sys_mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, options->rec_attr_set,
				      options->rec_attr_clear, 0, -1);
	if (r == 0 && entry->propagation)
		r = sys_mount_setattr(fd, "", AT_EMPTY_PATH, 0, 0, entry->propagation, -1);
	return r < 0 ? refuse(entry, r, err) : 0;
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

static int make_tmpfs(const struct mount_setup *setup, const struct mount_entry *entry)
{
	const struct spec_mount_options *options = entry->options;
	const char *context = spec_annotation(setup->spec, KRUN_ANNOTATION_CONTEXT_TYPE);

	return mount_tmpfs(&(struct mount_tmpfs_options){
		.type = entry->type,
		.source = entry->source ? entry->source : entry->type,
		.data = options->data ? options->data : "",
		.label_option = context ? context : "context",
		.label = setup->spec->mount_label,
		.flags = options->super_flags,
		.attributes = options->attr_set & ~(uint64_t)MOUNT_ATTR_RDONLY,
	});
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
	entry->tree_fd = make_tmpfs(setup, entry);
	if (entry->tree_fd < 0)
		return refuse(entry, entry->tree_fd, err);
	/* make_tmpfs() has set the other attributes. */
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
	r = mount_attach(entry->tree_fd, target_fd);
	if (r == 0)
		r = mount_own_add(setup, entry->tree_fd);
	return r < 0 ? refuse(entry, r, err) : 0;
}

static bool is_kernel_files(const struct mount_entry *entry)
{
	return strcmp(entry->type, "proc") == 0 || strcmp(entry->type, "sysfs") == 0;
}

/*
 * Keeps an fd of the new proc or sysfs. Masked paths are looked up from it (restrict.c), because another
 * process with the same root may move the mount point meanwhile.
 */
static int keep(const struct mount_setup *setup, struct mount_entry *entry, int target_fd)
{
	auto_close int fd = open_in_root_nofollow(setup->root_fd, entry->destination, O_PATH);
	uint64_t below, here;
	struct statfs fs;
	int r = fd < 0 ? fd : fstatfs(fd, &fs) < 0 ? -errno : mount_id(target_fd, &below);

	if (r == 0)
		r = mount_id(fd, &here);
	if (r < 0)
		return r;
	if (here == below || (fs.f_type != PROC_SUPER_MAGIC && fs.f_type != SYSFS_MAGIC))
		return -ESTALE;
	entry->tree_fd = take_fd(&fd);
	return 0;
}

static int apply_new(struct mount_setup *setup, struct mount_entry *entry, struct error *err)
{
	auto_close int target_fd = open_target(setup->root_fd, entry);
	int r;

	if (target_fd < 0)
		return refuse(entry, target_fd, err);
	r = mount_with_fallbacks(setup, entry, target_fd, mount_flags(entry->options));
	r = r < 0 ? refuse(entry, r, err) : finish_new(setup, entry, err);
	if (r == 0 && is_kernel_files(entry)) {
		r = keep(setup, entry, target_fd);
		if (r < 0)
			refuse(entry, r, err);
	}
	return r;
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

static int apply(struct mount_setup *setup, struct mount_entry *entry, struct error *err)
{
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

int mount_apply(struct mount_setup *setup, struct error *err)
{
	for (size_t i = 0; i < setup->plan.len; i++)
		leave_read_only(&setup->plan.entries[i]);
	for (size_t i = 0; i < setup->plan.len; i++) {
		struct mount_entry *entry = &setup->plan.entries[i];
		const bool was_open = entry->tree_fd >= 0;
		int r = apply(setup, entry, err);

		if (r < 0)
			return r;
		if (!was_open)
			leave_read_only(entry);
	}
	return mount_finish_binds(setup, err);
}
