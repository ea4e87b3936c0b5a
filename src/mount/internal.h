/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Inside mount/: what the parent prepares and the child carries out. */

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

/* A directory on the way to an extra file, mounted on itself (guard.c). */
struct mount_guard {
	int tree_fd;	      /* owned */
	bool read_only_later; /* true if the mount that it was copied from becomes read-only, too */
};

struct mount_extra_tree {
	struct mount_extra_file file; /* .fd is not used */
	/*
	 * Detached mount, owned. If the child makes it: before that an O_PATH fd of the source, or -1
	 * for an empty directory.
	 */
	int tree_fd;
};

struct mount_setup {
	const struct spec *spec;
	bool user_namespace;
	bool no_pivot;
	int bundle_fd;			   /* used in the parent; borrowed */
	const struct mount_parent *parent; /* used in the child; NULL: nobody can be asked */
	bool live;			   /* for a running container */
	bool late;			   /* the child copies the sources, because the parent may not */
	/*
	 * The root's directory, O_PATH, in the namespace of parent or child. AT_FDCWD: the child stands
	 * in it.
	 */
	int place_fd;
	bool in_place;	    /* mount_setup_stand() has changed to it */
	bool place_is_root; /* child: the root's directory is "/" */
	int root_fd;	    /* mount of the root; -1 until the child has made it */
	struct mount_plan plan;
	struct mount_extra_tree files[MOUNT_EXTRA_FILES_MAX];
	size_t files_len;
	struct mount_guard guards[MOUNT_GUARDS_MAX];
	size_t guards_len;
	struct mount_extra_device devices[MOUNT_EXTRA_DEVICES_MAX];
	size_t devices_len;
	int nodes_fd; /* detached tmpfs with device nodes (make_nodes() in setup.c); -1: none */
	bool nodes_attached;
	uint64_t *own; /* mount ids of the container's own mounts, the root first (own.c) */
	size_t own_len;
};

/* ---- own.c --------------------------------------------------------------------------------------------- */

/* Gets the mount id (STATX_MNT_ID, Linux 5.8) of the mount that @fd is on. */
int mount_id(int fd, uint64_t *ret);
/* Child: records that the mount of @fd is the container's own: the root, or a file system that krun made. */
int mount_own_add(struct mount_setup *setup, int fd);
/* Child: returns whether @fd is on the container's own mount, where krun may make and change files. */
bool mount_is_own(const struct mount_setup *setup, int fd);

/* ---- new.c --------------------------------------------------------------------------------------------- */

/* The kernel's words about options that it has refused, printable; "": it has said nothing. */
struct mount_said {
	char text[512];
};

struct mount_new_options {
	const char *type;
	const char *source;
	const char *data;		  /* options of the file system, separated by commas */
	const char *label_option, *label; /* of SELinux; NULL: no label */
	unsigned long flags;		  /* MS_* of the file system */
	uint64_t attributes;		  /* MOUNT_ATTR_* of the mount */
	struct mount_said *said;	  /* is filled when it fails; NULL: not wanted */
};

/*
 * Returns a new, detached mount, which the caller closes. For the kernel's own file systems: the source and a
 * value in the data have at most 255 bytes (fsconfig(2)), or it is -EINVAL, and a comma ends a value.
 */
int mount_new(const struct mount_new_options *options);
/*
 * Finds the kernel's words about options that mount(2) has refused, which says nothing itself: tells them to
 * a context, of which nothing is made.
 */
void mount_explain(const struct mount_new_options *options);
/* Adds the words, if there are any, to an error. Returns err->code. */
int mount_said_append(const struct mount_said *said, struct error *err);

/* ---- setup.c ------------------------------------------------------------------------------------------- */

/* Returns a detached tmpfs with the nodes of @devices, named by the last component of their paths. */
int mount_make_nodes(const struct mount_extra_device *devices, size_t len);

/* Returns a detached copy of the mount at @fd. */
int mount_clone_fd(int fd, bool recursive);

/* Parent: opens the source of a bind mount, O_PATH. */
int mount_open_source(int bundle_fd, const struct mount_entry *entry);

/* Option copy-symlink: reads the target of the symbolic link @fd into the entry. */
int mount_read_link(int fd, struct mount_entry *entry, struct error *err);

/* Applies the entry's id map, if it has one, to a detached tree. */
int mount_idmap_tree(int tree_fd, const struct mount_entry *entry, struct error *err);

/* Returns a detached tmpfs for an extra file without an fd. */
int mount_own_directory(const struct mount_extra_file *file);
/*
 * Sets the attributes of an extra file's detached mount: ro, nosuid, nodev, and noexec for a directory.
 * A file can be executed even when the host's mount is noexec.
 */
int mount_restrict_file(int tree_fd, bool is_directory);

/* ---- devices.c ----------------------------------------------------------------------------------------- */

/*
 * Adds the nodes of linux.devices, named by mount_node_name(), to the tmpfs @fd. A node that cannot be
 * made is left out. @owners: one for each device; NULL: root.
 */
