/* SPDX-License-Identifier: Apache-2.0 */

/* Device nodes (config-linux.md "Default Devices") and links (runtime-linux.md "Dev symbolic links"). */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "mount/internal.h"
#include "spec/place.h"
#include "syscall/mount.h"
#include "syscall/open.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/log.h"
#include "util/path.h"

/* Numbers from the kernel's Documentation/admin-guide/devices.txt. */
static const struct spec_device default_devices[] = {
	{ "/dev/null", 'c', 1, 3, 0666, 0, 0 },	   { "/dev/zero", 'c', 1, 5, 0666, 0, 0 },
	{ "/dev/full", 'c', 1, 7, 0666, 0, 0 },	   { "/dev/random", 'c', 1, 8, 0666, 0, 0 },
	{ "/dev/urandom", 'c', 1, 9, 0666, 0, 0 }, { "/dev/tty", 'c', 5, 0, 0666, 0, 0 },
};

static const struct {
	const char *name, *target;
} links[] = {
	{ "fd", "/proc/self/fd" },
	{ "stdin", "/proc/self/fd/0" },
	{ "stdout", "/proc/self/fd/1" },
	{ "stderr", "/proc/self/fd/2" },
};

const char *mount_device_path(const struct spec *spec, size_t index)
{
	if (index < ARRAY_LEN(default_devices))
		return default_devices[index].path;
	index -= ARRAY_LEN(default_devices);
	return index < spec->devices_len ? spec->devices[index].path : NULL;
}

static mode_t file_type(const struct spec_device *device)
{
	return device->type == 'b' ? S_IFBLK : device->type == 'p' ? S_IFIFO : S_IFCHR;
}

static bool is_device(const struct stat *st, const struct spec_device *device)
{
	if ((st->st_mode & S_IFMT) != file_type(device))
		return false;
	return device->type == 'p' || st->st_rdev == makedev(device->major, device->minor);
}

void mount_node_name(size_t index, char name[MOUNT_NODE_NAME_MAX])
{
	snprintf(name, MOUNT_NODE_NAME_MAX, ":%zu", index);
}

void mount_add_nodes(int fd, const struct spec *spec, const struct mount_owner *owners)
{
	const mode_t old = umask(0);

	for (size_t i = 0; i < spec->devices_len; i++) {
		const struct spec_device *device = &spec->devices[i];
		char name[MOUNT_NODE_NAME_MAX];

		if (device->type == 'p')
			continue;
		mount_node_name(i, name);
		if (mknodat(fd, name, file_type(device) | device->mode,
			    makedev(device->major, device->minor)) == 0 &&
		    owners && fchownat(fd, name, owners[i].uid, owners[i].gid, AT_SYMLINK_NOFOLLOW) < 0)
			unlinkat(fd, name, 0);
	}
	umask(old);
}

/* ---- where it goes ------------------------------------------------------------------------------------- */

struct place {
	int dir_fd; /* owned by the function that declares the place */
	const char *name;
	bool own; /* false: a directory of the host, where nothing is made or changed */
};

/* Opens the deepest directory on the way to @path that exists. */
static int open_ancestor(int root_fd, const char *path)
{
	char parent[PATH_MAX];
	int fd = -ENOENT;

	if (snprintf(parent, sizeof(parent), "%s", path) >= (int)sizeof(parent))
		return -ENAMETOOLONG;
	while (fd == -ENOENT) {
		char *slash = strrchr(parent, '/');

		if (!slash)
			return open_in_root(root_fd, "/", O_PATH | O_DIRECTORY);
		*slash = '\0';
		fd = open_in_root(root_fd, parent, O_PATH | O_DIRECTORY);
	}
	return fd;
}

/* Makes missing directories, but only in the container's own mounts. */
static int open_place(const struct mount_setup *setup, const char *path, struct place *ret)
{
	auto_close int ancestor_fd = open_ancestor(setup->root_fd, path);

	if (ancestor_fd < 0)
		return ancestor_fd;
	ret->dir_fd = open_parent_in_root(setup->root_fd, path, mount_is_own(setup, ancestor_fd), &ret->name);
	if (ret->dir_fd < 0)
		return ret->dir_fd;
	ret->own = mount_is_own(setup, ret->dir_fd);
	return 0;
}

/* ---- nodes --------------------------------------------------------------------------------------------- */

