/* SPDX-License-Identifier: Apache-2.0 */
#include "state/roots.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "state/runtime_options.h"
#include "state/state.h"
#include "state/state_dir.h"
#include "syscall/open.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"
#include "util/log.h"

/* Roots are open at the same time, and more descriptors than these are seldom allowed. */
enum { ROOTS_MAX = 256, NAMES_MAX = 1024, UNREAD_MAX = 16 };

/* What one user can make root look at: in a directory, of all his roots, and in each of those. */
enum { FOREIGN_NAMES_MAX = 32, FOREIGN_ROOTS_MAX = 16, FOREIGN_IDS_MAX = 256 };

#define DOCKER_ROOTS "docker/runtime-*/*"
#define CONTAINERD_ROOTS "containerd/runc/*"

/* Below /run. */
static const char *const places[] = {
	"krun",		  /* root's own, podman's and buildah's */
	DOCKER_ROOTS,	  /* docker's, a directory for each namespace of containerd, "moby" */
	CONTAINERD_ROOTS, /* those of Kubernetes ("k8s.io"), ctr and nerdctl ("default") */
	"crun",		  /* CRI-O's, unless it has a runtime_root */
	"runc",		  /* that of an older CRI-O */
	"user/*/krun",	  /* of each user who is logged in: his own and podman's */
	"user/*/" DOCKER_ROOTS,
	"user/*/" CONTAINERD_ROOTS,
};

/* Below the XDG_RUNTIME_DIR of an ordinary user, which may be another directory than /run/user/UID. */
static const char *const own_places[] = { "krun", DOCKER_ROOTS, CONTAINERD_ROOTS };

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* ---- finding ----------------------------------------------------------------------------------------- */

/* Remembers that @path could not be looked at; once, and not of more than some. */
static int note(struct roots *roots, const char *path, int code, struct error *err)
{
	char *text;
	int r = 0;

	if (roots->unread.len > UNREAD_MAX)
		return 0;
	if (roots->unread.len == UNREAD_MAX)
		return strv_add(&roots->unread, "and others") < 0 ? error_oom(err) : 0;
	if (asprintf(&text, "'%s' (%s)", path, error_reason(code)) < 0)
		return error_oom(err);
	if (!strv_contains(roots->unread.items, text) && strv_add(&roots->unread, text) < 0)
		r = error_oom(err);
	free(text);
	return r;
}

static bool is_known(const struct roots *roots, const struct stat *st)
{
	struct stat other;

	for (size_t i = 0; i < roots->len; i++)
		if (fstat(roots->items[i].fd, &other) == 0 && is_same_file(&other, st))
			return true;
	return false;
}

static size_t count_foreign(const struct roots *roots, uid_t owner)
{
	size_t count = 0;

	for (size_t i = 0; i < roots->len; i++)
		count += roots->items[i].is_foreign && roots->items[i].owner == owner;
	return count;
}

/* Moves @fd. @owner: of a foreign one. */
static int add(struct roots *roots, int fd, const char *path, bool is_foreign, uid_t owner, struct error *err)
{
	struct root *items = reallocarray(roots->items, roots->len + 1, sizeof(*items));
	char *copy = strdup(path);

	if (items)
		roots->items = items;
	if (!items || !copy) {
		free(copy);
		close(fd);
		return error_oom(err);
	}
	items[roots->len++] =
		(struct root){ .path = copy, .fd = fd, .is_foreign = is_foreign, .owner = owner };
	return 0;
}

/* Adds the directory behind @fd, an O_PATH descriptor. */
static int add_found(struct roots *roots, int fd, const char *path, bool is_foreign, const struct stat *st,
		     struct error *err)
{
	int read_fd;

	if (is_known(roots, st))
		return 0;
	if (roots->len >= ROOTS_MAX || (is_foreign && count_foreign(roots, st->st_uid) >= FOREIGN_ROOTS_MAX))
		return note(roots, path, -E2BIG, err);
	read_fd = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (read_fd < 0)
		return errno == ENOENT ? 0 : note(roots, path, -errno, err);
	return add(roots, read_fd, path, is_foreign, st->st_uid, err);
}

/*
 * Adds the names in @fd that @pattern matches to @ret, sorted. They have the characters of an id, because
 * errors show them, in which engines look for phrases. -E2BIG: there are more than @max, which it adds.
 */
static int match_names(int fd, const char *pattern, size_t max, struct strv *ret)
{
	struct dirent *entry;
	DIR *dir;
	int r = io_open_directory(fd, ".", &dir);

	if (r < 0)
		return r;
	while (r == 0 && (r = io_next_entry(dir, &entry)) > 0) {
		const bool matches =
			container_id_is_valid(entry->d_name) && fnmatch(pattern, entry->d_name, 0) == 0;

		r = !matches ? 0 : ret->len == max ? -E2BIG : strv_add(ret, entry->d_name);
	}
	closedir(dir);
	if (ret->len > 0)
		qsort(ret->items, ret->len, sizeof(*ret->items), compare);
	return r;
}

/* A user could mount a file system whose server never answers: none is entered below his directories. */
static int open_below(int fd, const char *name, bool is_foreign)
{
	return sys_openat2(fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0,
			   RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | (is_foreign ? RESOLVE_NO_XDEV : 0));
}

