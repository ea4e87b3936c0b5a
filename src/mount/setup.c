/* SPDX-License-Identifier: Apache-2.0 */

/* The parent's part: opens every source on the host. */

#include "mount/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "mount/internal.h"
#include "syscall/mount.h"
#include "syscall/open.h"
#include "syscall/process.h"
#include "util/cleanup.h"
#include "util/error.h"

int mount_clone_fd(int fd, bool recursive)
{
	return sys_open_tree(fd, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | (recursive ? AT_RECURSIVE : 0));
}

int mount_idmap_tree(int tree_fd, const struct mount_entry *entry, struct error *err)
{
	const unsigned int recursive = entry->options->idmap_recursive ? AT_RECURSIVE : 0;
	int r = 0;

	if (entry->idmap_fd >= 0)
		r = sys_mount_setattr(tree_fd, "", AT_EMPTY_PATH | recursive, MOUNT_ATTR_IDMAP, 0, 0,
				      entry->idmap_fd);
	if (r == -EINVAL)
		return error_set(err, r, "map the ids of mount '%s': its file system (%s) does not allow it",
				 entry->destination, entry->type);
	return r < 0 ? error_sys(err, r, "map the ids of mount '%s'", entry->destination) : 0;
}

int mount_read_link(int fd, struct mount_entry *entry, struct error *err)
{
	char text[PATH_MAX];
	ssize_t n = readlinkat(fd, "", text, sizeof(text) - 1);

	if (n < 0)
		return error_sys(err, -errno, "read link '%s'", entry->source);
	text[n] = '\0';
	entry->link = strdup(text);
	return entry->link ? 0 : error_oom(err);
}

int mount_open_source(int bundle_fd, const struct mount_entry *entry)
{
	const bool nofollow = entry->options->source_nofollow || entry->options->copy_symlink;
	int fd = openat(bundle_fd, entry->source, O_PATH | O_CLOEXEC | (nofollow ? O_NOFOLLOW : 0));

	return fd < 0 ? -errno : fd;
}

static int open_bind(const struct mount_setup *setup, struct mount_entry *entry, struct error *err)
{
	const bool recursive = entry->options->recursive_bind;
	auto_close int fd = mount_open_source(setup->bundle_fd, entry);
	struct stat st;
	int r = fd < 0 ? fd : fstat(fd, &st) < 0 ? -errno : 0;

	if (r < 0)
		return error_sys(err, r, "mount source '%s' for '%s'", entry->source, entry->destination);
	if (S_ISLNK(st.st_mode) && entry->options->copy_symlink)
		return mount_read_link(fd, entry, err);
	entry->is_directory = S_ISDIR(st.st_mode);
	if (setup->late) {
		entry->tree_fd = take_fd(&fd);
		return 0;
	}
	entry->tree_fd = setup->live && recursive && entry->is_directory ? mount_clone_apart(fd) :
									   mount_clone_fd(fd, recursive);
	if (entry->tree_fd < 0)
		return error_sys(err, entry->tree_fd, "copy mount source '%s' for '%s'", entry->source,
				 entry->destination);
	r = mount_idmap_tree(entry->tree_fd, entry, err);
	return r < 0 ? r : mount_configure_tree(entry->tree_fd, entry, err);
}

static int open_cgroup(const struct mount_setup *setup, const struct mount_request *request,
		       struct mount_entry *entry, struct error *err)
{
	auto_close int host_fd = -1;
	int fd = request->cgroup_dir_fd;