/* Opens the file that a node is mounted on, and makes it if it is absent. */
static int open_placeholder(const struct place *place)
{
	int fd = openat(place->dir_fd, place->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			0666);

	if (fd >= 0)
		close(fd);
	fd = openat(place->dir_fd, place->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int restrict_node(int tree_fd)
{
	return sys_mount_setattr(tree_fd, "", AT_EMPTY_PATH, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, 0, 0, -1);
}

/*
 * Binds the host's node, if it is the same device, where mknod(2) is not allowed: in a user namespace,
 * or by a device cgroup around krun.
 */
static int bind_host_node(const struct place *place, const struct spec_device *device)
{
	auto_close int tree_fd = sys_open_tree(AT_FDCWD, device->path, OPEN_TREE_CLONE);
	auto_close int target_fd = -1;
	struct stat st;
	int r;

	if (tree_fd < 0)
		return tree_fd;
	if (fstat(tree_fd, &st) < 0 || !is_device(&st, device))
		return -ENODEV;
	r = restrict_node(tree_fd);
	if (r < 0)
		return r;
	target_fd = open_placeholder(place);
	return target_fd < 0 ? target_fd : mount_attach(tree_fd, target_fd);
}

/*
 * Binds a node of the tmpfs of mount_make_nodes(). Only an attached mount can be copied, so the tmpfs is
 * attached on the root for as long as devices are made.
 */
static int bind_made_node(struct mount_setup *setup, const char *name, int target_fd)
{
	auto_close int tree_fd = -1;
	int r = 0;

	if (setup->nodes_fd < 0)
		r = setup->nodes_fd = mount_make_nodes(setup->devices, setup->devices_len);
	if (r >= 0 && !setup->nodes_attached)
		r = mount_attach(setup->nodes_fd, setup->root_fd);
	if (r < 0)
		return r;
	setup->nodes_attached = true;
	tree_fd = sys_open_tree(setup->nodes_fd, name, OPEN_TREE_CLONE);
	return tree_fd < 0 ? tree_fd : mount_attach(tree_fd, target_fd);
}

/* Returns 0 if the right node exists, -ENOENT if nothing does, -EEXIST for anything else. */
static int check_existing(const struct place *place, const struct spec_device *device)
{
	struct stat st;

	if (fstatat(place->dir_fd, place->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return is_device(&st, device) ? 0 : -EEXIST;
}

/*
 * Returns whether there is an empty file, which an earlier container on this root has left as a mount
 * point.
 */
static bool is_placeholder(const struct place *place)
{
	struct stat st;

	return fstatat(place->dir_fd, place->name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
	       st.st_size == 0;
}

/* Tries mknod(2) on a detached tmpfs. */
static bool may_make_nodes(void)
{
	const struct mount_extra_device null = { .path = "/null", .major = 1, .minor = 3, .mode = 0600 };
	auto_close int fd = mount_make_nodes(&null, 1);

	return fd >= 0;
}

/* Binds the node that the parent has made for a device of config.json, or else the host's. */
static int bind_node(struct mount_setup *setup, const struct place *place, const struct spec_device *device)
{
	const struct spec *spec = setup->spec;
	const bool configured = device >= spec->devices && device < spec->devices + spec->devices_len;
	char name[MOUNT_NODE_NAME_MAX];
	int r = -ENOENT;

	if (setup->nodes_fd >= 0 && configured) {
		auto_close int target_fd = open_placeholder(place);

		mount_node_name((size_t)(device - spec->devices), name);
		r = target_fd < 0 ? target_fd : bind_made_node(setup, name, target_fd);
	}
	return r == -ENOENT ? bind_host_node(place, device) : r;
}

static int make_bound_node(struct mount_setup *setup, const struct place *place,
			   const struct spec_device *device)
{
	int r = check_existing(place, device);

	return r == -ENOENT || (r == -EEXIST && is_placeholder(place)) ? bind_node(setup, place, device) : r;
}

static int make_node(struct mount_setup *setup, const struct place *place, const struct spec_device *device)
{
	const dev_t number = device->type == 'p' ? 0 : makedev(device->major, device->minor);

	log_debug("device '%s': %c %u:%u%s", device->path, device->type, (unsigned int)device->major,
		  (unsigned int)device->minor, place->own ? "" : ", which is the host's");
	if (!place->own)
		return check_existing(place, device);
	if (setup->user_namespace && device->type != 'p')
		return make_bound_node(setup, place, device);
	if (mknodat(place->dir_fd, place->name, file_type(device) | device->mode, number) < 0) {
		if (errno == EPERM || (errno == EEXIST && is_placeholder(place) && !may_make_nodes()))
			return bind_host_node(place, device);
		return errno == EEXIST ? check_existing(place, device) : -errno;
	}
	if ((device->uid || device->gid) &&
	    fchownat(place->dir_fd, place->name, device->uid, device->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

static int refuse_device(const char *path, bool own, int r, struct error *err)
{
	if (r == -EEXIST)
		return error_set(err, r, "device '%s': something else is there already", path);
	if (r == -ENOENT && !own)
		return error_set(
			err, r,
			"device '%s' does not exist, and krun makes nothing in its directory, which is the "
			"host's: create the device on the host, or remove the mount of the directory",
			path);
	return error_sys(err, r, "make device '%s'", path);
}

static int make_configured(struct mount_setup *setup, const struct spec_device *device, struct error *err)
{
	struct place place = { .dir_fd = -1 };
	int r;

	/* A mount on this path would hide the node. */
	if (spec_mount_at(setup->spec, device->path))
		return 0;
	r = open_place(setup, device->path, &place);
	if (r == 0)
		r = make_node(setup, &place, device);
	cleanup_close(&place.dir_fd);
	return r < 0 ? refuse_device(device->path, place.own, r, err) : 0;
}

/* Returns whether config.json has a device or a mount at @path, which then replaces the default. */
static bool is_configured(const struct spec *spec, const char *path)
{
	for (size_t i = 0; i < spec->devices_len; i++)
		if (path_is_same_place(spec->devices[i].path, path))
			return true;
	return spec_mount_at(spec, path);
}

static int make_defaults(struct mount_setup *setup, int dev_fd, struct error *err)
{
	for (size_t i = 0; i < ARRAY_LEN(default_devices); i++) {
		const struct spec_device *device = &default_devices[i];
		const struct place place = { dev_fd, device->path + strlen("/dev/"), true };
		int r = is_configured(setup->spec, device->path) ? 0 : make_node(setup, &place, device);

		if (r < 0)
			return refuse_device(device->path, true, r, err);
	}
	return 0;
}

/* ---- krun's own devices -------------------------------------------------------------------------------- */

/*
 * Makes sure that the payload's user can open the node: changes the mode of the container's own node,
 * and mounts another node over one of the host's.
 */
static int open_to_user(struct mount_setup *setup, const struct place *place,
			const struct mount_extra_device *device)
{
	auto_close int fd = openat(place->dir_fd, place->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if ((st.st_mode & device->mode) == device->mode)
		return 0;
	if (mount_is_own(setup, fd))
		return chmod_fd(fd, device->mode);
	/* Without the right to make nodes, in a user namespace, the host's node has to do. */
	if (setup->user_namespace && setup->nodes_fd < 0)
		return 0;
	r = bind_made_node(setup, strrchr(device->path, '/') + 1, fd);
	return r == -EPERM ? 0 : r;
}

static int make_extra(struct mount_setup *setup, const struct mount_extra_device *extra, struct error *err)
{
	const struct spec_device device = {
		.path = extra->path,
		.type = 'c',
		.major = extra->major,
		.minor = extra->minor,
		.mode = extra->mode,
	};
	struct place place = { .dir_fd = -1 };
	int r = open_place(setup, extra->path, &place);

	if (r == 0)
		r = make_node(setup, &place, &device);
	/* A node that existed before may have another mode. */
	if (r == 0)
		r = open_to_user(setup, &place, extra);
	cleanup_close(&place.dir_fd);
	return r < 0 ? refuse_device(extra->path, place.own, r, err) : 0;
}

/* ---- links --------------------------------------------------------------------------------------------- */

static int make_links(const struct mount_setup *setup, int dev_fd, struct error *err)
{
	struct stat st;

	for (size_t i = 0; i < ARRAY_LEN(links); i++)
		if (symlinkat(links[i].target, dev_fd, links[i].name) < 0 && errno != EEXIST)
			return error_sys(err, -errno, "make link '/dev/%s'", links[i].name);
	if (is_configured(setup->spec, "/dev/ptmx") || symlinkat("pts/ptmx", dev_fd, "ptmx") == 0)
		return 0;
	if (errno != EEXIST)
		return error_sys(err, -errno, "make link '/dev/ptmx'");
	/* A node of the image would open a terminal of another devpts instance. */
	if (fstatat(dev_fd, "ptmx", &st, AT_SYMLINK_NOFOLLOW) < 0 || S_ISLNK(st.st_mode))
		return 0;
	if (unlinkat(dev_fd, "ptmx", 0) < 0 || symlinkat("pts/ptmx", dev_fd, "ptmx") < 0)
		return error_sys(err, -errno, "replace '/dev/ptmx' by a link");
	return 0;
}

static int make_all(struct mount_setup *setup, int dev_fd, struct error *err)
{
	const bool own = mount_is_own(setup, dev_fd);
	int r = own ? make_defaults(setup, dev_fd, err) : 0;

	for (size_t i = 0; r == 0 && i < setup->spec->devices_len; i++)
		r = make_configured(setup, &setup->spec->devices[i], err);
	for (size_t i = 0; r == 0 && i < setup->devices_len; i++)
		r = make_extra(setup, &setup->devices[i], err);
	return r < 0 || !own ? r : make_links(setup, dev_fd, err);
}

/*
 * Makes /dev if it is absent. A dangling link of the image is refused, because it would decide where
 * things are made.
 */
static int open_dev(const struct mount_setup *setup)
{
	auto_close int fd = open_in_root(setup->root_fd, "/dev", O_PATH | O_DIRECTORY);
	auto_close int link_fd = -1;

	if (fd != -ENOENT)
		return take_fd(&fd);
	link_fd = open_in_root_nofollow(setup->root_fd, "/dev", O_PATH);
	if (link_fd != -ENOENT)
		return link_fd < 0 ? link_fd : -ELOOP;
	return open_in_root_make(setup->root_fd, "/dev", OPEN_MAKE_DIRECTORY, 0755, NULL);
}

int mount_do_devices(struct mount_setup *setup, struct error *err)
{
	auto_close int dev_fd = open_dev(setup);
	mode_t old;
	int r;

	if (dev_fd < 0)
		return error_sys(err, dev_fd, "open the container's '/dev'");
	old = umask(0);
	r = make_all(setup, dev_fd, err);
	umask(old);
	/* Hooks, which run next, must not find the tmpfs. */
	if (r == 0 && setup->nodes_attached && (fchdir(setup->nodes_fd) < 0 || umount2(".", MNT_DETACH) < 0))
		return error_sys(err, -errno, "unmount the tmpfs of device nodes from the root");
	return r;
}

/* ---- the console --------------------------------------------------------------------------------------- */

/* Opens the mount point for /dev/console. -ENOENT: /dev is the host's, has none, and does not get one. */
static int open_console(const struct mount_setup *setup)
{
	auto_close int dev_fd = open_dev(setup);
	auto_close int fd = -1;
	struct stat st;
	bool own;

	if (dev_fd < 0)
		return dev_fd;
	own = mount_is_own(setup, dev_fd);
	/* A link of the image is replaced, because the console must not be mounted where it leads. */
	if (fstatat(dev_fd, "console", &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode)) {
		if (!own)
			return -ENOENT;
		if (unlinkat(dev_fd, "console", 0) < 0)
			return -errno;
	}
	if (own) {
		fd = openat(dev_fd, "console", O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_WRONLY, 0600);
		if (fd < 0 && errno != EEXIST)
			return -errno;
		cleanup_close(&fd);
	}
	fd = openat(dev_fd, "console", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	return S_ISLNK(st.st_mode) ? -ELOOP : take_fd(&fd);
}

int mount_do_console(struct mount_setup *setup, int slave_fd, struct error *err)
{
	auto_close int target_fd = open_console(setup);
	auto_close int tree_fd = -1;
	int r;

	if (target_fd == -ENOENT)
		return 0;
	if (target_fd < 0)
		return error_sys(err, target_fd, "open the container's '/dev/console'");
	tree_fd = mount_clone_fd(slave_fd, false);
	r = tree_fd < 0 ? tree_fd : restrict_node(tree_fd);
	if (r == 0)
		r = mount_attach(tree_fd, target_fd);
	return r < 0 ? error_sys(err, r, "mount the terminal on '/dev/console'") : 0;
}
