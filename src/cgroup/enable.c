/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup/enable.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cgroup/limit.h"
#include "cgroup/resources.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"

/* Size for the names of all controllers, with a blank or '+' each. */
enum { NAMES_MAX = 512 };

bool cgroup_list_has(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = strstr(list, word); at; at = strstr(at + 1, word))
		if ((at == list || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0'))
			return true;
	return false;
}

/*
 * Selects the words of @list that are in @wanted (NULL: all) and not in @but, and puts @mark before each.
 * Returns their number.
 */
static int select_words(const char *list, const char *wanted, const char *but, const char *mark,
			char out[NAMES_MAX])
{
	char copy[NAMES_MAX], *rest = copy, *word, *end = out;
	int n = 0;

	snprintf(copy, sizeof(copy), "%s", list);
	*out = '\0';
	while ((word = strsep(&rest, " "))) {
		if (!*word || (wanted && !cgroup_list_has(wanted, word)) || cgroup_list_has(but, word))
			continue;
		if (end + strlen(mark) + strlen(word) + 2 > out + NAMES_MAX)
			break;
		end += sprintf(end, "%s%s%s", n > 0 ? " " : "", mark, word);
		n++;
	}
	return n;
}

/*
 * A cgroup with controllers enabled for its children has no processes (cgroups(7)), except the root. The
 * kernel would enable some (threaded) controllers all the same, but then no process can enter a cgroup below.
 * A cgroup that cannot be read counts as one with processes.
 */
static bool has_processes(int dir_fd)
{
	char pid[2];

	if (faccessat(dir_fd, "cgroup.type", F_OK, 0) < 0)
		return false;
	return io_read_start(dir_fd, "cgroup.procs", pid, sizeof(pid)) != 0;
}

/* Writes all words at once ("+memory +pids"), and if that fails one by one. Returns the first failure. */
static int write_words(int dir_fd, char *words, int n)
{
	int r = io_write_existing(dir_fd, "cgroup.subtree_control", words), first = 0;
	char *word;

	if (r == 0 || n == 1 || r == -EACCES || r == -EROFS)
		return r;
	while ((word = strsep(&words, " "))) {
		r = io_write_existing(dir_fd, "cgroup.subtree_control", word);
		if (r < 0 && first == 0)
			first = r;
	}
	return first;
}

int cgroup_hand_on(int dir_fd, const char *wanted)
{
	char have[NAMES_MAX], enabled[NAMES_MAX], words[NAMES_MAX];
	ssize_t r = io_read_small(dir_fd, "cgroup.controllers", have, sizeof(have));
	int n;

	if (r >= 0)
		r = io_read_small(dir_fd, "cgroup.subtree_control", enabled, sizeof(enabled));
	if (r < 0)
		return (int)r;
	n = select_words(have, wanted, enabled, "+", words);
	if (n == 0)
		return 0;
	return has_processes(dir_fd) ? -EBUSY : write_words(dir_fd, words, n);
}

/* ---- down to a group ----------------------------------------------------------------------------------- */

/* Where and why a controller was not enabled. */
struct refusal {
	int code;
	char at[PATH_MAX];
};

/* Opens the cgroup named by the first @len bytes of @path; 0: the root. */
static int open_above(int root_fd, const char *path, size_t len)
{
	char above[PATH_MAX] = ".";

	if (len >= sizeof(above))
		return -ENAMETOOLONG;
	if (len > 0)
		snprintf(above, sizeof(above), "%.*s", (int)len, path);
	return openat(root_fd, above, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Returns the length of the parent's path. */
static size_t cut(const char *path, size_t len)
{
	while (len > 0 && path[--len] != '/')
		;
	return len;
}

/* systemd marks a delegated cgroup by one of these extended attributes. */
static bool is_delegated(int dir_fd)
{
	static const char *const names[] = { "user.delegate", "trusted.delegate" };
	char value[2];

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (fgetxattr(dir_fd, names[i], value, sizeof(value)) == 1 && value[0] == '1')
			return true;
	return false;
}

/* Finds the ancestor to begin with: the nearest one that has all wanted controllers, or that is delegated. */
static size_t find_top(int root_fd, const char *path, const char *wanted, bool within_delegated)
{
	size_t len = cut(path, strlen(path));

	while (len > 0) {
		auto_close int fd = open_above(root_fd, path, len);
		char have[NAMES_MAX], missing[NAMES_MAX];

		if (fd >= 0 && io_read_small(fd, "cgroup.controllers", have, sizeof(have)) >= 0 &&
		    select_words(wanted, NULL, have, "", missing) == 0)
			return len;
		if (fd >= 0 && within_delegated && is_delegated(fd))
			return len;
		len = cut(path, len);
	}
	return 0;
}

static void hand_down(int root_fd, const char *path, const char *wanted, bool within_delegated,
		      struct refusal *refusal)
{
	const size_t end = cut(path, strlen(path));

	for (size_t len = find_top(root_fd, path, wanted, within_delegated);;) {
		auto_close int fd = open_above(root_fd, path, len);
		int r = fd < 0 ? -errno : cgroup_hand_on(fd, wanted);

		if (r < 0 && refusal->code == 0) {
			refusal->code = r;
			snprintf(refusal->at, sizeof(refusal->at), "/%.*s", (int)len, path);
		}
		if (len >= end)
			return;
		len += len > 0;
		len += strcspn(path + len, "/");
	}
}

void cgroup_enable_all(int root_fd, int dir_fd, const char *path)
{
	char all[NAMES_MAX], have[NAMES_MAX], missing[NAMES_MAX];
	struct refusal ignored = { 0 };

	if (io_read_small(root_fd, "cgroup.controllers", all, sizeof(all)) < 0 ||
	    io_read_small(dir_fd, "cgroup.controllers", have, sizeof(have)) < 0)
		return;
	if (select_words(all, NULL, have, "", missing) > 0 && !is_delegated(dir_fd))
		hand_down(root_fd, path, missing, true, &ignored);
}

static int explain(const struct cgroup_write *write, const char *path, const struct refusal *refusal,
		   struct error *err)
{
	if (refusal->code == 0 || refusal->code == -ENOENT || refusal->code == -EINVAL)
		return cgroup_missing_controller(write, path, err);
	if (refusal->code == -EBUSY)
		return error_set(err, -EBUSY,
				 "enable the %s controller in cgroup '%s': it has processes of its own",
				 write->controller, refusal->at);
	return error_sys(err, refusal->code, "enable the %s controller in cgroup '%s'", write->controller,
			 refusal->at);
}

int cgroup_enable_for(int root_fd, int dir_fd, const char *path, const struct cgroup_writes *writes,
		      struct error *err)
{
	char have[NAMES_MAX];
	ssize_t n;

	if (writes->len == 0)
		return 0;
	n = io_read_small(dir_fd, "cgroup.controllers", have, sizeof(have));
	for (size_t i = 0; n >= 0 && i < writes->len; i++) {
		const char *controller = writes->items[i].controller;
		struct refusal refusal = { 0 };

		if (!controller || writes->items[i].is_default || cgroup_list_has(have, controller))
			continue;
		hand_down(root_fd, path, controller, false, &refusal);
		n = io_read_small(dir_fd, "cgroup.controllers", have, sizeof(have));
		if (n >= 0 && !cgroup_list_has(have, controller))
			return explain(&writes->items[i], path, &refusal, err);
	}
	return n < 0 ? error_sys(err, (int)n, "cgroup '%s': read cgroup.controllers", path) : 0;
}
