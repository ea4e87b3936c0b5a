/* SPDX-License-Identifier: Apache-2.0 */
#include "syscall/open.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "syscall/newer.h"
#include "util/cleanup.h"

enum {
	/* openat2(2) fails with EAGAIN when the container renames something during the look-up. */
	RACE_RETRIES = 64,
	LINKS_MAX = 40,	     /* the kernel's own limit, path_resolution(7) */
	PROC_ROOT_INODE = 1, /* linux/proc_ns.h, PROC_ROOT_INO */
};

static const uint64_t IN_ROOT = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;

int sys_openat2(int dir_fd, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve)
{
	struct open_how how = { .flags = flags | O_CLOEXEC, .mode = mode, .resolve = resolve };
	long fd = -1;

	for (int i = 0; i < RACE_RETRIES; i++) {
		fd = syscall(SYS_openat2, dir_fd, path, &how, sizeof(how));
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	return sys_newer("openat2", fd);
}

/* openat2(2) rejects an empty path: the root itself is "." for it. */
static const char *or_dot(const char *path)
{
	while (*path == '/')
		path++;
	return *path ? path : ".";
}

int open_in_root(int root_fd, const char *path, int flags)
{
	return sys_openat2(root_fd, or_dot(path), (uint64_t)flags, 0, IN_ROOT);
}

int open_in_root_nofollow(int root_fd, const char *path, int flags)
{
	return sys_openat2(root_fd, or_dot(path), (uint64_t)(flags | O_NOFOLLOW), 0, IN_ROOT);
}

static struct {
	bool given; /* false: /proc/self/fd is used */
	int fd;
} own_links;

int open_proc(void)
{
	auto_close int fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;
	struct stat st;

	if (fd < 0 || fstatfs(fd, &fs) < 0 || fstat(fd, &st) < 0)
		return -errno;
	return fs.f_type == PROC_SUPER_MAGIC && st.st_ino == PROC_ROOT_INODE ? take_fd(&fd) : -ENODEV;
}

int open_own_links(int proc_fd)
{
	int fd = openat(proc_fd, "self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

void open_use_own_links(int links_fd)
{
	own_links.given = true;
	own_links.fd = links_fd;
}

/* Sets @link to the path of @fd's magic link, relative to the returned directory fd; -1: none. */
static int own_link(int fd, char *link, size_t size)
{
	snprintf(link, size, own_links.given ? "%d" : "/proc/self/fd/%d", fd);
	return own_links.given ? own_links.fd : AT_FDCWD;
}

int fd_path(int fd, char *path, size_t size)
{
	char link[32];
	const int dir_fd = own_link(fd, link, sizeof(link));
	ssize_t n;

	if (dir_fd == -1)
		return -ENOENT;
	n = readlinkat(dir_fd, link, path, size - 1);
	if (n < 0)
		return -errno;
	path[n] = '\0';
	return 0;
}

bool is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

struct file_id file_id_of(const struct stat *st)
{
	return (struct file_id){ .device = st->st_dev, .inode = st->st_ino };
}

bool file_id_matches(const struct file_id *known, const struct stat *st)
{
	return known->inode == 0 || (known->device == st->st_dev && known->inode == st->st_ino);
}

int open_again_here(int fd, int flags)
{
	auto_close int again = -1;
	struct stat ours, theirs;
	char path[PATH_MAX];
	int r = fd_path(fd, path, sizeof(path));

	if (r < 0)
		return r;
	again = open(path, flags | O_CLOEXEC);
	if (again < 0 || fstat(again, &ours) < 0 || fstat(fd, &theirs) < 0)
		return -errno;
	return is_same_file(&ours, &theirs) ? take_fd(&again) : -ESTALE;
}

int link_fd(int fd, int dir_fd, const char *name)
{
	char link[32];
	int links_fd;

	/* By the descriptor where that is allowed (open(2), O_TMPFILE), which is faster than by its link. */
	if (linkat(fd, "", dir_fd, name, AT_EMPTY_PATH) == 0)
		return 0;
	links_fd = errno == ENOENT ? own_link(fd, link, sizeof(link)) : -1;
	if (links_fd == -1)
		return -errno;
	return linkat(links_fd, link, dir_fd, name, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

int reopen_fd(int fd, int flags)
{
	char link[32];
	const int dir_fd = own_link(fd, link, sizeof(link));
	int opened;

	if (dir_fd == -1)
		return -ENOENT;
	opened = openat(dir_fd, link, flags | O_CLOEXEC);
	return opened < 0 ? -errno : opened;
}

int chmod_fd(int fd, mode_t mode)
{
	char link[32];
	const int dir_fd = own_link(fd, link, sizeof(link));

	if (dir_fd == -1)
		return -ENOENT;
	return fchmodat(dir_fd, link, mode, 0) < 0 ? -errno : 0;
}

/*
 * State of a walk. A dangling symlink is replaced by its text, in front of the rest of the path, so that its
 * target is made *inside* the root.
 */
struct walk {
	int root_fd;
	int links;
	char done[PATH_MAX]; /* finished components, relative to the root, without trailing '/' */
	char rest[PATH_MAX]; /* components that are left */
};

static int splice_link(struct walk *walk, const char *link, const char *after)
{
	char joined[PATH_MAX];

	if (++walk->links > LINKS_MAX)
		return -ELOOP;
	if (snprintf(joined, sizeof(joined), "%s/%s", link, after) >= (int)sizeof(joined))
		return -ENAMETOOLONG;
	if (link[0] == '/')
		walk->done[0] = '\0';
	strcpy(walk->rest, joined);
	return 0;
}

static int append_done(struct walk *walk, const char *name, size_t len)
{
	size_t have = strlen(walk->done);

	if (have + len + 2 > sizeof(walk->done))
		return -ENAMETOOLONG;
	if (have > 0)
		walk->done[have++] = '/';
	memcpy(walk->done + have, name, len);
	walk->done[have + len] = '\0';
	return 0;
}

/*
 * Makes @name in @dir_fd with exactly @mode, whatever the umask is. Returns 1 if it is new, 0 if something
 * was there.
 */
static int make_entry(int dir_fd, const char *name, enum open_make what, mode_t mode)
{
	const mode_t old = umask(0);
	int r = 1, fd;

	if (what == OPEN_MAKE_DIRECTORY) {
		r = mkdirat(dir_fd, name, mode) < 0 ? -errno : 1;
	} else {
		fd = openat(dir_fd, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_WRONLY, mode & 0666);
		if (fd < 0)
			r = -errno;
		else
			close(fd);
	}
	umask(old);
	return r == -EEXIST ? 0 : r;
}

/*
 * @name is missing, or a dangling link: makes it, and returns 0, or puts the link's text in front of @after,
 * and returns 1.
 */
static int make_component(struct walk *walk, int dir_fd, const char *name, const char *after,
			  enum open_make what, mode_t mode, bool *made)
{
	char link[PATH_MAX];
	ssize_t n = readlinkat(dir_fd, name, link, sizeof(link) - 1);
	int r;

	if (n >= 0) {
		link[n] = '\0';
		r = splice_link(walk, link, after);
		return r < 0 ? r : 1;
	}
	r = make_entry(dir_fd, name, *after ? OPEN_MAKE_DIRECTORY : what, *after ? 0755 : mode);
	if (r > 0 && !*after)
		*made = true;
	return r < 0 ? r : 0;
}

/* Copies the first component of walk->rest to @name and the rest to @after. Returns false at the end. */
static bool next_component(struct walk *walk, char *name, char *after)
{
	const char *start = walk->rest + strspn(walk->rest, "/");
	size_t len = strcspn(start, "/");

	if (len == 0 || len > NAME_MAX)
		return false;
	memcpy(name, start, len);
	name[len] = '\0';
	start += len;
	start += strspn(start, "/");
	memmove(after, start, strlen(start) + 1);
	return true;
}

static int walk_and_make(struct walk *walk, enum open_make what, mode_t mode, bool *made)
{
	char name[NAME_MAX + 1], after[PATH_MAX];

	while (next_component(walk, name, after)) {
		auto_close int dir_fd = -1;
		auto_close int fd = -1;
		int r;

		dir_fd = open_in_root(walk->root_fd, walk->done, O_PATH | O_DIRECTORY);
		if (dir_fd < 0)
			return dir_fd;
		if (strcmp(name, "..") != 0 && strcmp(name, ".") != 0) {
			char whole[PATH_MAX];

			if (snprintf(whole, sizeof(whole), "%s/%s", walk->done, name) >= (int)sizeof(whole))
				return -ENAMETOOLONG;
			fd = open_in_root(walk->root_fd, whole, O_PATH);
			if (fd == -ENOENT) {
				r = make_component(walk, dir_fd, name, after, what, mode, made);
				if (r < 0)
					return r;
				if (r > 0)
					continue;
			} else if (fd < 0) {
				return fd;
			}
		}
		r = append_done(walk, name, strlen(name));
		if (r < 0)
			return r;
		strcpy(walk->rest, after);
	}
	return open_in_root(walk->root_fd, walk->done, O_PATH);
}

/*
 * The frequent case: only the last component is missing. Returns 1 after making it; 0: it takes a walk,
 * because more is missing or a dangling link is in the way.
 */
static int make_last(int root_fd, const char *path, enum open_make what, mode_t mode)
{
	const char *name = NULL;
	auto_close int parent_fd = open_parent_in_root(root_fd, path, false, &name);
	struct stat st;

	if (parent_fd < 0 || strlen(name) > NAME_MAX ||
	    (fstatat(parent_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT))
		return 0;
	return make_entry(parent_fd, name, what, mode);
}

/* A function of its own, not inlined, because of the size of its frame. */
__attribute__((noinline)) static int make_by_walk(int root_fd, const char *path, enum open_make what,
						  mode_t mode, bool *made)
{
	struct walk walk = { .root_fd = root_fd };

	if (strlen(path) >= sizeof(walk.rest))
		return -ENAMETOOLONG;
	strcpy(walk.rest, path);
	return walk_and_make(&walk, what, mode, made);
}

int open_in_root_make(int root_fd, const char *path, enum open_make what, mode_t mode, bool *ret_made)
{
	bool made = false;
	int fd = open_in_root(root_fd, path, O_PATH);

	if (fd == -ENOENT) {
		const int r = make_last(root_fd, path, what, mode);

		made = r > 0;
		if (r < 0)
			return r;
		fd = r > 0 ? open_in_root(root_fd, path, O_PATH) :
			     make_by_walk(root_fd, path, what, mode, &made);
	}
	if (fd >= 0 && ret_made)
		*ret_made = made;
	return fd;
}

int open_parent_in_root(int root_fd, const char *path, bool make, const char **ret_name)
{
	const char *name = strrchr(path, '/');
	char parent[PATH_MAX];
	size_t len;

	name = name ? name + 1 : path;
	if (*name == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return -EINVAL;
	len = (size_t)(name - path);
	if (len >= sizeof(parent))
		return -ENAMETOOLONG;
	memcpy(parent, path, len);
	parent[len] = '\0';
	*ret_name = name;
	if (make)
		return open_in_root_make(root_fd, parent, OPEN_MAKE_DIRECTORY, 0755, NULL);
	return open_in_root(root_fd, parent, O_PATH | O_DIRECTORY);
}
