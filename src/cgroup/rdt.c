/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup/rdt.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "spec/spec.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"
#include "util/strv.h"

#define MOUNT_POINT "/sys/fs/resctrl"
#define ROOT_CLASS "."

enum { RDTGROUP_MAGIC = 0x7655821 /* linux/magic.h */, SCHEMATA_MAX = 64 * 1024 };

int rdt_open(struct error *err)
{
	auto_close int fd = open(MOUNT_POINT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;

	if (fd < 0 || fstatfs(fd, &fs) < 0 || fs.f_type != RDTGROUP_MAGIC)
		return error_at(err, -EOPNOTSUPP, "/linux/intelRdt",
				"no resctrl file system is mounted on '" MOUNT_POINT "'");
	return take_fd(&fd);
}

/* ---- schemata ------------------------------------------------------------------------------------------ */

/* Collects the lines of l3CacheSchema, without those that memBwSchema replaces, and memBwSchema. */
static int old_schemata(const struct spec_rdt *rdt, struct strv *ret)
{
	auto_free char *copy = strdup(rdt->l3_cache_schema ? rdt->l3_cache_schema : "");
	char *rest = copy, *line;
	int r = copy ? 0 : -ENOMEM;

	while (r == 0 && (line = strsep(&rest, "\n")))
		if (*line && !(rdt->mem_bw_schema && strncmp(line, "MB:", 3) == 0))
			r = strv_add(ret, line);
	if (r == 0 && rdt->mem_bw_schema)
		r = strv_add(ret, rdt->mem_bw_schema);
	return r;
}

static int write_schemata(int group_fd, char *const *lines, struct error *err)
{
	char *joined = NULL;
	int r = 0;

	for (size_t i = 0; r == 0 && lines[i]; i++) {
		char *longer = NULL;

		if (asprintf(&longer, "%s%s\n", joined ? joined : "", lines[i]) < 0)
			r = -ENOMEM;
		free(joined);
		joined = r < 0 ? NULL : longer;
	}
	if (r < 0)
		return error_oom(err);
	r = joined ? io_write_existing(group_fd, "schemata", joined) : 0;
	if (r < 0)
		error_sys_at(err, r, "/linux/intelRdt", "write '%.*s' to schemata",
			     (int)strcspn(joined, "\n"), joined);
	free(joined);
	return r;
}

/* Checks that the existing class has every wanted line. */
static int compare_schemata(int group_fd, char *const *lines, const char *name, struct error *err)
{
	auto_free char *text = NULL;
	size_t size;
	int r = io_read_file(group_fd, "schemata", SCHEMATA_MAX, &text, &size);

	if (r < 0)
		return error_sys_at(err, r, "/linux/intelRdt", "read schemata of '%s'", name);
	for (size_t i = 0; lines[i]; i++) {
		auto_free char *copy = strdup(text);
		char *rest = copy, *line;
		bool found = false;

		while (copy && !found && (line = strsep(&rest, "\n"))) {
			line += strspn(line, " ");
			found = strcmp(line, lines[i]) == 0;
		}
		if (!found)
			return error_at(err, -EINVAL, "/linux/intelRdt",
					"class '%s' exists, and its schemata have no line '%s'", name,
					lines[i]);
	}
	return 0;
}

/* ---- groups -------------------------------------------------------------------------------------------- */

static int open_group(int resctrl_fd, const char *name)
{
	int fd = openat(resctrl_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int make_monitoring(int group_fd, const char *id, struct error *err)
{
	char path[NAME_MAX + 16];

	snprintf(path, sizeof(path), "mon_groups/%s", id);
	if (mkdirat(group_fd, path, 0755) < 0 && errno != EEXIST)
		return error_sys_at(err, -errno, "/linux/intelRdt/enableMonitoring", "make '%s'", path);
	return 0;
}

static int fill_group(int group_fd, const struct spec_rdt *rdt, const char *name, bool existed,
		      struct error *err)
{
	struct strv old = { 0 };
	int r = old_schemata(rdt, &old);

	if (r < 0)
		r = error_oom(err);
	if (r == 0 && old.len > 0)
		r = existed && rdt->clos_id ? compare_schemata(group_fd, old.items, name, err) :
					      write_schemata(group_fd, old.items, err);
	/* config-linux.md: schemata is written last. */
	if (r == 0 && rdt->schemata)
		r = write_schemata(group_fd, rdt->schemata, err);
	strv_done(&old);
	return r;
}

int rdt_prepare(int resctrl_fd, const struct spec_rdt *rdt, const char *id, struct rdt_group *ret,
		struct error *err)
{
	const bool root = rdt->clos_id && strcmp(rdt->clos_id, "/") == 0;
	const char *name = root ? ROOT_CLASS : rdt->clos_id ? rdt->clos_id : id;
	const bool has_schema = rdt->l3_cache_schema || rdt->mem_bw_schema || rdt->schemata;
	auto_close int group_fd = open_group(resctrl_fd, name);
	const bool existed = group_fd >= 0;
	int r;

	*ret = (struct rdt_group){ 0 };
	if (!existed && rdt->clos_id && !has_schema)
		return error_sys_at(err, group_fd, "/linux/intelRdt/closID", "class '%s'", name);
	if (!existed && mkdirat(resctrl_fd, name, 0755) < 0)
		return error_sys_at(err, -errno, "/linux/intelRdt", "make class '%s'", name);
	ret->name = strdup(name);
	if (!ret->name)
		return error_oom(err);
	if (!existed)
		group_fd = open_group(resctrl_fd, name);
	if (group_fd < 0)
		return error_sys_at(err, group_fd, "/linux/intelRdt", "open class '%s'", name);
	r = fill_group(group_fd, rdt, name, existed, err);
	if (r < 0 || !rdt->enable_monitoring)
		return r;
	r = make_monitoring(group_fd, id, err);
	ret->monitoring = r == 0;
	return r;
}

int rdt_update(int resctrl_fd, const struct rdt_group *group, const struct spec_rdt *rdt, char **ret_old,
	       struct error *err)
{
	auto_close int group_fd = open_group(resctrl_fd, group->name);
	auto_free char *old = NULL;
	struct strv lines = { 0 };
	int r = group_fd < 0 ? group_fd : io_read_file(group_fd, "schemata", SCHEMATA_MAX, &old, NULL);

	if (r < 0)
		return error_sys_at(err, r, "/linux/intelRdt", "read schemata of '%s'", group->name);
	r = old_schemata(rdt, &lines);
	if (r < 0)
		error_oom(err);
	else if (lines.len > 0)
		r = write_schemata(group_fd, lines.items, err);
	strv_done(&lines);
	if (r == 0)
		*ret_old = take_pointer(old);
	return r;
}

int rdt_restore(int resctrl_fd, const struct rdt_group *group, const char *old, struct error *err)
{
	auto_close int group_fd = open_group(resctrl_fd, group->name);
	int r = group_fd < 0 ? group_fd : io_write_existing(group_fd, "schemata", old);

	return r < 0 ? error_sys_at(err, r, "/linux/intelRdt", "write back the schemata of '%s'",
				    group->name) :
		       0;
}

int rdt_add(int resctrl_fd, const struct rdt_group *group, const char *id, pid_t pid, struct error *err)
{
	auto_close int group_fd = open_group(resctrl_fd, group->name);
	char text[16], path[NAME_MAX + 32];
	int r = group_fd < 0 ? group_fd : 0;

	snprintf(text, sizeof(text), "%d", pid);
	if (r == 0)
		r = io_write_existing(group_fd, "tasks", text);
	snprintf(path, sizeof(path), "mon_groups/%s/tasks", id);
	if (r == 0 && group->monitoring)
		r = io_write_existing(group_fd, path, text);
	return r < 0 ? error_sys_at(err, r, "/linux/intelRdt", "add process %d to class '%s'", pid,
				    group->name) :
		       0;
}

int rdt_remove(int resctrl_fd, const struct rdt_group *group, const char *id, struct error *err)
{
	char path[2 * NAME_MAX + 16];
	int r = 0;

	snprintf(path, sizeof(path), "%s/mon_groups/%s", group->name, id);
	if (group->monitoring && unlinkat(resctrl_fd, path, AT_REMOVEDIR) < 0 && errno != ENOENT)
		r = error_sys_at(err, -errno, "/linux/intelRdt", "remove '%s'", path);
	/* A class with another name may be used by others. */
	if (strcmp(group->name, id) == 0 && unlinkat(resctrl_fd, id, AT_REMOVEDIR) < 0 && errno != ENOENT)
		r = error_sys_at(err, -errno, "/linux/intelRdt", "remove class '%s'", id);
	return r;
}