/* In a sticky directory, as /tmp is, others can make entries, whose owners tell, but not replace any. */
static bool can_others_write(const struct stat *st)
{
	return (st->st_uid != 0 && st->st_uid != geteuid()) ||
	       ((st->st_mode & (S_IWGRP | S_IWOTH)) && !(st->st_mode & S_ISVTX));
}

/* Goes down from @fd by @pattern, which is at most four names deep. */
static int descend(struct roots *roots, int fd, const char *path, const char *pattern, bool is_foreign,
		   struct error *err)
{
	const char *rest = pattern + strcspn(pattern, "/");
	auto_free char *part = strndup(pattern, (size_t)(rest - pattern));
	struct strv names = { 0 };
	struct stat st;
	int r;

	if (!part)
		return error_oom(err);
	if (fstat(fd, &st) < 0)
		return note(roots, path, -errno, err);
	is_foreign = is_foreign || can_others_write(&st);
	if (*part == '\0')
		return add_found(roots, fd, path, is_foreign, &st, err);
	r = strchr(part, '*') ? match_names(fd, part, is_foreign ? FOREIGN_NAMES_MAX : NAMES_MAX, &names) :
				strv_add(&names, part);
	if (r < 0 && r != -ENOENT)
		r = r == -ENOMEM ? error_oom(err) : note(roots, path, r, err);
	for (size_t i = 0; r >= 0 && i < names.len; i++) {
		auto_close int next_fd = open_below(fd, names.items[i], is_foreign);
		auto_free char *next = NULL;

		if (next_fd == -ENOENT)
			continue;
		if (asprintf(&next, "%s/%s", path, names.items[i]) < 0) {
			next = NULL;
			r = error_oom(err);
		} else if (next_fd < 0) {
			/* Without the permission to search it is the directory that cannot be looked at. */
			r = note(roots, next_fd == -EACCES ? path : next, next_fd, err);
		} else {
			r = descend(roots, next_fd, next, rest + (*rest == '/'), is_foreign, err);
		}
	}
	strv_done(&names);
	return r == -ENOENT ? 0 : r;
}

int roots_add(struct roots *roots, int base_fd, const char *base, const char *pattern, struct error *err)
{
	return descend(roots, base_fd, base, pattern, false, err);
}

static int add_places(struct roots *roots, const char *base, const char *const *patterns, size_t len,
		      struct error *err)
{
	auto_close int fd = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r = 0;

	if (fd < 0)
		return errno == ENOENT ? 0 : note(roots, base, -errno, err);
	for (size_t i = 0; r == 0 && i < len; i++)
		r = roots_add(roots, fd, base, patterns[i], err);
	return r;
}

int roots_open(const struct runtime_options *runtime, struct roots *ret, struct error *err)
{
	const char *own = user_runtime_dir();
	int fd, r = 0;

	*ret = (struct roots){ 0 };
	fd = state_root_open(runtime, false, err);
	if (fd >= 0)
		r = add(ret, fd, container_root(runtime), false, 0, err);
	else if (fd != -ENOENT)
		r = note(ret, container_root(runtime), fd, err);
	if (r == 0 && own)
		r = add_places(ret, own, own_places, ARRAY_LEN(own_places), err);
	return r < 0 ? r : add_places(ret, "/run", places, ARRAY_LEN(places), err);
}

void roots_done(struct roots *roots)
{
	for (size_t i = 0; i < roots->len; i++) {
		free(roots->items[i].path);
		cleanup_close(&roots->items[i].fd);
	}
	free(roots->items);
	strv_done(&roots->unread);
	*roots = (struct roots){ 0 };
}

struct runtime_options root_options(const struct runtime_options *runtime, const struct root *root)
{
	struct runtime_options options = *runtime;

	options.root = root->path;
	options.root_fd = &root->fd;
	return options;
}

/* ---- whose containers -------------------------------------------------------------------------------- */

int root_has(const struct root *root, const char *id)
{
	auto_close int dir_fd = -1;
	int r;

	if (!container_id_is_valid(id))
		return 0;
	r = dir_fd =
		sys_openat2(root->fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0,
			    RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | (root->is_foreign ? RESOLVE_NO_XDEV : 0));
	if (r >= 0)
		r = state_is_of_krun(dir_fd, root->is_foreign);
	return r < 0 && !error_is_shortage(r) ? 0 : r;
}

int root_list(const struct root *root, struct strv *ret, struct error *err)
{
	struct strv ids = { 0 };
	int r = state_root_list(root->fd, &ids, err);

	for (size_t i = 0; r == 0 && i < ids.len; i++) {
		if (root->is_foreign && i >= FOREIGN_IDS_MAX) {
			log_warning("'%s' has more than %d entries; the others are left out", root->path,
				    FOREIGN_IDS_MAX);
			break;
		}
		r = root_has(root, ids.items[i]);
		if (r < 0)
			r = error_sys(err, r, "look at '%s/%s'", root->path, ids.items[i]);
		else
			r = r > 0 && strv_add(ret, ids.items[i]) < 0 ? error_oom(err) : 0;
	}
	strv_done(&ids);
	return r;
}
