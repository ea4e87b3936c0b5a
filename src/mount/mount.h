/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The container's file system tree, from plan to mounts. A struct mount_setup is made in the parent, on
 * the host, where every source is opened (bind sources and the root as detached trees, open_tree(2) with
 * OPEN_TREE_CLONE, Linux 5.2): no host path is looked up once the container's namespaces are entered, and
 * sources that only the host may see work inside a user namespace too. The child inherits it by fork and
 * carries it out with the mount_do_*() calls, in the order in which they are declared.
 *
 * Inside the root every path is opened with openat2 RESOLVE_IN_ROOT (syscall/open.h) and only the fd is
 * used: the rootfs is hostile.
 */

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

struct error;
struct file_id;
struct spec;
struct mount_setup;

/*
 * What krun itself brings into the container after the bundle's mounts: a host file or directory, read-only, or (with @fd -1) a
 * directory of its own, a tmpfs for a few sockets and no data that belongs to a user.
 */
struct mount_extra_file {
	int fd;	      /* O_PATH fd on the host, borrowed until mount_setup_make() returns */
	bool is_tree; /* or a detached mount of it, mount_file_tree_mapped() */
	const char *destination;
	bool is_directory; /* then nothing in it may be executed */
	uid_t uid; /* of an own directory, as the host counts; with an unprivileged parent, as the container does */
	gid_t gid;
};

/* A device node beyond the default ones and linux.devices. */
struct mount_extra_device {
	int fd; /* O_PATH fd of the host's node, borrowed as above */
	const char *path;
	unsigned int major, minor;
	mode_t mode; /* permission bits of a node; ignored for a bind */
};

/* Of a node, as the host counts. */
struct mount_owner {
	uid_t uid;
	gid_t gid;
};

struct mount_request {
	const struct spec *spec; /* borrowed for the life of the setup */
	const int *
		idmap_fds; /* user namespace for each mount of the spec, -1: none; borrowed until the mounts are made */
	const char *bundle; /* absolute path of it, for what config.json says of places below the root */
	int bundle_fd;	    /* directory; relative sources and root.path start here */
	bool new_userns;    /* the child runs in a new or joined user namespace: devices are binds */
	bool unprivileged; /* an ordinary user: sources can only be copied by the child, as when the kernel refuses it to root */
	bool no_pivot;	   /* MS_MOVE and chroot instead of pivot_root(2) */
	bool has_cgroupns; /* the container gets its own cgroup namespace */
	int cgroup_dir_fd; /* without: what mounts of type "cgroup" show; -1: /sys/fs/cgroup */
	const struct mount_extra_file *files;
	size_t files_len;
	const struct mount_extra_device *devices;
	size_t devices_len;
	const struct mount_owner
		*owners; /* of each of linux.devices in a new user namespace; NULL: the host's root */
};

/*
 * For a container that runs: the same without root, devices and extra files. The process that carries it out has entered the
 * container's mount (and user) namespace and calls mount_enter() or mount_do_remove().
 */
int mount_setup_make_for_running(const struct mount_request *request, struct mount_setup **ret,
				 struct error *err);
int mount_enter(struct mount_setup *setup, struct error *err);
/* One file for a container that runs. The parent makes a detached mount of it. */
int mount_file_tree(int fd, struct error *err);
/* The same with the ids of a user namespace; no error text, because not every file system can do that. Takes privilege. */
int mount_file_tree_mapped(int fd, int userns_fd);
/* The process inside attaches it on @path, which is made as an empty file if need be. */
int mount_enter_file(int tree_fd, const char *path, struct error *err);
/* The process inside takes the mount and the file away. @proc_fd: the host's /proc. */
int mount_do_remove_file(const char *path, int proc_fd, struct error *err);
/* The root of a container that runs, after a restore. */
int mount_enter_root_readonly(struct error *err);
/* Takes what is mounted on the destinations away, the last one first. @proc_fd: the host's /proc. */
int mount_do_remove(const struct spec *spec, int proc_fd, struct error *err);