	if (fd < 0) {
		host_fd = open("/sys/fs/cgroup", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (host_fd < 0)
			return error_sys(err, -errno, "open '/sys/fs/cgroup'");
		fd = host_fd;
	}
	entry->is_directory = true;
	entry->propagation = MS_SLAVE;
	entry->propagation_recursive = true;
	if (setup->late) {
		entry->tree_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		return entry->tree_fd < 0 ? error_sys(err, -errno, "copy the cgroup's descriptor") : 0;
	}
	entry->tree_fd = mount_clone_fd(fd, true);
	if (entry->tree_fd < 0)
		return error_sys(err, entry->tree_fd, "copy the cgroup's mount for '%s'", entry->destination);
	return mount_configure_tree(entry->tree_fd, entry, err);
}

static int open_sources(struct mount_setup *setup, const struct mount_request *request, struct error *err)
{
	for (size_t i = 0; i < setup->plan.len; i++) {
		struct mount_entry *entry = &setup->plan.entries[i];
		int r = 0;

		entry->idmap_fd = request->idmap_fds ? request->idmap_fds[i] : -1;
		if (entry->kind == MOUNT_BIND && !entry->in_root)
			r = open_bind(setup, entry, err);
		else if (entry->kind == MOUNT_CGROUP_BIND)
			r = open_cgroup(setup, request, entry, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int open_root(struct mount_setup *setup, const struct mount_request *request, struct error *err)
{
	const char *path = request->spec->rootfs;
	auto_close int fd = openat(request->bundle_fd, path, O_PATH | O_CLOEXEC);
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return error_sys_at(err, -errno, "/root/path", "'%s'", path);
	if (!S_ISDIR(st.st_mode))
		return error_sys_at(err, -ENOTDIR, "/root/path", "'%s'", path);
	setup->place_fd = take_fd(&fd);
	if (setup->late)
		return 0;
	r = mount_copy_root(setup);
	/* EPERM: krun is root of a user namespace, in a mount namespace of a more privileged one. */
	setup->late = setup->root_fd == -EPERM;
	if (setup->late)
		return 0;
	return r < 0 ? error_sys(err, r, "copy the mount of rootfs '%s'", path) : 0;
}

int mount_own_directory(const struct mount_extra_file *file)
{
	char data[96];

	snprintf(data, sizeof(data), "mode=0700,size=64k,nr_inodes=64,uid=%u,gid=%u", file->uid, file->gid);
	return mount_new(&(struct mount_new_options){
		.type = "tmpfs",
		.source = "krun",
		.data = data,
		.attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
	});
}

int mount_restrict_file(int tree_fd, bool is_directory)
{
	return sys_mount_setattr(tree_fd, "", AT_EMPTY_PATH,
				 MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
					 (is_directory ? MOUNT_ATTR_NOEXEC : 0),
				 is_directory ? 0 : MOUNT_ATTR_NOEXEC, MS_PRIVATE, -1);
}

static int clone_file(const struct mount_extra_file *file)
{
	auto_close int fd =
		file->is_tree ? fcntl(file->fd, F_DUPFD_CLOEXEC, 3) : mount_clone_fd(file->fd, false);
	int r = fd < 0 ? fd : mount_restrict_file(fd, file->is_directory);

	return r < 0 ? r : take_fd(&fd);
}

/* Sets *ret_fd to -1 when the child makes the directory. */
static int open_extra_file(const struct mount_setup *setup, const struct mount_extra_file *file, int *ret_fd)
{
	*ret_fd = -1;
	if (!setup->late)
		*ret_fd = file->fd < 0 ? mount_own_directory(file) : clone_file(file);
	else if (file->fd < 0)
		return 0;
	else if ((*ret_fd = fcntl(file->fd, F_DUPFD_CLOEXEC, 3)) < 0)
		return -errno;
	return *ret_fd < 0 ? *ret_fd : 0;
}

static int open_extra_files(struct mount_setup *setup, const struct mount_request *request, struct error *err)
{
	for (size_t i = 0; i < request->files_len; i++) {
		const struct mount_extra_file *file = &request->files[i];
		struct mount_extra_tree tree = { .file = *file };
		int r = open_extra_file(setup, file, &tree.tree_fd);

		if (r < 0)
			return error_sys(err, r, file->fd < 0 ? "make '%s'" : "copy the mount of '%s'",
					 file->destination);
		setup->files[setup->files_len++] = tree;
	}
	return 0;
}

int mount_make_nodes(const struct mount_extra_device *devices, size_t len)
{
	auto_close int fd = mount_new(&(struct mount_new_options){
		.type = "tmpfs",
		.source = "krun",
		.data = "mode=0755,size=64k",
		.attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC,
	});
	mode_t old;
	int r = 0;

	if (fd < 0)
		return fd;
	old = umask(0);
	for (size_t i = 0; r == 0 && i < len; i++)
		if (mknodat(fd, strrchr(devices[i].path, '/') + 1, S_IFCHR | devices[i].mode,
			    makedev(devices[i].major, devices[i].minor)) < 0)
			r = -errno;
	umask(old);
	return r < 0 ? r : take_fd(&fd);
}

/*
 * A device node that is made in a user namespace cannot be opened, and the host's node may not be
 * accessible to the container's users. So nodes with the wanted mode are made here, on a tmpfs of the
 * host's user namespace, and the child binds them. If that fails, the child binds the host's nodes.
 */
static void make_nodes(struct mount_setup *setup, const struct mount_request *request)
{
	int fd;

	if (!request->new_userns || setup->late ||
	    (request->devices_len == 0 && request->spec->devices_len == 0))
		return;
	fd = mount_make_nodes(request->devices, request->devices_len);
	if (fd < 0)
		return;
	mount_add_nodes(fd, request->spec, request->owners);
	setup->nodes_fd = fd;
}

/* Returns NULL when memory runs out. */
static struct mount_setup *setup_new(const struct mount_request *request)
{
	struct mount_setup *setup = calloc(1, sizeof(*setup));

	if (!setup)
		return NULL;
	setup->spec = request->spec;
	setup->bundle_fd = request->bundle_fd;
	setup->user_namespace = request->new_userns;
	setup->no_pivot = request->no_pivot;
	setup->late = request->unprivileged;
	setup->place_fd = -1;
	setup->root_fd = -1;
	setup->nodes_fd = -1;
	return setup;
}

int mount_setup_make(const struct mount_request *request, struct mount_setup **ret, struct error *err)
{
	struct mount_setup *setup = setup_new(request);
	int r;

	if (!setup)
		return error_oom(err);
	if (request->files_len > MOUNT_EXTRA_FILES_MAX || request->devices_len > MOUNT_EXTRA_DEVICES_MAX)
		r = error_set(err, -E2BIG, "too many extra files or devices");
	else
		r = open_root(setup, request, err);
	if (r == 0)
		r = mount_plan_make(request->spec, request->has_cgroupns, &setup->plan, err);
	if (r == 0)
		r = mount_find_inside(setup, request->bundle, err);
	if (r == 0)
		r = open_sources(setup, request, err);
	if (r == 0)
		r = open_extra_files(setup, request, err);
	if (r < 0) {
		mount_setup_free(setup);
		return r;
	}
	make_nodes(setup, request);
	for (size_t i = 0; i < request->devices_len; i++)
		setup->devices[setup->devices_len++] = request->devices[i];
	*ret = setup;
	return 0;
}

int mount_setup_make_for_running(const struct mount_request *request, struct mount_setup **ret,
				 struct error *err)
{
	struct mount_setup *setup = setup_new(request);
	int r;

	if (!setup)
		return error_oom(err);
	setup->live = true;
	r = mount_plan_make(request->spec, request->has_cgroupns, &setup->plan, err);
	mount_plan_at_once(&setup->plan);
	if (r == 0)
		r = open_sources(setup, request, err);
	if (r < 0) {
		mount_setup_free(setup);
		return r;
	}
	*ret = setup;
	return 0;
}

struct file_id mount_setup_root(const struct mount_setup *setup)
{
	struct stat st;

	return fstat(setup->place_fd, &st) < 0 ? (struct file_id){ 0 } : file_id_of(&st);
}

int mount_setup_stand(struct mount_setup *setup)
{
	setup->in_place = fchdir(setup->place_fd) == 0;
	return setup->in_place || errno == EACCES ? 0 : -errno;
}

int mount_setup_descriptors(const struct mount_setup *setup, struct fd_list *list)
{
	int r = fd_list_add(list, setup->root_fd);

	if (r == 0 && !setup->in_place)
		r = fd_list_add(list, setup->place_fd);
	if (r == 0)
		r = fd_list_add(list, setup->nodes_fd);
	for (size_t i = 0; r == 0 && i < setup->plan.len; i++) {
		r = fd_list_add(list, setup->plan.entries[i].tree_fd);
		if (r == 0)
			r = fd_list_add(list, setup->plan.entries[i].idmap_fd);
	}
	for (size_t i = 0; r == 0 && i < setup->files_len; i++)
		r = fd_list_add(list, setup->files[i].tree_fd);
	return r;
}

void mount_close(struct mount_setup *setup)
{
	for (size_t i = 0; i < setup->files_len; i++)
		cleanup_close(&setup->files[i].tree_fd);
	for (size_t i = 0; i < setup->guards_len; i++)
		cleanup_close(&setup->guards[i].tree_fd);
	for (size_t i = 0; i < setup->plan.len; i++)
		cleanup_close(&setup->plan.entries[i].tree_fd);
	cleanup_close(&setup->place_fd);
	cleanup_close(&setup->root_fd);
	cleanup_close(&setup->nodes_fd);
}

void mount_setup_free(struct mount_setup *setup)
{
	if (!setup)
		return;
	mount_close(setup);
	mount_plan_done(&setup->plan);
	free(setup->own);
	free(setup);
}
