/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Option tmpcopyup: copies what the image has at the mount point into the new tmpfs. The image is
 * hostile, so no symbolic link is followed.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mount/internal.h"
#include "syscall/open.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"

enum { DEPTH_MAX = 64, PATH_SIZE = (DEPTH_MAX + 2) * (NAME_MAX + 1) };

/* A file with several hard links, and the first one that was copied. */
struct linked {
	dev_t device;
	ino_t inode;
	char *path; /* below the new tmpfs; owned */
};

struct copy {
	int to_fd; /* root of the new tmpfs */
	struct linked *links;
	size_t links_len;
	char path[PATH_SIZE]; /* of the current entry, relative to source and tmpfs */
	size_t path_len;
};

static int copy_directory(struct copy *copy, int from_fd, int to_fd, int depth);

int mount_copy_times(int dir_fd, const char *name, const struct stat *st)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };

	return utimensat(dir_fd, name, times, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

int mount_give(int dir_fd, const char *name, uid_t uid, gid_t gid)
{
	const int flags = AT_SYMLINK_NOFOLLOW | (*name ? 0 : AT_EMPTY_PATH);

	return fchownat(dir_fd, name, uid, gid, flags) < 0 && errno != EINVAL ? -errno : 0;
}

/* ---- hard links ---------------------------------------------------------------------------------------- */

static const struct linked *find_linked(const struct copy *copy, const struct stat *st)
{
	for (size_t i = 0; st->st_nlink > 1 && i < copy->links_len; i++)
		if (copy->links[i].device == st->st_dev && copy->links[i].inode == st->st_ino)
			return &copy->links[i];
	return NULL;
}

static int remember(struct copy *copy, const struct stat *st)
{
	struct linked *links, *link;

	/* A path that is too long for link(2) is not recorded: each hard link of that file becomes a copy. */
	if (st->st_nlink < 2 || copy->path_len >= PATH_MAX)
		return 0;
	links = realloc(copy->links, (copy->links_len + 1) * sizeof(*links));
	if (!links)
		return -ENOMEM;
	copy->links = links;
	link = &links[copy->links_len];
	*link = (struct linked){ st->st_dev, st->st_ino, strdup(copy->path) };
	if (!link->path)
		return -ENOMEM;
	copy->links_len++;
	return 0;
}

/* ---- one of each kind ---------------------------------------------------------------------------------- */

static int copy_owner(int to_dir, const char *name, const struct stat *st)
{
	int r = mount_give(to_dir, name, st->st_uid, st->st_gid);

	if (r < 0)
		return r;
	/* chown(2) clears the set-user-id bit, so the mode is set after it. */
	if (!S_ISLNK(st->st_mode) && fchmodat(to_dir, name, st->st_mode & 07777, 0) < 0)
		return -errno;
	return mount_copy_times(to_dir, name, st);
}

static int copy_file(int from_dir, int to_dir, const char *name)
{
	/*
	 * Opening a device has side effects, and the entry may have been replaced since fstatat(2):
	 * O_PATH first.
	 */
	auto_close int path_fd = openat(from_dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	auto_close int from = -1, to = -1;
	struct stat st;
	ssize_t n;

	if (path_fd < 0 || fstat(path_fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ESTALE;
	from = reopen_fd(path_fd, O_RDONLY);
	if (from < 0)
		return from;
	to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (to < 0)
		return -errno;
	do
		n = sendfile(to, from, NULL, 1 << 20);
	while (n > 0 || (n < 0 && errno == EINTR));
	return n < 0 ? -errno : 0;
}

static int copy_link(int from_dir, int to_dir, const char *name)
{
	char text[PATH_MAX];
	ssize_t n = readlinkat(from_dir, name, text, sizeof(text) - 1);

	if (n < 0)
		return -errno;
	text[n] = '\0';
	return symlinkat(text, to_dir, name) < 0 ? -errno : 0;
}

static int copy_subdirectory(struct copy *copy, int from_dir, int to_dir, const char *name, int depth)
{
	auto_close int from = openat(from_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_close int to = -1;

	if (from < 0 || mkdirat(to_dir, name, 0700) < 0)
		return -errno;
	to = openat(to_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return to < 0 ? -errno : copy_directory(copy, from, to, depth + 1);
}

static int copy_entry(struct copy *copy, int from_dir, int to_dir, const char *name, int depth)
{
	const struct linked *linked;
	struct stat st;
	int r;

	if (fstatat(from_dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	linked = S_ISDIR(st.st_mode) ? NULL : find_linked(copy, &st);
	if (linked)
		return linkat(copy->to_fd, linked->path, to_dir, name, 0) < 0 ? -errno : 0;
	if (S_ISREG(st.st_mode))
		r = copy_file(from_dir, to_dir, name);
	else if (S_ISLNK(st.st_mode))
		r = copy_link(from_dir, to_dir, name);
	else if (S_ISDIR(st.st_mode))
		r = copy_subdirectory(copy, from_dir, to_dir, name, depth);
	else if (S_ISFIFO(st.st_mode))
		r = mknodat(to_dir, name, S_IFIFO | 0600, 0) < 0 ? -errno : 0;
	else
		/* Devices and sockets of an image are left out. */
		return 0;
	if (r == 0)
		r = copy_owner(to_dir, name, &st);
	return r == 0 && !S_ISDIR(st.st_mode) ? remember(copy, &st) : r;
}

/* Keeps copy->path up to date, for hard links and for the error. */
static int copy_named(struct copy *copy, int from_fd, int to_fd, const char *name, int depth)
{
	const size_t len = copy->path_len, more = strlen(name);
	int r;

	if (len + more + 2 > sizeof(copy->path))
		return -ENAMETOOLONG;
	if (len > 0)
		copy->path[copy->path_len++] = '/';
	memcpy(copy->path + copy->path_len, name, more + 1);
	copy->path_len += more;
	r = copy_entry(copy, from_fd, to_fd, name, depth);
	/* On failure the path stays as it is, for the error. */
	if (r < 0)
		return r;
	copy->path_len = len;
	copy->path[len] = '\0';
	return 0;
}

static int copy_directory(struct copy *copy, int from_fd, int to_fd, int depth)
{
	DIR *dir;
	struct dirent *entry;
	int r;

	if (depth > DEPTH_MAX)
		return -ELOOP;
	r = io_open_directory(from_fd, ".", &dir);
	if (r < 0)
		return r;
	while (r == 0 && (r = io_next_entry(dir, &entry)) > 0)
		r = strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 ?
			    copy_named(copy, from_fd, to_fd, entry->d_name, depth) :
			    0;
	closedir(dir);
	return r;
}

int mount_copy_up(int from_fd, int to_fd, struct error *err)
{
	struct copy copy = { .to_fd = to_fd };
	int r = copy_directory(&copy, from_fd, to_fd, 0);

	if (r < 0)
		error_sys(err, r, "tmpcopyup: copy '%s' of the image", copy.path);
	for (size_t i = 0; i < copy.links_len; i++)
		free(copy.links[i].path);
	free(copy.links);
	return r;
}
