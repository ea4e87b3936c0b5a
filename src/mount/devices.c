/* SPDX-License-Identifier: Apache-2.0 */

/* Device nodes and links, config-linux.md "Default Devices", "Dev symbolic links". */

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "mount/internal.h"
#include "syscall/mount.h"
#include "syscall/open.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/error.h"

/* Numbers: the kernel's devices.txt. */
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

/* Where mknod(2) is not for us (user namespaces, a device cgroup around us): the host's node, if it is the same device. */
static int bind_host_node(int dir_fd, const char *name, const struct spec_device *device)
{
	auto_close int tree_fd = sys_open_tree(AT_FDCWD, device->path, OPEN_TREE_CLONE);
	auto_close int target_fd = -1;
	struct stat st;
	int fd;

	if (tree_fd < 0)
		return tree_fd;
	if (fstat(tree_fd, &st) < 0 || !is_device(&st, device))
		return -ENODEV;
	fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (fd >= 0)
		close(fd);
	target_fd = openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (target_fd < 0)
		return -errno;
	return mount_attach(tree_fd, target_fd);
}

/* A node that is there already: the right one stays. @mode: permission bits that it has to have, 0 for any. */
static int check_existing(int dir_fd, const char *name, const struct spec_device *device, mode_t mode)
{
	auto_close int fd = openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	char path[32];
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!is_device(&st, device))
		return -EEXIST;
	if ((st.st_mode & mode) == mode)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return chmod(path, mode) < 0 ? -errno : 0;
}

