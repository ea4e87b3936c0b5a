/* SPDX-License-Identifier: Apache-2.0 */
#include "init/program.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"
#include "util/parse.h"
#include "util/path.h"

enum { PASSWD_MAX = 1024 * 1024 };

/* 0 if @path is a file that this process may execute; -EISDIR, -EACCES, or the errno of stat(2). */
static int check_executable(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode))
		return -EACCES;
	return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0 ? -errno : 0;
}

static int explicit_path(const char *name, struct error *err)
{
	int r = check_executable(name);

	if (r == -EISDIR)
		return error_set(err, -EACCES, "exec: \"%s\": permission denied (it is a directory)", name);
	if (r == -EACCES)
		return error_exec(err, r, "exec: \"%s\"", name);
	if (r < 0)
		return error_exec(err, r, "exec: \"%s\": stat %s", name, name);
	return 0;
}

/* Whether an error says that a directory of PATH has no such program; any other one says nothing about it. */
static bool is_passed_over(int code)
{
	return code == -ENOENT || code == -ENOTDIR || code == -ELOOP || code == -ENAMETOOLONG ||
	       code == -EACCES || code == -EISDIR;
}

static int search(const char *name, const char *path_list, char *found, struct error *err)
{
	bool denied = false;
	int unknown = 0;

	while (path_list_next(&path_list, name, found, PATH_MAX)) {
		const int r = check_executable(found);

		if (r == 0)
			return 0;
		if (error_is_shortage(r))
			return error_exec(err, r, "exec: \"%s\": stat %s", name, found);
		/* A directory that is broken, as of a dead server, may have had it. */
		if (!is_passed_over(r) && unknown == 0)
			unknown = error_exec(err, r, "exec: \"%s\": stat %s", name, found);
		if (r == -EACCES)
			denied = true;
	}
	if (unknown)
		return unknown;
	if (denied)
		return error_exec(err, -EACCES, "exec: \"%s\"", name);
	return error_set(err, -ENOENT, "exec: \"%s\": executable file not found in $PATH", name);
}

int program_find(char *const *args, char *const *env, struct program *ret, struct error *err)
{
	const char *path_list = strv_env_get(env, "PATH");
	char found[PATH_MAX];
	struct program program = { 0 };
	int r;

	found[0] = '\0';
	if (args[0][0] == '\0')
		return error_set(err, -ENOENT, "exec: \"\": executable file not found in $PATH");
	if (strchr(args[0], '/')) {
		r = explicit_path(args[0], err);
		program.path = strdup(args[0]);
	} else {
		r = search(args[0], path_list ? path_list : PATH_DEFAULT, found, err);
		program.path = strdup(found);
	}
	for (size_t i = 0; r == 0 && args[i]; i++)
		if (strv_add(&program.argv, args[i]) < 0)
			r = error_oom(err);
	if (r == 0 && !program.path)
		r = error_oom(err);
	if (r < 0) {
		program_done(&program);
		return r;
	}
	*ret = program;
	return 0;
}

void program_done(struct program *program)
{
	free(program->path);
	program->path = NULL;
	strv_done(&program->argv);
}

/* The home (sixth field) of a line of passwd(5), if its uid (third field) is @uid, else NULL. */
static char *home_of_line(char *line, unsigned int uid)
{
	char *fields[7] = { NULL };
	uint64_t value;

	for (size_t i = 0; i < 7; i++)
		fields[i] = strsep(&line, ":");
	if (!fields[5] || parse_u64(fields[2], UINT_MAX, &value) < 0 || value != uid)
		return NULL;
	return fields[5][0] == '/' ? fields[5] : NULL;
}

const char *program_home_of(char *passwd, unsigned int uid)
{
	char *line;

	while ((line = strsep(&passwd, "\n"))) {
		const char *home = home_of_line(line, uid);

		if (home)
			return home;
	}
	return "/";
}

int program_home(unsigned int uid, char **ret, struct error *err)
{
	auto_free char *text = NULL;
	/* Not open(2), for which a filter may be in force already (filter.c). */
	auto_close int fd = openat(AT_FDCWD, "/etc/passwd", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st = { 0 };
	int r = fd < 0 ? -errno : 0;

	/* ENXIO: a socket. */
	if (is_passed_over(r) || r == -ENXIO)
		r = 0;
	else if (r == 0 && fstat(fd, &st) < 0)
		r = -errno;
	/* The image chooses this file: only a regular one of at most 1 MiB is read. */
	if (r == 0 && S_ISREG(st.st_mode))
		r = io_read_all(fd, PASSWD_MAX, &text, NULL);
	if (r < 0 && r != -EFBIG)
		return error_sys(err, r, "read '/etc/passwd' of the container for HOME");
	/* Without a text there is no line. */
	*ret = strdup(program_home_of(text, uid));
	return *ret ? 0 : error_oom(err);
}
