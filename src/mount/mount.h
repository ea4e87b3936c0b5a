/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The container's file system tree, from plan to mounts. The parent makes a struct mount_setup on the
 * host and opens every source there: bind sources and the root as detached mounts (open_tree(2) with
 * OPEN_TREE_CLONE, Linux 5.2). So sources that only the host can see work inside a user namespace, too.
 * The child inherits the setup by the clone and carries it out with the mount_do_*() calls, in the order
 * of init/steps.c: in its new mount namespace, with the capabilities of its user namespace.
 *
 * The child looks up host paths only before the pivot: sources that the parent may not copy (late.c),
 * device nodes (devices.c), /sys in a user namespace that may not mount sysfs (apply.c), and mounts to
 * hide when there is no pivot (hide.c).
 *
 * Inside the root every path is opened with openat2(2) and RESOLVE_IN_ROOT (syscall/open.h), and only
 * the fd is used: the rootfs is hostile.
 *
 * Functions return 0 or a negative errno, and those that take @err describe each failure in it.
 */

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

struct error;
struct fd_list;
struct file_id;
struct spec;
struct mount_setup;

/*
 * A mount of krun's own, attached after the bundle's mounts: a host file or directory, read-only, or
 * (with @fd -1) an empty directory. The latter is a tmpfs of 64 KiB for a few sockets, never for a
 * user's data.
 */
struct mount_extra_file {
	/* O_PATH fd on the host, borrowed until mount_setup_make() returns; -1: an empty directory */
	int fd;
	bool is_tree; /* @fd is a detached mount of it, from mount_file_tree_mapped() */
	const char *destination;
	bool is_directory; /* then it is mounted noexec */
	/*
	 * Owner of an empty directory: ids of the host, or of the container when the parent is
	 * unprivileged.
	 */
	uid_t uid;
	gid_t gid;
};

/* A device node beyond the default ones and linux.devices. */
struct mount_extra_device {
	int fd; /* O_PATH fd of the host's node, borrowed as above */
	const char *path;
	unsigned int major, minor;
	mode_t mode; /* permission bits of a node that krun makes */
};

/* Owner of a device node, in ids of the host. */
struct mount_owner {
	uid_t uid;
	gid_t gid;
};

struct mount_request {
	const struct spec *spec; /* borrowed for the life of the setup */
	/* User namespace fd of each mount of the spec, -1: no id map. Borrowed until the mounts are made. */
	const int *idmap_fds;
	const char *bundle; /* absolute path, to recognize sources below the root */
	int bundle_fd;	    /* fd; relative sources and root.path start here */
	bool new_userns;    /* the child runs in a new or joined user namespace: devices are bind mounts */
	bool unprivileged;  /* krun runs as an ordinary user: only the child may copy sources */
	bool no_pivot;	    /* move_mount(2) and chroot(2) instead of pivot_root(2) */
	bool has_cgroupns;  /* the container gets its own cgroup namespace */
	int cgroup_dir_fd;  /* without one: what mounts of type "cgroup" show; -1: /sys/fs/cgroup */
	const struct mount_extra_file *files;
	size_t files_len;
	const struct mount_extra_device *devices;
	size_t devices_len;
	/* Owner of each of linux.devices, for a new user namespace; NULL: the host's root. */
	const struct mount_owner *owners;
};

/* The root's directory and its names, to recognize paths below it. */
struct mount_roots {
	const char *bundle;	   /* absolute, borrowed */
	char configured[PATH_MAX]; /* as config.json says it */
	char found[PATH_MAX];	   /* as the kernel resolved it */
	struct stat place;
};

/* What the child asks of its parent during mount_do_mounts(). */
struct mount_parent {
	/* Returns the fd of mount_setup_copy_again(), sent over the sync socket. */
	int (*copy_again)(void *data, size_t index, struct error *err);
	/* Enters the container's network namespace, if that is still to be done. */
	int (*network)(void *data, struct error *err);
	void *data;
};

/* ---- plan.c -------------------------------------------------------------------------------------------- */

/*
 * Pure, for `validate`: -EINVAL for mounts of config.json that cannot be made whatever the host has, and for
 * a device in one where no device can be made.
 */
int mount_check(const struct spec *spec, bool has_cgroupns, struct error *err);

/* ---- setup.c ------------------------------------------------------------------------------------------- */

/*
 * For a running container: like mount_setup_make(), but only the mounts of the spec. A process that has
 * entered the container's mount (and user) namespace then calls mount_enter() or mount_do_remove().
 */
int mount_setup_make_for_running(const struct mount_request *request, struct mount_setup **ret,
				 struct error *err);

/*
 * Opens everything. A missing source or rootfs is an error that names it. Parent, before the clone; *ret
 * is released with mount_setup_free().
 */
int mount_setup_make(const struct mount_request *request, struct mount_setup **ret, struct error *err);
void mount_setup_free(struct mount_setup *setup);
/* Identifies the root's directory; all zero if it cannot be determined. */
struct file_id mount_setup_root(const struct mount_setup *setup);
/*
 * Changes to the root's directory, in the process that clones the child and right before it does. The
 * copy of a mount namespace translates the working directory (copy_mnt_ns() in fs/namespace.c), so the
 * child stands in the directory as its own namespace has it, and needs no right to search the path. A
 * directory that the parent may not enter (EACCES) is no failure: the child then opens it by its path.
 */