void mount_add_nodes(int fd, const struct spec *spec, const struct mount_owner *owners);
void mount_node_name(size_t index, char name[MOUNT_NODE_NAME_MAX]);

/* ---- hide.c -------------------------------------------------------------------------------------------- */

/*
 * Child, before a change of root without a pivot: unmounts each proc and sysfs outside of the root, or
 * covers it where the mount is locked. While a mount namespace has one that is visible as a whole, the
 * kernel lets a user namespace in the container mount these anew and unmasked (mount_too_revealing() in
 * fs/namespace.c).
 */
int mount_hide_kernel_files(const struct mount_setup *setup, int proc_fd, struct error *err);

/* ---- guard.c ------------------------------------------------------------------------------------------- */

/* Child: mounts each directory on the way to @path on itself, so that the container cannot rename it. */
int mount_guard_path(struct mount_setup *setup, const char *path, struct error *err);

/* ---- read_only.c --------------------------------------------------------------------------------------- */

/* Child: returns whether the mount of @fd becomes read-only later. */
bool mount_is_read_only_later(const struct mount_setup *setup, int fd);
/* Child: keeps the mount of @fd writable, because a later remount of config.json asks for that. */
void mount_stay_writable(struct mount_setup *setup, int fd);
/*
 * Child: makes those of @len entries read-only that become it later, or writable again. Called around the
 * copy of a tree with such mounts in it, so that the copy is read-only.
 */
int mount_read_only_meanwhile(const struct mount_entry *entries, size_t len, bool read_only);
/*
 * Child: sets *ret to one of the first @len entries, which are mounted, that is mount @id and becomes
 * read-only later; NULL: there is none.
 */
int mount_read_only_entry(const struct mount_setup *setup, size_t len, uint64_t id,
			  const struct mount_entry **ret);
/* Child, after all mounts of config.json: makes those read-only that are not the container's own. */
int mount_finish_binds(struct mount_setup *setup, struct error *err);
/* Child, after devices, links and extra files: makes the others read-only, and the guards. */
int mount_finish_read_only(struct mount_setup *setup, struct error *err);

/* ---- apart.c ------------------------------------------------------------------------------------------- */

/*
 * Parent: returns a detached, recursive copy of the directory @fd without mounted mount namespaces
 * (apart.c).
 */
int mount_clone_apart(int fd);

/* ---- late.c -------------------------------------------------------------------------------------------- */

/* Child: copies the sources that the parent may not copy. */
int mount_copy_sources(struct mount_setup *setup, struct error *err);
/* Replaces root_fd by a new copy of the root's directory. */
int mount_copy_root(struct mount_setup *setup);

/* ---- inside.c ------------------------------------------------------------------------------------------ */

/* Parent: marks the sources that lie below the root (inside.c). @bundle: its absolute path. */
int mount_find_inside(struct mount_setup *setup, const char *bundle, struct error *err);
/* Child: copies such a source, after the earlier mounts were made. */
int mount_copy_inside(const struct mount_setup *setup, struct mount_entry *entry, struct error *err);

/* ---- attributes.c -------------------------------------------------------------------------------------- */

/*
 * Sets attributes and propagation of a tree, all but a read-only that comes later. A new tree is still
 * detached then, so that nobody sees it without them.
 */
int mount_configure_tree(int tree_fd, const struct mount_entry *entry, struct error *err);
/* Sets the propagation of the entry, if it has one, once more when the tree is attached. */
int mount_propagate_tree(int tree_fd, const struct mount_entry *entry, struct error *err);
/*
 * Sets and clears MOUNT_ATTR_* of one mount or of a whole tree. A locked attribute is left as it is,
 * with a warning that names @destination (NULL: none). -EPERM: a restriction in @set could not be
 * applied.
 */
int mount_set_attributes(int fd, bool recursive, uint64_t set, uint64_t clear, const char *destination);

/* ---- apply.c ------------------------------------------------------------------------------------------- */

/* Child: carries out the plan, in order. */
int mount_apply(struct mount_setup *setup, struct error *err);

/* ---- rootfs.c ------------------------------------------------------------------------------------------ */

/* Child: attaches the detached tree on @target_fd; AT_FDCWD: on the working directory. */
int mount_attach(int tree_fd, int target_fd);

/* ---- copy_up.c ----------------------------------------------------------------------------------------- */

/*
 * Child: copies the contents of directory @from_fd to @to_fd, which is empty and not visible to anybody
 * else. Symbolic links are copied, not followed. Keeps owners, modes, times and hard links; leaves out
 * devices and sockets.
 */
int mount_copy_up(int from_fd, int to_fd, struct error *err);
/*
 * Changes the owner of @name or, when that is "", of @dir_fd. An id without a mapping in the user
 * namespace (EINVAL) changes nothing and is no failure.
 */
int mount_give(int dir_fd, const char *name, uid_t uid, gid_t gid);
/* Sets access and modification time of @name, without following a symbolic link. */
int mount_copy_times(int dir_fd, const char *name, const struct stat *st);
