/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Inside mount/: what the parent prepared and the child carries out. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "mount/plan.h"
#include "mount/mount.h"

enum {
	MOUNT_EXTRA_FILES_MAX = 6,
	MOUNT_EXTRA_DEVICES_MAX = 4,
	MOUNT_GUARDS_MAX = 32,
	MOUNT_NODE_NAME_MAX = 24
};

/* A directory on the way to an extra file that is a mount of itself, guard.c. */
struct mount_guard {
	int tree_fd;	      /* owned */
	bool read_only_later; /* as what it is a part of */
};

struct mount_extra_tree {
	struct mount_extra_file file; /* .fd not used */
	int tree_fd; /* detached; when the child makes it, until then what it is to be a copy of (-1: an own directory); owned */
};

struct mount_setup {
	const struct spec *spec;
	bool user_namespace;
	bool no_pivot;
	int bundle_fd;			   /* parent; borrowed */
	const struct mount_parent *parent; /* child: whom it may ask; NULL: nobody */
	bool live;			   /* for a container that runs: nobody can be asked later */
	bool late;			   /* the child makes the copies: the parent may not */
	int place_fd; /* directory of the root, O_PATH, as parent or child see it; AT_FDCWD: the child stands in it */
	bool in_place;	    /* the process that clones stands in it, mount_setup_stand() */
	bool place_is_root; /* child: that directory is "/" */
	int root_fd;	    /* tree of the root; -1 until the child has made it */
	struct mount_plan plan;
	struct mount_extra_tree files[MOUNT_EXTRA_FILES_MAX];
	size_t files_len;
	struct mount_guard guards[MOUNT_GUARDS_MAX];
	size_t guards_len;
	struct mount_extra_device devices[MOUNT_EXTRA_DEVICES_MAX];
	size_t devices_len;
	int nodes_fd; /* detached tmpfs with a node for each extra device, or -1; see make_nodes() */
	bool nodes_attached;
	uint64_t *own; /* ids of the container's own mounts, own.c */
	size_t own_len;
};

/* The kernel's id of the mount that @fd is on. */
int mount_id(int fd, uint64_t *ret);
/* Child: the mount behind @fd is one that krun made, or the root. */
int mount_own_add(struct mount_setup *setup, int fd);
/* Child: whether what @fd stands for is on such a mount, and so the container's own to change. */
bool mount_is_own(const struct mount_setup *setup, int fd);

/*
 * A detached tmpfs. @data: options of tmpfs(5), separated by commas; @label_option and @label: of SELinux, NULL for none; @flags:
 * MS_* of the file system; @attributes: MOUNT_ATTR_*.
 */
struct mount_tmpfs_options {
	const char *type; /* "tmpfs", "ramfs"; NULL: tmpfs */
	const char *source, *data, *label_option, *label;
	unsigned long flags;
	uint64_t attributes;
};
int mount_tmpfs(const struct mount_tmpfs_options *options);
/* The nodes of @devices with their modes on a detached tmpfs, by the last component of their paths. */
int mount_make_nodes(const struct mount_extra_device *devices, size_t len);
/* And those of linux.devices, by mount_node_name(); what cannot be made is left out. @owners: one for each, NULL for root. */
void mount_add_nodes(int fd, const struct spec *spec, const struct mount_owner *owners);
void mount_node_name(size_t index, char name[MOUNT_NODE_NAME_MAX]);
/*
 * Child, before the root is changed without a pivot: unmounts each proc and sysfs outside of the root, or covers it where
 * somebody with more rights has locked it. The kernel lets a user namespace in the container mount these afresh, and
 * unmasked, while its mount namespace has one that is visible as a whole (mount_too_revealing() in fs/namespace.c).
 */
int mount_hide_kernel_files(const struct mount_setup *setup, int proc_fd, struct error *err);
/* Child: nobody in the container can rename a directory on the way to @path from here on. */
int mount_guard_path(struct mount_setup *setup, const char *path, struct error *err);

/* ---- read-only, read_only.c ---------------------------------------------------------------------------------------- */

/* Child: what @fd is on becomes read-only later. */
bool mount_is_read_only_later(const struct mount_setup *setup, int fd);
/* Child: a later remount of config.json wants the mount that @fd is on writable. */
void mount_stay_writable(struct mount_setup *setup, int fd);
/* Child: makes all that becomes read-only later so for a moment, in which a tree with such mounts in it is copied. */
int mount_read_only_meanwhile(const struct mount_setup *setup, bool read_only);
/* Child, when all mounts of config.json are made: those that are the host's become read-only. */
int mount_finish_binds(struct mount_setup *setup, struct error *err);
/* Child, when everything is in its place: the others. */
int mount_finish_read_only(struct mount_setup *setup, struct error *err);

/* A detached copy of what @fd stands for. */
int mount_clone_fd(int fd, bool recursive);
/* The same of a directory and all that is mounted below, without mounts of mount namespaces (apart.c). Parent. */
int mount_clone_apart(int fd);
/* The source of a bind, O_PATH. Parent. */
int mount_open_source(int bundle_fd, const struct mount_entry *entry);
/* Child: the copies of sources that the parent may not make. */
int mount_copy_sources(struct mount_setup *setup, struct error *err);
/* root_fd anew, from the root's directory. */
int mount_copy_root(struct mount_setup *setup);
/* copy-symlink: the text of the link @fd, for the entry. */
int mount_read_link(int fd, struct mount_entry *entry, struct error *err);
/* Parent: which sources lie in the root (inside.c). @bundle: as config.json's paths may have it. */
int mount_find_inside(struct mount_setup *setup, const char *bundle, struct error *err);
/* Child: the copy of such a source, when what is mounted earlier is. */
int mount_copy_inside(const struct mount_setup *setup, struct mount_entry *entry, struct error *err);
/* The entry's id map on a detached tree, if it has one. */
int mount_idmap_tree(int tree_fd, const struct mount_entry *entry, struct error *err);
/* Attributes and propagation of a detached tree, before anybody can see it, but for a read-only that comes later. */
int mount_configure_tree(int tree_fd, const struct mount_entry *entry, struct error *err);
/*
 * MOUNT_ATTR_* of one mount or of a whole tree. What is locked stays as it is, with a warning that names @destination, unless that is
 * NULL. -EPERM: a restriction in @set cannot be had.
 */
int mount_set_attributes(int fd, bool recursive, uint64_t set, uint64_t clear, const char *destination);

/* Child: everything in the plan, in order. */
int mount_apply(struct mount_setup *setup, struct error *err);
/* A detached mount for an extra file without a descriptor. */
int mount_own_directory(const struct mount_extra_file *file);
/* A detached mount of an extra file: executable, unless it is a directory, and nothing else, whatever the host's mount says. */
int mount_restrict_file(int tree_fd, bool is_directory);
/* Child: attaches a tree on the object behind @target_fd; AT_FDCWD: on the working directory. */
int mount_attach(int tree_fd, int target_fd);

/*
 * Child: copies what is below @from_fd (a directory) to @to_fd, which is empty and nobody else's; nothing is followed. Owners, modes,
 * times, hard links; no devices and no sockets.
 */
int mount_copy_up(int from_fd, int to_fd, struct error *err);
/* chown(2) of @name or, when that is "", of @dir_fd; an id that the user namespace does not have changes nothing. */
int mount_give(int dir_fd, const char *name, uid_t uid, gid_t gid);
/* Both times of @name, which may be a symbolic link. */
int mount_copy_times(int dir_fd, const char *name, const struct stat *st);