static int make_node(const struct mount_setup *setup, int dir_fd, const char *name,
		     const struct spec_device *device, mode_t needed)
{
	dev_t number = device->type == 'p' ? 0 : makedev(device->major, device->minor);

	if (setup->user_namespace && device->type != 'p') {
		int r = check_existing(dir_fd, name, device, 0);

		return r == 0 ? 0 : bind_host_node(dir_fd, name, device);
	}
	if (mknodat(dir_fd, name, file_type(device) | device->mode, number) < 0) {
		if (errno == EEXIST)
			return check_existing(dir_fd, name, device, needed);
		if (errno == EPERM)
			return bind_host_node(dir_fd, name, device);
		return -errno;
	}
	if ((device->uid || device->gid) &&
	    fchownat(dir_fd, name, device->uid, device->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

/* Most nodes are right in /dev, which is opened once. */
static int make_device(const struct mount_setup *setup, int dev_fd, const struct spec_device *device,
		       mode_t needed, struct error *err)
{
	const char *name = device->path;
	auto_close int other_fd = -1;
	int r;

	if (strncmp(name, "/dev/", 5) == 0 && name[5] && !strchr(name + 5, '/')) {
		r = make_node(setup, dev_fd, name + 5, device, needed);
	} else {
		other_fd = open_parent_in_root(setup->root_fd, name, true, &name);
		r = other_fd < 0 ? other_fd : make_node(setup, other_fd, name, device, needed);
	}
	if (r == -EEXIST)
		return error_set(err, r, "device '%s': something else is there already", device->path);
	return r < 0 ? error_sys(err, r, "make device '%s'", device->path) : 0;
}

/* /dev of the host, given by a bind: its nodes are not ours to change. */
static bool has_host_dev(const struct mount_setup *setup)
{
	bool bind = false;

	for (size_t i = 0; i < setup->plan.len; i++)
		if (strcmp(setup->plan.entries[i].destination, "/dev") == 0)
			bind = setup->plan.entries[i].kind == MOUNT_BIND;
	return bind;
}

static int make_links(const struct mount_setup *setup, int dev_fd, struct error *err)
{
	struct stat st;

	for (size_t i = 0; i < ARRAY_LEN(links); i++)
		if (symlinkat(links[i].target, dev_fd, links[i].name) < 0 && errno != EEXIST)
			return error_sys(err, -errno, "make link '/dev/%s'", links[i].name);
	if (symlinkat("pts/ptmx", dev_fd, "ptmx") == 0)
		return 0;
	if (errno != EEXIST)
		return error_sys(err, -errno, "make link '/dev/ptmx'");
	/* A node of the image would open a terminal of the first devpts instance, not of the container's. */
	if (has_host_dev(setup) || fstatat(dev_fd, "ptmx", &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    S_ISLNK(st.st_mode))
		return 0;
	if (unlinkat(dev_fd, "ptmx", 0) < 0 || symlinkat("pts/ptmx", dev_fd, "ptmx") < 0)
		return error_sys(err, -errno, "replace '/dev/ptmx' by a link");
	return 0;
}

/* A node of setup.c's make_nodes(). Its tmpfs goes over the host's /sys, which the pivot takes away with the rest. */
static int bind_made_node(struct mount_setup *setup, const struct mount_extra_device *device,
			  struct error *err)
{
	auto_close int tree_fd = -1;
	auto_close int target_fd = -1;
	char path[64];
	int r = 0;

	if (!setup->nodes_attached)
		r = sys_move_mount(setup->nodes_fd, "", AT_FDCWD, "/sys", MOVE_MOUNT_F_EMPTY_PATH);
	setup->nodes_attached = true;
	snprintf(path, sizeof(path), "/sys%s", strrchr(device->path, '/'));
	if (r == 0)
		r = tree_fd = sys_open_tree(AT_FDCWD, path, OPEN_TREE_CLONE);
	if (r >= 0)
		r = target_fd = open_in_root_make(setup->root_fd, device->path, OPEN_MAKE_FILE, 0666, NULL);
	if (r >= 0)
		r = mount_attach(tree_fd, target_fd);
	return r < 0 ? error_sys(err, r, "make device '%s'", device->path) : 0;
}

static int make_all(struct mount_setup *setup, int dev_fd, struct error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(default_devices); i++)
		r = make_device(setup, dev_fd, &default_devices[i], 0, err);
	for (size_t i = 0; r == 0 && i < setup->spec->devices_len; i++)
		r = make_device(setup, dev_fd, &setup->spec->devices[i], 0, err);
	for (size_t i = 0; r == 0 && i < setup->devices_len; i++) {
		const struct mount_extra_device *extra = &setup->devices[i];
		const struct spec_device device = {
			.path = extra->path,
			.type = 'c',
			.major = extra->major,
			.minor = extra->minor,
			.mode = extra->mode,
		};

		if (setup->nodes_fd >= 0) {
			r = bind_made_node(setup, extra, err);
			continue;
		}
		/* A node that config.json made has the host's mode; the payload's user has to be able to open it. */
		r = make_device(setup, dev_fd, &device, has_host_dev(setup) ? 0 : extra->mode, err);
	}
	return r < 0 ? r : make_links(setup, dev_fd, err);
}

int mount_do_devices(struct mount_setup *setup, struct error *err)
{
	auto_close int dev_fd = open_in_root_make(setup->root_fd, "/dev", OPEN_MAKE_DIRECTORY, 0755, NULL);
	mode_t old;
	int r;

	if (dev_fd < 0)
		return error_sys(err, dev_fd, "open the container's '/dev'");
	old = umask(0);
	r = make_all(setup, dev_fd, err);
	umask(old);
	return r;
}

int mount_do_console(struct mount_setup *setup, int slave_fd, struct error *err)
{
	auto_close int target_fd =
		open_in_root_make(setup->root_fd, "/dev/console", OPEN_MAKE_FILE, 0600, NULL);
	auto_close int tree_fd = -1;
	int r;

	if (target_fd < 0)
		return error_sys(err, target_fd, "open the container's '/dev/console'");
	tree_fd = mount_clone_fd(slave_fd, false);
	r = tree_fd < 0 ? tree_fd : mount_attach(tree_fd, target_fd);
	return r < 0 ? error_sys(err, r, "mount the terminal on '/dev/console'") : 0;
}
