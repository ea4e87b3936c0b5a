/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Which engines are here, and which of them know krun. Their configurations are searched for paths of
 * programs that are called krun: only the engine itself knows what it makes of its files.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check/internal.h"
#include "install/install.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/find.h"
#include "util/io.h"
#include "util/path.h"

enum { FILE_MAX = 1024 * 1024, FILES = 5 };

static const struct engine {
	const char *name;    /* as for `krun install` */
	const char *program; /* in PATH when the engine is here */
	const char *files
		[FILES]; /* with a slash at the end: directories; those below "~" are an ordinary user's */
} engines[] = {
	{ "docker", "dockerd", { "/etc/docker/daemon.json", "~/.config/docker/daemon.json" } },
	{ "podman",
	  "podman",
	  { "/usr/share/containers/containers.conf", "/etc/containers/containers.conf",
	    "/etc/containers/containers.conf.d/", "~/.config/containers/containers.conf",
	    "~/.config/containers/containers.conf.d/" } },
	{ "containerd",
	  "containerd",
	  { "/etc/containerd/config.toml", "/etc/containerd/conf.d/", "/etc/containerd/config.d/" } },
	{ "crio", "crio", { "/etc/crio/crio.conf", "/etc/crio/crio.conf.d/" } },
	{ "buildkit", "buildkitd", { "/etc/buildkit/buildkitd.toml" } },
};

static int search_file(int dir_fd, const char *name, struct strv *ret, struct checking *checking)
{
	auto_free char *text = NULL;
	int r = io_read_file(dir_fd, name, FILE_MAX, &text, NULL);

	if (r == 0 && check_paths_in(text, ret) < 0)
		checking->out_of_memory = true;
	return r == -ENOENT || r == -EISDIR ? 0 : r;
}

/* Adds the paths that a file has, or with a slash at the end all files of a directory. 0, or an errno. */
static int search(const char *path, struct strv *ret, struct checking *checking)
{
	DIR *directory = path[strlen(path) - 1] == '/' ? opendir(path) : NULL;
	const struct dirent *entry;
	int r = 0;

	if (path[strlen(path) - 1] != '/')
		return search_file(AT_FDCWD, path, ret, checking);
	if (!directory)
		return errno == ENOENT ? 0 : -errno;
	while (r == 0 && (entry = readdir(directory)))
		if (entry->d_name[0] != '.')
			r = search_file(dirfd(directory), entry->d_name, ret, checking);
	closedir(directory);
	return r;
}

static int search_all(const struct engine *engine, struct strv *ret, struct checking *checking)
{
	const char *home = getenv("HOME");
	char path[PATH_MAX];
	int r = 0;

	for (size_t i = 0; r == 0 && i < FILES && engine->files[i]; i++) {
		if (engine->files[i][0] != '~')
			snprintf(path, sizeof(path), "%s", engine->files[i]);
		else if (!checking->is_root && home)
			snprintf(path, sizeof(path), "%s%s", home, engine->files[i] + 1);
		else
			continue;
		r = search(path, ret, checking);
	}
	return r;
}

/* Whether `krun install` of this engine is refused to an ordinary user. */
static bool is_roots_alone(const char *name)
{
	const struct install_engine *engine = install_engine_find(name);

	return engine && engine->no_user;
}

static void check_engine(struct checking *checking, const struct engine *engine)
{
	char program[PATH_MAX], cure[128];
	struct strv paths = { 0 };
	size_t bad = 0;
	int r;

	if (find_program(engine->program, program, sizeof(program)) <= 0)
		return;
	r = search_all(engine, &paths, checking);
	while (bad < paths.len && access(paths.items[bad], X_OK) == 0)
		bad++;
	snprintf(cure, sizeof(cure), "%skrun install %s",
		 checking->is_root	      ? "" :
		 is_roots_alone(engine->name) ? "as root: " :
						"as root or yourself: ",
		 engine->name);
	if (r < 0)
		check_add(checking, CHECK_WARNING, engine->name, NULL,
			  "a configuration file cannot be read: %s", error_reason(r));
	else if (bad < paths.len)
		check_add(checking, CHECK_WARNING, engine->name, cure,
			  "registered with '%s', which is no program", paths.items[bad]);
	else if (paths.len > 0)
		check_add(checking, CHECK_OK, engine->name, NULL, "knows %s", paths.items[0]);
	else
		check_add(checking, CHECK_WARNING, engine->name, cure, "%s does not know krun yet", program);
	strv_done(&paths);
}

/* Distributions install crun's libkrun handler under this name. */
static void check_namesakes(struct checking *checking)
{
	const char *list = getenv("PATH");
	char own[PATH_MAX], path[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", own, sizeof(own) - 1);
	bool any = false;

	own[len > 0 ? len : 0] = '\0';
	while (path_list_next(&list, "krun", path, sizeof(path))) {
		char real[PATH_MAX];

		if (path[0] != '/' || access(path, X_OK) < 0 || !realpath(path, real) ||
		    strcmp(real, own) == 0)
			continue;
		any = true;
		check_add(checking, CHECK_WARNING, "krun in PATH",
			  "name this krun by its whole path, or remove the package of the other one",
			  "%s is another program: %s", path, real);
	}
	if (!any)
		check_add(checking, CHECK_OK, "krun in PATH", NULL,
			  "no other program of this name; this is %s", own);
}

void check_engines(struct checking *checking)
{
	for (size_t i = 0; i < ARRAY_LEN(engines); i++)
		check_engine(checking, &engines[i]);
	check_namesakes(checking);
}
