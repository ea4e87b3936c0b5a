/* SPDX-License-Identifier: Apache-2.0 */

/* Under which path an engine will find this program. */

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "install/install.h"
#include "syscall/open.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/path.h"

static bool is_this_program(const char *path)
{
	struct stat ours, theirs;

	return stat("/proc/self/exe", &ours) == 0 && stat(path, &theirs) == 0 && is_same_file(&ours, &theirs);
}

/* Looks for this program in PATH. NULL: it is not there, or no memory. */
static char *find_in_path(const char *name)
{
	const char *given = getenv("PATH"), *list = given ? given : PATH_DEFAULT;
	char path[PATH_MAX];

	while (path_list_next(&list, name, path, sizeof(path)))
		if (is_this_program(path))
			return strdup(path);
	return NULL;
}

/* Returns how the program was started: as the kernel was told, or as the caller says. NULL: no memory. */
static char *started_as(const char *argv0)
{
	const unsigned long told = getauxval(AT_EXECFN);
	const char *name = told ? (const char *)told : "";
	char *found;

	/* The copy that protect.h makes was executed by its descriptor, which is no path to hand on. */
	if (!*name || strncmp(name, "/dev/fd/", 8) == 0)
		name = argv0;
	found = strchr(name, '/') ? NULL : find_in_path(name);
	return found ? found : strdup(name);
}

/* Makes the path absolute. Its directories stay as they are named: a link may be what stays at an update. */
static char *make_absolute(const char *path)
{
	auto_free char *copy = strdup(path), *made = NULL, *base = strdup(path), *directory = NULL;
	char current[PATH_MAX];

	if (!copy || !base)
		return NULL;
	if (path[0] != '/' && !getcwd(current, sizeof(current)))
		return NULL;
	if (asprintf(&made, "%s%s%s", path[0] == '/' ? "" : current, path[0] == '/' ? "" : "/", path) < 0)
		return NULL;
	path_normalize(made);
	if (!strstr(made, "/../"))
		return take_pointer(made);
	directory = realpath(dirname(copy), NULL);
	cleanup_free(&made);
	if (!directory || asprintf(&made, "%s/%s", directory, basename(base)) < 0)
		made = NULL;
	return take_pointer(made);
}

/* Puts @name in place of the last part of *path if krun is installed under such a name. */
static int choose_link(char **path, const char *name, struct error *err)
{
	static const char *const names[] = { "krun", "krun-plain", "krun-label-trigger" };
	const int directory = (int)(strrchr(*path, '/') - *path);
	auto_free char *link = NULL;
	bool known = false;

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		known = known || strcmp(name, names[i]) == 0;
	if (!known || strcmp(*path + directory + 1, name) == 0)
		return 0;
	if (asprintf(&link, "%.*s/%s", directory, *path, name) < 0)
		return error_oom(err);
	if (!is_this_program(link))
		return error_set(
			err, -ENOENT,
			"'%s' is not this krun, whose name decides what it does: 'ln -s %s %s' makes it",
			link, *path + directory + 1, link);
	free(*path);
	*path = take_pointer(link);
	return 0;
}

static int check_program(const char *path, struct error *err)
{
	struct stat st;

	if (!is_this_program(path) || stat(path, &st) < 0)
		return error_set(err, -ENOENT,
				 "cannot tell where this krun is installed: call it by its absolute path");
	if (path[strcspn(path, " \t\r\n\"'\\$`")])
		return error_set(err, -EINVAL,
				 "the path '%s' has signs that engines do not hand on as they are", path);
	if ((st.st_mode & S_IWOTH) || (st.st_uid != 0 && st.st_uid != geteuid()))
		return error_set(
			err, -EPERM,
			"others than root and you may write '%s', and would choose what the engine executes",
			path);
	return 0;
}

/* Removes @root in front of *path. */
static int below_root(char **path, const char *root, struct error *err)
{
	auto_free char *real = realpath(root, NULL);
	auto_free char *rest = NULL;
	size_t len;

	if (!real)
		return error_sys(err, -errno, "--root '%s'", root);
	len = strlen(real);
	if (strcmp(real, "/") == 0 || strncmp(*path, real, len) != 0 || (*path)[len] != '/')
		return 0;
	rest = strdup(*path + len);
	if (!rest)
		return error_oom(err);
	free(*path);
	*path = take_pointer(rest);
	return 0;
}

int install_find_program(const char *argv0, const char *name, const char *root, char **ret, struct error *err)
{
	auto_free char *started = started_as(argv0);
	auto_free char *path = started ? make_absolute(started) : NULL;
	int r;

	if (!path)
		return error_oom(err);
	r = choose_link(&path, name, err);
	if (r == 0)
		r = check_program(path, err);
	if (r == 0 && root)
		r = below_root(&path, root, err);
	if (r == 0)
		*ret = take_pointer(path);
	return r;
}
