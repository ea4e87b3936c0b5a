/* SPDX-License-Identifier: Apache-2.0 */
#include "state/state_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "state/runtime_options.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"
#include "util/lock.h"
#include "util/proc.h"

enum { LOCK_TIMEOUT_MS = 60000, MOTION_LOOKS = 200, MOTION_NAP_NS = 500000 };

const char *user_runtime_dir(void)
{
	const char *runtime_dir = getenv("XDG_RUNTIME_DIR");

	/* Root ignores the variable, because sudo may keep the user's. */
	return runtime_dir && runtime_dir[0] == '/' && proc_is_ordinary_user() ? runtime_dir : NULL;
}

static const char *default_root(void)
{
	static char path[PATH_MAX];
	const char *runtime_dir = user_runtime_dir();

	if (!runtime_dir)
		return "/run/krun";
	snprintf(path, sizeof(path), "%s/krun", runtime_dir);
	return path;
}

const char *container_root(const struct runtime_options *runtime)
{
	return runtime->root && runtime->root[0] ? runtime->root : default_root();
}

bool container_id_is_valid(const char *id)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+.-";
	size_t len = strlen(id);

	return len > 0 && len <= NAME_MAX && id[0] != '.' && id[0] != '-' && strspn(id, allowed) == len;
}

static int make_parents(const char *path)
{
	char copy[PATH_MAX];

	if (snprintf(copy, sizeof(copy), "%s", path) >= (int)sizeof(copy))
		return -ENAMETOOLONG;
	for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(copy, 0755) < 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return mkdir(copy, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

/* Tells an ordinary user where the default root comes from, and what he can do. */
static int explain_root(const struct runtime_options *runtime, bool make, struct error *err)
{
	if ((runtime->root && runtime->root[0]) || !proc_is_ordinary_user() || error_is_shortage(err->code) ||
	    (err->code == -ENOENT && !make))
		return err->code;
	if (user_runtime_dir())
		return error_append(err, "XDG_RUNTIME_DIR names it; another can be named with --root");
	return error_append(err,
			    "an ordinary user needs XDG_RUNTIME_DIR, the absolute path of a directory of his "
			    "own, or --root%s",
			    make ? ", and a config.json as 'krun spec --rootless' writes it" : "");
}

int state_root_open(const struct runtime_options *runtime, bool make, struct error *err)
{
	const char *path = container_root(runtime);
	int fd = runtime->root_fd ? openat(*runtime->root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) :
				    open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT && make) {
		int r = make_parents(path);

		if (r < 0) {
			error_sys(err, r, "make state root '%s'", path);
			return explain_root(runtime, make, err);
		}
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (fd >= 0)
		return fd;
	error_sys(err, -errno, "open state root '%s'", path);
	return explain_root(runtime, make, err);
}

bool state_dir_is_removed(int dir_fd)
{
	struct stat st;

	return fstat(dir_fd, &st) == 0 && st.st_nlink == 0;
}

int state_dir_absent(const char *root, const char *id, struct error *err)
{
	if (root)
		return error_set(err, -ENOENT, "container '%s' does not exist in '%s'", id, root);
	return error_set(err, -ENOENT, "container '%s' does not exist", id);
}

/*
 * Makes the directory and locks it. -ESTALE: between the two a `delete --force` took it for what a killed
 * create leaves behind.
 */
static int make_locked(int root_fd, const char *id, struct error *err)
{
	auto_close int fd = -1;
	int r;

	if (mkdirat(root_fd, id, 0700) < 0) {
		if (errno == EEXIST)
			return error_set(err, -EEXIST, "container id '%s' is already in use", id);
		return error_sys(err, -errno, "make the state directory of '%s'", id);
	}
	fd = openat(root_fd, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT)
		return -ESTALE;
	if (fd < 0) {
		r = error_sys(err, -errno, "open the state directory of '%s'", id);
		unlinkat(root_fd, id, AT_REMOVEDIR);
		return r;
	}
	/* Who has the lock removes the directory, which is empty. */
	r = state_dir_lock(fd, id, err);
	return r < 0 ? (r == -ENOENT ? -ESTALE : r) : take_fd(&fd);
}

int state_dir_make(int root_fd, const char *id, struct error *err)
{
	int r;

	if (!container_id_is_valid(id))
		return error_set(err, -EINVAL,
				 "container id '%s': letters, digits and '_+.-' are allowed, at most %d, "
				 "not starting with '.' or '-'",
				 id, NAME_MAX);
	do
		r = make_locked(root_fd, id, err);
	while (r == -ESTALE);
	return r;
}

int state_dir_open_below(int root_fd, const struct runtime_options *runtime, const char *id,
			 struct error *err)
{
	int fd = openat(root_fd, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 && errno == ENOENT)
		return state_dir_absent(container_root(runtime), id, err);
	return fd < 0 ? error_sys(err, -errno, "open the state directory of '%s'", id) : fd;
}

int state_dir_open(const struct runtime_options *runtime, const char *id, struct error *err)
{
	auto_close int root_fd = -1;

	if (!container_id_is_valid(id))
		return state_dir_absent(container_root(runtime), id, err);
	root_fd = state_root_open(runtime, false, err);
	if (root_fd == -ENOENT)
		return state_dir_absent(container_root(runtime), id, err);
	return root_fd < 0 ? root_fd : state_dir_open_below(root_fd, runtime, id, err);
}

int state_dir_lock(int dir_fd, const char *id, struct error *err)
{
	int r = lock_wait(dir_fd, LOCK_TIMEOUT_MS);
	const pid_t holder = r == -EWOULDBLOCK ? lock_holder(dir_fd) : 0;
	char who[32] = "";
	struct stat st;

	if (holder > 0)
		snprintf(who, sizeof(who), " (process %d)", holder);
	if (r == -EWOULDBLOCK)
		return error_set(err, -EBUSY, "container '%s': another command%s has had its lock for %d s",
				 id, who, LOCK_TIMEOUT_MS / 1000);
	if (r < 0)
		return error_sys(err, r, "lock container '%s'", id);
	if (fstat(dir_fd, &st) < 0)
		return error_sys(err, -errno, "look at the state directory of '%s'", id);
	return st.st_nlink == 0 ? state_dir_absent(NULL, id, err) : 0;
}

void state_dir_unlock(int dir_fd)
{
	flock(dir_fd, LOCK_UN);
}

bool state_dir_is_locked(int dir_fd)
{
	if (flock(dir_fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK;
	flock(dir_fd, LOCK_UN);
	return false;
}

bool state_dir_is_in_motion(int dir_fd, int looks)
{
	const struct timespec nap = { .tv_nsec = MOTION_NAP_NS };

	if (looks >= MOTION_LOOKS || state_dir_is_removed(dir_fd) || !state_dir_is_locked(dir_fd))
		return false;
	nanosleep(&nap, NULL);
	return true;
}

/* The directory of km's log has a tmpfs mounted on it, which may still be in use. */
static int remove_folder(int dir_fd, const char *name)
{
	char path[64 + NAME_MAX];

	if (unlinkat(dir_fd, name, AT_REMOVEDIR) == 0)
		return 0;
	if (errno != EBUSY)
		return -errno;
	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dir_fd, name);
	if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 || unlinkat(dir_fd, name, AT_REMOVEDIR) < 0)
		return -errno;
	return 0;
}

static int remove_content(int dir_fd);

static int remove_entry(int dir_fd, const struct dirent *entry)
{
	auto_close int child_fd = -1;
	int r;

	if (entry->d_type != DT_DIR && (unlinkat(dir_fd, entry->d_name, 0) == 0 || errno == ENOENT))
		return 0;
	/* Some file systems return DT_UNKNOWN: unlinkat(2) tells a directory then. */
	if (entry->d_type != DT_DIR && errno != EISDIR)
		return -errno;
	child_fd = openat(dir_fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	r = child_fd < 0 ? -errno : remove_content(child_fd);
	return r < 0 ? r : remove_folder(dir_fd, entry->d_name);
}

/*
 * Removes everything below @dir_fd. The tree is krun's own and at most two levels deep (notify/, monitor/).
 * Files go last: removing a directory can fail, and the state has to be there for another try.
 */
static int remove_content(int dir_fd)
{
	struct dirent *entry;
	DIR *dir;
	int r = io_open_directory(dir_fd, ".", &dir);

	if (r < 0)
		return r;
	for (int files = 0; r == 0 && files < 2; files++) {
		rewinddir(dir);
		while (r == 0 && (r = io_next_entry(dir, &entry)) > 0) {
			r = 0;
			if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
			    (files || entry->d_type == DT_DIR))
				r = remove_entry(dir_fd, entry);
		}
	}
	closedir(dir);
	return r;
}

/*
 * Removes the files that most containers have, without reading the directory, where that has no directories,
 * which would have to go first. A directory has a link for each one in it, and a link count of 1 on most file
 * systems that do not count them (inode(7)). What is left, remove_content() finds.
 */
static void remove_usual(int dir_fd)
{
	static const char *const names[] = { STATE_SECCOMP, STATE_CONFIG, STATE_PLACE, STATE_FILE };
	struct stat st;

	if (fstat(dir_fd, &st) < 0 || st.st_nlink != 2)
		return;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		unlinkat(dir_fd, names[i], 0);
}

int state_dir_remove(const struct runtime_options *runtime, int dir_fd, const char *id, struct error *err)
{
	auto_close int root_fd = state_root_open(runtime, false, err);
	int r;

	if (root_fd < 0)
		return root_fd == -ENOENT ? 0 : root_fd;
	remove_usual(dir_fd);
	if (unlinkat(root_fd, id, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	r = errno == ENOTEMPTY || errno == EEXIST ? remove_content(dir_fd) : -errno;
	if (r == 0 && unlinkat(root_fd, id, AT_REMOVEDIR) < 0 && errno != ENOENT)
		r = -errno;
	return r < 0 ? error_sys(err, r, "remove the state directory of '%s'", id) : 0;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int state_root_list(int root_fd, struct strv *ret, struct error *err)
{
	struct dirent *entry;
	DIR *dir;
	int r = io_open_directory(root_fd, ".", &dir);

	if (r < 0)
		return error_sys(err, r, "list the state root");
	while (r == 0 && (r = io_next_entry(dir, &entry)) > 0)
		/* A container is a directory; files and links in the root are skipped. */
		r = container_id_is_valid(entry->d_name) &&
				    (entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN) ?
			    strv_add(ret, entry->d_name) :
			    0;
	closedir(dir);
	if (r < 0)
		return error_sys(err, r, "list the state root");
	if (ret->len > 0)
		qsort(ret->items, ret->len, sizeof(*ret->items), compare);
	return 0;
}