/* Names of the root's directory: as config.json and as the kernel has it. */
struct mount_roots {
	const char *bundle; /* absolute, borrowed */
	char configured[PATH_MAX], found[PATH_MAX];
	struct stat place;
};
/* @place_fd: the directory. False: one of the names cannot be had. */
bool mount_roots_find(const struct spec *spec, const char *bundle, int place_fd, struct mount_roots *ret);
/* Whether a source lies below it, so that it is looked up in the root when the earlier mounts are made; what is left of it then. */
bool mount_source_inside(const struct mount_roots *roots, const char *source, char *rest, size_t size);

/* Parent, before clone. Opens everything. A missing source or rootfs is an error that names it. */
int mount_setup_make(const struct mount_request *request, struct mount_setup **ret, struct error *err);
void mount_setup_free(struct mount_setup *setup);
/* Which directory the root is. */
struct file_id mount_setup_root(const struct mount_setup *setup);
/*
 * Makes the root's directory the working directory: for the process that makes the child, right before it does. The copy of a mount
 * namespace carries the working directory along (copy_mnt_ns() in fs/namespace.c), so the child stands in the directory as its own namespace has it,
 * and neither walks there nor needs the right to.
 */
int mount_setup_stand(struct mount_setup *setup);
/* Adds every descriptor that the child needs; after mount_setup_stand(). -ENOMEM. */
struct fd_list;
int mount_setup_descriptors(const struct mount_setup *setup, struct fd_list *list);

/*
 * The @index-th mount of the spec once more, detached, for a child to which the kernel said that there is a mount namespace in it that is
 * older than its own; the caller closes it. A source that is something else by now is an error.
 */
int mount_setup_copy_again(const struct mount_setup *setup, size_t index, struct error *err);

/* ---- the child, in its new mount namespace, capable in its user namespace ------------------------------ */

/*
 * With the ids and groups of the caller still, and before anything is attached: what only the child may copy. Until
 * mount_do_rootfs() is done the working directory has to stay what it is since the clone.
 */
int mount_do_sources(struct mount_setup *setup, struct error *err);
/* Propagation of the tree we came with: rslave. */
int mount_do_propagation(struct mount_setup *setup, struct error *err);
/* Attaches the root on its own directory. From here on mount_root_fd() is its fd. */
int mount_do_rootfs(struct mount_setup *setup, struct error *err);
int mount_root_fd(const struct mount_setup *setup);
/* What the child has the parent do meanwhile. */
struct mount_parent {
	/* mount_setup_copy_again(): the descriptor. */
	int (*copy_again)(void *data, size_t index, struct error *err);
	void *data;
};
/* Everything in spec.mounts, in order, then the extra files. */
int mount_do_mounts(struct mount_setup *setup, const struct mount_parent *parent, struct error *err);
/* Path of the @index-th of the default devices and linux.devices; NULL: there are no more. */
const char *mount_device_path(const struct spec *spec, size_t index);
/* Default devices, linux.devices, extra devices, links (fd, stdin, stdout, stderr, ptmx). */
int mount_do_devices(struct mount_setup *setup, struct error *err);
/* /dev/console: binds the pty slave @slave_fd there. Only with a terminal; before the pivot. */
int mount_do_console(struct mount_setup *setup, int slave_fd, struct error *err);
/*
 * Makes the root "/". Afterwards the host's tree is gone from this namespace; with no_pivot it is there still, below the root and out
 * of reach, without any proc or sysfs. @proc_fd: the host's /proc.
 */
int mount_do_pivot(struct mount_setup *setup, int proc_fd, struct error *err);
/* readonlyPaths, maskedPaths, then root.readonly; after the pivot, before privileges go. */
int mount_do_restrict(struct mount_setup *setup, struct error *err);
/* Closes what is left open; nothing can be done with @setup afterwards. */
void mount_close(struct mount_setup *setup);
