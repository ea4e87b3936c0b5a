/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Cgroups below a container's own: those that the container makes, and those that krun makes for processes in
 * it.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "cgroup/enable.h"
#include "syscall/open.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"

const char *cgroup_path_in(char *text)
{
	/* The line of the cgroup2 tree is "0::/PATH" (cgroups(7)). */
	char *line = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");

	line = line ? strchr(line, '/') : NULL;
	if (line)
		line[strcspn(line, "\n")] = '\0';
	return line;
}

int cgroup_open_process(const struct cgroup *cgroup, int proc_fd, pid_t pid, struct error *err)
{
	char file[32], text[PATH_MAX + 256];
	const char *path, *rest;
	size_t len = strlen(cgroup->place.path);
	ssize_t n;
	int fd;

	snprintf(file, sizeof(file), "%d/cgroup", pid);
	n = io_read_small(proc_fd, file, text, sizeof(text));
	if (n < 0)
		return error_sys(err, n == -ENOENT ? -ESRCH : (int)n, "read the cgroup of process %d", pid);
	path = cgroup_path_in(text);
	if (!path || strncmp(path, cgroup->place.path, len) != 0 || (path[len] && path[len] != '/'))
		return error_set(err, -ENOENT, "the container's process has left cgroup '%s'",
				 cgroup->place.path);
	rest = path + len;
	rest += strspn(rest, "/");
	fd = sys_openat2(cgroup->dir_fd, *rest ? rest : ".", O_RDONLY | O_DIRECTORY, 0,
			 RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	return fd < 0 ? error_sys(err, fd, "open cgroup '%s' of the container", rest) : fd;
}

/* Opens (or makes) one component of a path; closes @dir_fd. */
static int enter_below(int dir_fd, const char *part, bool make)
{
	int next;

	if (strcmp(part, ".") == 0 || strcmp(part, "..") == 0) {
		next = -EINVAL;
	} else if (make && mkdirat(dir_fd, part, 0755) < 0 && errno != EEXIST) {
		next = -errno;
	} else {
		next = openat(dir_fd, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0)
			next = -errno;
	}
	close(dir_fd);
	return next;
}

/*
 * Walks down the path and either makes it or enables controllers on the way. Returns the fd of the last
 * directory or a negative errno.
 */
static int walk_below(const struct cgroup *cgroup, const char *name, bool make)
{
	char copy[PATH_MAX], *rest = copy, *part;
	int fd = fcntl(cgroup->dir_fd, F_DUPFD_CLOEXEC, 3);

	strcpy(copy, name);
	while (fd >= 0 && (part = strsep(&rest, "/"))) {
		if (!*part)
			continue;
		if (!make)
			cgroup_hand_on(fd, NULL);
		fd = enter_below(fd, part, make);
	}
	return fd;
}

int cgroup_make_below(const struct cgroup *cgroup, const char *name, struct error *err)
{
	auto_close int fd = -1;
	char pid[16];
	int r;

	if (cgroup_name_trouble(name))
		return error_set(err, -EINVAL, "cgroup '%s' %s", name, cgroup_name_trouble(name));
	r = fd = walk_below(cgroup, name, true);
	/*
	 * A cgroup with processes cannot enable controllers for its children (cgroups(7)), so the holder
	 * moves down first.
	 */
	if (r >= 0 && cgroup->holder > 0) {
		snprintf(pid, sizeof(pid), "%d", cgroup->holder);
		r = io_write_existing(fd, "cgroup.procs", pid);
	}
	if (r >= 0)
		r = walk_below(cgroup, name, false);
	return r < 0 ? error_sys(err, r, "make cgroup '%s' below the container's", name) : r;
}

int cgroup_delegate(int dir_fd, uid_t uid, struct error *err)
{
	/* The files that cgroups(7) names, for kernels without the list. */
	char text[4096] = "cgroup.procs\ncgroup.subtree_control\ncgroup.threads\n", *rest = text, *name;

	io_read_small(AT_FDCWD, "/sys/kernel/cgroup/delegate", text, sizeof(text));
	if (fchown(dir_fd, uid, (gid_t)-1) < 0)
		return error_sys(err, -errno, "give the cgroup to user %u", uid);
	while ((name = strsep(&rest, "\n"))) {
		/* Only plain names; not every cgroup has every file. */
		if (!*name || strchr(name, '/') ||
		    fchownat(dir_fd, name, uid, (gid_t)-1, AT_SYMLINK_NOFOLLOW) == 0)
			continue;
		if (errno != ENOENT)
			return error_sys(err, -errno, "give '%s' of the cgroup to user %u", name, uid);
	}
	return 0;
}
