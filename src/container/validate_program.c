/* SPDX-License-Identifier: Apache-2.0 */
#include "container/validate_program.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "json/findings.h"
#include "spec/spec.h"
#include "syscall/open.h"
#include "util/cleanup.h"
#include "util/path.h"
#include "util/strv.h"

/* As many symbolic links as the kernel follows. */
enum { LINKS_MAX = 40 };

enum verdict { EXECUTABLE, MISSING, IS_DIRECTORY, NOT_REGULAR, NOT_EXECUTABLE, UNKNOWN };

struct place {
	const struct spec *spec;
	int root_fd;
	const char *monitor;
};

/* ---- one path ------------------------------------------------------------------------------------------ */

static bool is_at_or_below(const char *path, const char *directory)
{
	char rest[PATH_MAX];

	return path_is_same_place(path, directory) || path_below(path, directory, rest, sizeof(rest));
}

/* Whether something will be mounted there that is not looked at here. */
static bool is_covered(const struct place *place, const char *path)
{
	for (size_t i = 0; i < place->spec->mounts_len; i++) {
		const struct spec_mount *mount = &place->spec->mounts[i];

		if (!mount->options.remount && is_at_or_below(path, mount->destination))
			return true;
	}
	return place->monitor && path_is_same_place(path, place->monitor);
}

/* A path that is followed: .done has no link in it, .rest is still to do. */
struct walk {
	char done[PATH_MAX], rest[PATH_MAX];
	int links;
};

/* Moves the next name of the rest to @name. Returns false at the end. */
static bool next_name(struct walk *walk, char name[NAME_MAX + 1])
{
	const char *begin = walk->rest + strspn(walk->rest, "/");
	const size_t len = strcspn(begin, "/");

	if (len == 0 || len > NAME_MAX)
		return false;
	*(char *)mempcpy(name, begin, len) = '\0';
	memmove(walk->rest, begin + len, strlen(begin + len) + 1);
	return true;
}

/* Puts the target of the link @fd in front of the rest. */
static bool follow(struct walk *walk, int fd)
{
	char target[PATH_MAX], rest[PATH_MAX];
	const ssize_t n = readlinkat(fd, "", target, sizeof(target) - 1);

	if (n <= 0 || ++walk->links > LINKS_MAX)
		return false;
	target[n] = '\0';
	strcpy(rest, walk->rest);
	if (target[0] == '/')
		walk->done[0] = '\0';
	return snprintf(walk->rest, sizeof(walk->rest), "%s%s", target, rest) < (int)sizeof(walk->rest);
}

/* Goes one name further. Returns EXECUTABLE when that is possible, with its @st. */
static enum verdict step(const struct place *place, struct walk *walk, const char *name, struct stat *st)
{
	auto_close int fd = -1;
	char path[PATH_MAX], whole[2 * PATH_MAX];

	if (strcmp(name, ".") == 0)
		return EXECUTABLE;
	if (strcmp(name, "..") == 0) {
		char *last = strrchr(walk->done, '/');

		if (last)
			*last = '\0';
		return EXECUTABLE;
	}
	if (snprintf(path, sizeof(path), "%s/%s", walk->done, name) >= (int)sizeof(path))
		return UNKNOWN;
	/* The mount point, or a directory above it, may be missing still. */
	snprintf(whole, sizeof(whole), "%s%s", path, walk->rest);
	if (is_covered(place, path) || is_covered(place, whole))
		return UNKNOWN;
	fd = open_in_root_nofollow(place->root_fd, path, O_PATH);
	if (fd < 0)
		return fd == -ENOENT || fd == -ENOTDIR ? MISSING : UNKNOWN;
	if (fstat(fd, st) < 0)
		return UNKNOWN;
	if (S_ISLNK(st->st_mode))
		return follow(walk, fd) ? EXECUTABLE : UNKNOWN;
	if (!S_ISDIR(st->st_mode) && walk->rest[0])
		return MISSING;
	strcpy(walk->done, path);
	return EXECUTABLE;
}

/*
 * The rootfs may change meanwhile: nothing is done with what is found. Each name is looked up by itself, to
 * see what is mounted on the way.
 */
static enum verdict look(const struct place *place, const char *path)
{
	struct walk walk = { .done = "" };
	struct stat st = { .st_mode = S_IFDIR };
	char name[NAME_MAX + 1];

	if (snprintf(walk.rest, sizeof(walk.rest), "%s", path) >= (int)sizeof(walk.rest))
		return UNKNOWN;
	while (next_name(&walk, name)) {
		const enum verdict verdict = step(place, &walk, name, &st);

		if (verdict != EXECUTABLE)
			return verdict;
	}
	if (S_ISDIR(st.st_mode))
		return IS_DIRECTORY;
	if (!S_ISREG(st.st_mode))
		return NOT_REGULAR;
	return st.st_mode & 0111 ? EXECUTABLE : NOT_EXECUTABLE;
}

/* @path: as in the container, perhaps relative to the working directory. */
static enum verdict look_from_cwd(const struct place *place, const char *path)
{
	char absolute[2 * PATH_MAX];

	if (path[0] == '/')
		return look(place, path);
	snprintf(absolute, sizeof(absolute), "%s/%s", place->spec->process->cwd, path);
	return look(place, absolute);
}

/* ---- the program --------------------------------------------------------------------------------------- */

/*
 * Returns the best verdict about @name in the directories of @list; UNKNOWN when one could not be looked
 * at.
 */
static enum verdict search(const struct place *place, const char *list, const char *name)
{
	enum verdict best = MISSING;
	char path[PATH_MAX];

	while (path_list_next(&list, name, path, sizeof(path))) {
		const enum verdict verdict = look_from_cwd(place, path);

		if (verdict == EXECUTABLE || verdict == UNKNOWN)
			return verdict;
		if (verdict != MISSING && best == MISSING)
			best = verdict;
	}
	return best;
}

static const char *words_of(enum verdict verdict)
{
	return verdict == IS_DIRECTORY	 ? "is a directory" :
	       verdict == NOT_REGULAR	 ? "is not a regular file" :
	       verdict == NOT_EXECUTABLE ? "is not executable" :
					   "is missing";
}

void validate_program(const struct spec *spec, int root_fd, const char *monitor,
		      struct json_findings *findings)
{
	const struct place place = { spec, root_fd, monitor };
	const char *name = spec->process->args[0], *list = strv_env_get(spec->process->env, "PATH");
	const bool path = strchr(name, '/'), hooked = spec->hooks[HOOK_PRESTART].len > 0 ||
						      spec->hooks[HOOK_CREATE_RUNTIME].len > 0 ||
						      spec->hooks[HOOK_CREATE_CONTAINER].len > 0;
	const char *unless = hooked ? ", unless a hook changes that" : "";
	const enum json_severity severity = hooked ? JSON_WARNING : JSON_ERROR;
	enum verdict verdict;

	if (!list)
		list = PATH_DEFAULT;
	verdict = path ? look_from_cwd(&place, name) : search(&place, list, name);
	if (verdict == EXECUTABLE || verdict == UNKNOWN)
		return;
	if (path)
		json_findings_add(findings, severity, "/process/args/0", "'%s' %s in the rootfs%s", name,
				  words_of(verdict), unless);
	else
		json_findings_add(findings, severity, "/process/args/0",
				  "'%s' %s in the directories of PATH (%s) in the rootfs%s", name,
				  words_of(verdict), list, unless);
}