int mount_setup_stand(struct mount_setup *setup);

/* Adds every fd that the child needs to @list. After mount_setup_stand(). -ENOMEM. */
int mount_setup_descriptors(const struct mount_setup *setup, struct fd_list *list);

/* Closes every fd of @setup; only mount_setup_free() may follow. */
void mount_close(struct mount_setup *setup);

/* ---- live.c -------------------------------------------------------------------------------------------- */

int mount_enter(struct mount_setup *setup, struct error *err);
/*
 * Returns a detached, private mount (nosuid, nodev, noexec) of the file @fd, for mount_enter_file().
 * Parent; the caller closes it.
 */
int mount_file_tree(int fd, struct error *err);
/*
 * Returns a detached mount of @fd with the id map of user namespace @userns_fd, or a negative errno: not
 * every file system supports that (EINVAL). Needs CAP_SYS_ADMIN in the user namespaces of the file
 * system and of the map (mount_setattr(2)).
 */
int mount_file_tree_mapped(int fd, int userns_fd);
/* Attaches @tree_fd on @path, which is made as an empty file when it is absent. Inside the container. */
int mount_enter_file(int tree_fd, const char *path, struct error *err);
/* Unmounts @path and removes the file it was mounted on. @proc_fd: the host's /proc. Inside the container. */
int mount_do_remove_file(const char *path, int proc_fd, struct error *err);
/* Makes the root of a restored container read-only. Inside the container. */
int mount_enter_root_readonly(struct error *err);
/*
 * Unmounts each destination of @spec, the last one first. @proc_fd: the host's /proc. Inside the
 * container.
 */
int mount_do_remove(const struct spec *spec, int proc_fd, struct error *err);

/* ---- inside.c ------------------------------------------------------------------------------------------ */

/* @place_fd: the root's directory. A negative errno if one of the names cannot be determined. */
int mount_roots_find(const struct spec *spec, const char *bundle, int place_fd, struct mount_roots *ret);
/*
 * Returns 1 with the part below it in @rest if @source lies below the root, 0 if it does not, or the errno
 * with which that cannot be said. A source below the root is looked up in the root, after the earlier mounts
 * were made.
 */
int mount_source_inside(const struct mount_roots *roots, const char *source, char *rest, size_t size);

/* ---- apart.c ------------------------------------------------------------------------------------------- */

/*
 * Returns another detached copy of the @index-th mount of the spec, which the caller closes. The child
 * asks for it when the kernel refuses to attach the first one because a mount namespace older than the
 * child's is mounted in it (ELOOP, apart.c). -ESTALE: the source has been replaced meanwhile. Parent.
 */
int mount_setup_copy_again(const struct mount_setup *setup, size_t index, struct error *err);

/* ---- late.c -------------------------------------------------------------------------------------------- */

/*
 * Opens the root's directory and copies what only the child may copy. It runs with the caller's ids and
 * groups, before anything is attached. The working directory must stay what it was at the clone until
 * mount_do_rootfs() is done.
 */
int mount_do_sources(struct mount_setup *setup, struct error *err);

/* ---- rootfs.c ------------------------------------------------------------------------------------------ */

/* Makes all mounts of the namespace recursive slaves, so that none of the next ones reach the host. */
int mount_do_propagation(struct mount_setup *setup, struct error *err);
/* Attaches the root on its own directory. mount_root_fd() returns its fd, which @setup owns. */
int mount_do_rootfs(struct mount_setup *setup, struct error *err);
int mount_root_fd(const struct mount_setup *setup);

/*
 * Attaches everything in spec.mounts, in order, then the extra files. @parent: NULL if nobody can be
 * asked.
 */
int mount_do_mounts(struct mount_setup *setup, const struct mount_parent *parent, struct error *err);

/*
 * Makes the root "/". Afterwards the host's tree is gone from this mount namespace; with no_pivot it
 * stays below the root, out of reach and without any proc or sysfs. @proc_fd: the host's /proc.
 */
int mount_do_pivot(struct mount_setup *setup, int proc_fd, struct error *err);

/* ---- devices.c ----------------------------------------------------------------------------------------- */

/* Returns the path of the @index-th of the default devices and linux.devices; NULL after the last. Pure. */
const char *mount_device_path(const struct spec *spec, size_t index);
/*
 * Makes the default devices, linux.devices, the extra devices, and the links fd, stdin, stdout, stderr
 * and ptmx (config-linux.md, "Default Devices"; runtime-linux.md, "Dev symbolic links"). When /dev is a
 * directory of the host nothing is made in it: a configured device that is missing there is an error.
 */
int mount_do_devices(struct mount_setup *setup, struct error *err);
/*
 * Binds the pty slave @slave_fd on /dev/console. Only with a terminal, and before the pivot. Does
 * nothing when /dev is the host's and has no console.
 */
int mount_do_console(struct mount_setup *setup, int slave_fd, struct error *err);

/* ---- restrict.c ---------------------------------------------------------------------------------------- */

/*
 * Applies read-only mounts that had to wait, readonlyPaths, maskedPaths, rootfsPropagation and
 * root.readonly. After the pivot, before capabilities are dropped.
 */
int mount_do_restrict(struct mount_setup *setup, struct error *err);
