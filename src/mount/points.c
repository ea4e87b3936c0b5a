/* SPDX-License-Identifier: Apache-2.0 */
#include "mount/points.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mount/plan.h"
#include "mount/mount.h"
#include "spec/spec.h"
#include "syscall/open.h"
#include "syscall/statx.h"
#include "util/cleanup.h"
#include "util/error.h"

/* ---- the table ----------------------------------------------------------------------------------------- */

/* Decodes octal escapes such as "\040", in place. */
static void unescape(char *text)
{
	char *out = text;

	for (const char *in = text; *in; out++) {
		if (in[0] == '\\' && in[1] >= '0' && in[1] <= '3' && in[2] >= '0' && in[2] <= '7' &&
		    in[3] >= '0' && in[3] <= '7') {
			*out = (char)((in[1] - '0') << 6 | (in[2] - '0') << 3 | (in[3] - '0'));
			in += 4;
		} else {
			*out = *in++;
		}
	}
	*out = '\0';
}

/* The file system's type stands behind " - ", which ends the optional fields. */
static char *copy_type(const char *line)
{
	const char *mark = strstr(line, " - ");

	if (!mark)
		return strdup("");
	mark += strlen(" - ");
	return strndup(mark, strcspn(mark, " "));
}

static int parse_row(const char *line, struct mount_row *row)
{
	int start = 0, end = 0;

	if (sscanf(line, "%d %d %u:%u %*s %n%*s%n", &row->id, &row->parent, &row->major, &row->minor, &start,
		   &end) < 4 ||
	    end <= start)
		return -EBADMSG;
	row->point = strndup(line + start, (size_t)(end - start));
	row->type = copy_type(line + end);
	if (!row->point || !row->type)
		return -ENOMEM;
	unescape(row->point);
	return 0;
}

int mount_table_parse(const char *text, struct mount_table *ret)
{
	struct mount_table table = { 0 };
	size_t lines = 1;

	for (const char *at = text; *at; at++)
		lines += *at == '\n';
	table.rows = calloc(lines, sizeof(*table.rows));
	*ret = (struct mount_table){ 0 };
	if (!table.rows)
		return -ENOMEM;
	for (const char *line = text; *line;) {
		const size_t len = strcspn(line, "\n");
		/*
		 * A line of its own, because sscanf(3) looks for the end of its whole text first, and a
		 * container may have as many mounts as fs.mount-max allows.
		 */
		auto_free char *row = strndup(line, len);
		int r = row ? parse_row(row, &table.rows[table.len]) : -ENOMEM;

		if (r < 0) {
			table.len++;
			mount_table_done(&table);
			return r;
		}
		table.len++;
		line += len + (line[len] == '\n');
	}
	*ret = table;
	return 0;
}

void mount_table_done(struct mount_table *table)
{
	for (size_t i = 0; i < table->len; i++) {
		free(table->rows[i].point);
		free(table->rows[i].type);
	}
	free(table->rows);
	*table = (struct mount_table){ 0 };
}

const struct mount_row *mount_table_find(const struct mount_table *table, int id)
{
	for (size_t i = 0; i < table->len; i++)
		if (table->rows[i].id == id)
			return &table->rows[i];
	return NULL;
}

static bool has_file_system(const struct mount_table *table, const struct mount_row *row)
{
	for (size_t i = 0; i < table->len; i++)
		if (table->rows[i].major == row->major && table->rows[i].minor == row->minor)
			return true;
	return false;
}

/* ---- pairs --------------------------------------------------------------------------------------------- */

int mount_pairs_add(struct mount_pairs *pairs, const char *name, const char *path)
{
	struct mount_pair *items = realloc(pairs->items, (pairs->len + 1) * sizeof(*items));
	struct mount_pair pair;

	if (!items)
		return -ENOMEM;
	pairs->items = items;
	pair = (struct mount_pair){ strdup(name), strdup(path) };
	if (!pair.name || !pair.path) {
		free(pair.name);
		free(pair.path);
		return -ENOMEM;
	}
	pairs->items[pairs->len++] = pair;
	return 0;
}

void mount_pairs_done(struct mount_pairs *pairs)
{
	for (size_t i = 0; i < pairs->len; i++) {
		free(pairs->items[i].name);
		free(pairs->items[i].path);
	}
	free(pairs->items);
	*pairs = (struct mount_pairs){ 0 };
}

/* ---- a running container ------------------------------------------------------------------------------- */

enum claim { CLAIM_NONE, CLAIM_ALONE, CLAIM_RECURSIVE };

struct finder {
	const struct mount_search *search;
	enum claim *claims; /* one for each row of search->all */
	const char **names;
	struct mount_pairs *points; /* what was found */
	struct strv *below;
};

/* Returns the row of the mount whose root is at @path; NULL: @path is not a mount point. */
static const struct mount_row *row_of(const struct mount_search *search, const char *path, bool nofollow,
				      bool only_device)
{
	auto_close int fd = nofollow ? open_in_root_nofollow(search->root_fd, path, O_PATH) :
				       open_in_root(search->root_fd, path, O_PATH);
	struct sys_statx st;

	if (fd < 0 ||
	    sys_statx(fd, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, SYS_STATX_TYPE | SYS_STATX_MNT_ID, &st) <
		    0 ||
	    !st.mount_root)
		return NULL;
	if (only_device && !S_ISCHR(st.mode) && !S_ISBLK(st.mode))
		return NULL;
	return mount_table_find(search->all, (int)st.mount_id);
}

static int claim(struct finder *finder, const char *name, const struct mount_row *row, enum claim how,
		 struct error *err)
{
	size_t index;

	if (!row)
		return 0;
	index = (size_t)(row - finder->search->all->rows);
	if (finder->claims[index] != CLAIM_NONE)
		return 0;
	/* CRIU's option is "mnt[PATH]:NAME", without escapes. */
	if (strpbrk(row->point, "]\n\t") || strpbrk(name, "]\n\t"))
		return error_set(err, -EOPNOTSUPP,
				 "mount '%s': CRIU does not accept ']', tab or newline in a path", name);
	finder->claims[index] = how;
	finder->names[index] = name;
	return mount_pairs_add(finder->points, name, row->point) < 0 ? error_oom(err) : 0;
}

static bool is_cgroup(const struct spec_mount *mount)
{
	return strcmp(mount->type, "cgroup") == 0 || strcmp(mount->type, "cgroup2") == 0;
}

static bool is_outside(const struct spec_mount *mount, bool has_cgroupns)
{
	if (mount->options.remount)
		return false;
	return mount->options.bind || (is_cgroup(mount) && !has_cgroupns);
}

static int claim_configured(struct finder *finder, struct error *err)
{
	const struct mount_search *search = finder->search;
	const struct spec *spec = search->spec;
	int r = 0;

	/* Of several mounts on one destination only the last is visible. */
	for (size_t i = spec->mounts_len; r == 0 && i-- > 0;) {
		const struct spec_mount *mount = &spec->mounts[i];

		if (is_outside(mount, search->has_cgroupns))
			r = claim(finder, mount->destination,
				  row_of(search, mount->destination, mount->options.dest_nofollow, false),
				  mount->options.recursive_bind ? CLAIM_RECURSIVE : CLAIM_ALONE, err);
	}
	for (size_t i = 0; r == 0 && search->extra && search->extra[i]; i++)
		r = claim(finder, search->extra[i], row_of(search, search->extra[i], false, false),
			  CLAIM_ALONE, err);
	/* Device nodes may be bind mounts of the host's. */
	for (size_t i = 0; r == 0; i++) {
		const char *path = mount_device_path(spec, i);

		if (!path)
			break;
		r = claim(finder, path, row_of(search, path, true, true), CLAIM_ALONE, err);
	}
	return r;
}

static int claim_with(struct finder *finder, const struct mount_row *top, const char *destination,
		      const struct mount_row *row, struct error *err)
{
	const size_t len = strlen(top->point);
	auto_free char *name = NULL;

	if (strncmp(row->point, top->point, len) != 0 || row->point[len] != '/')
		return 0;
	if (asprintf(&name, "%s%s", destination, row->point + len) < 0) {
		name = NULL;
		return error_oom(err);
	}
	if (strv_add_format(finder->below, "%s\t%s", destination, row->point + len + 1) < 0)
		return error_oom(err);
	return claim(finder, name, row, CLAIM_ALONE, err);
}

/*
 * Claims a mount that came with a recursive bind: one below it whose file system is also mounted in
 * krun's namespace.
 */
static int claim_below(struct finder *finder, const struct mount_row *row, struct error *err)
{
	const struct mount_search *search = finder->search;
	const struct mount_row *top = row;

	if (!has_file_system(search->own, row))
		return 0;
	for (size_t steps = 0; steps < search->all->len; steps++) {
		size_t index;

		top = mount_table_find(search->all, top->parent);
		if (!top)
			return 0;
		index = (size_t)(top - search->all->rows);
		if (finder->claims[index] == CLAIM_NONE || finder->claims[index] == CLAIM_ALONE)
			continue;
		return claim_with(finder, &search->all->rows[index], finder->names[index], row, err);
	}
	return 0;
}

int mount_outside_find(const struct mount_search *search, struct mount_pairs *ret, struct strv *ret_below,
		       struct error *err)
{
	struct finder finder = {
		.search = search,
		.claims = calloc(search->all->len + 1, sizeof(*finder.claims)),
		.names = calloc(search->all->len + 1, sizeof(*finder.names)),
		.points = ret,
		.below = ret_below,
	};
	int r;

	*ret = (struct mount_pairs){ 0 };
	*ret_below = (struct strv){ 0 };
	r = finder.claims && finder.names ? claim_configured(&finder, err) : error_oom(err);
	for (size_t i = 0; r == 0 && i < search->all->len; i++)
		if (finder.claims[i] == CLAIM_NONE)
			r = claim_below(&finder, &search->all->rows[i], err);
	free(finder.claims);
	free(finder.names);
	return r;
}

/* ---- a restore ----------------------------------------------------------------------------------------- */

/* Resolves symbolic links once, here, so that CRIU gets a path without any. */
static int path_of(int dir_fd, const char *source, bool nofollow, char *path, size_t size)
{
	auto_close int fd = openat(dir_fd, source, O_PATH | O_CLOEXEC | (nofollow ? O_NOFOLLOW : 0));

	return fd < 0 ? -errno : fd_path(fd, path, size);
}

/*
 * Finds a mount that came with a recursive bind, and requires that it is a mount point now, too. The
 * checkpoint may come from another host, and another container may be able to change the source, so no
 * link is followed.
 */
static int path_below(const char *path, const char *rest, char *place, size_t size)
{
	auto_close int dir_fd = open(path, O_PATH | O_CLOEXEC);
	auto_close int fd = -1;
	struct sys_statx st;
	int r;

	if (dir_fd < 0)
		return -errno;
	fd = sys_openat2(dir_fd, rest, O_PATH | O_CLOEXEC, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	if (fd < 0)
		return fd;
	r = sys_statx(fd, "", AT_EMPTY_PATH, SYS_STATX_MNT_ID, &st);
	if (r < 0)
		return r;
	if (!st.mount_root)
		return -ENOENT;
	return snprintf(place, size, "%s/%s", path, rest) < (int)size ? 0 : -ENAMETOOLONG;
}

static int add_below(const char *destination, const char *path, char *const *below, struct mount_pairs *pairs,
		     struct error *err)
{
	const size_t len = strlen(destination);

	for (; below && *below; below++) {
		const char *rest = strchr(*below, '\t');
		char place[PATH_MAX], name[PATH_MAX];
		int r;

		if (!rest || (size_t)(rest - *below) != len || strncmp(*below, destination, len) != 0)
			continue;
		rest++;
		r = path_below(path, rest, place, sizeof(place));
		if (r < 0)
			return error_sys(err, r, "mount '%s/%s', which the checkpoint has", destination,
					 rest);
		snprintf(name, sizeof(name), "%s/%s", destination, rest);
		if (mount_pairs_add(pairs, name, place) < 0)
			return error_oom(err);
	}
	return 0;
}

static int add_source(const struct spec_mount *mount, int bundle_fd, char *const *below,
		      const char *cgroup_path, struct mount_pairs *pairs, struct error *err)
{
	char path[PATH_MAX];
	int r;

	if (!mount->options.bind)
		r = cgroup_path ? snprintf(path, sizeof(path), "%s", cgroup_path) : -ENOENT;
	else
		r = mount->source ? path_of(bundle_fd, mount->source, mount->options.source_nofollow, path,
					    sizeof(path)) :
				    -EINVAL;
	if (r < 0)
		return error_sys(err, r, "source '%s' of mount '%s'", mount->source ? mount->source : "",
				 mount->destination);
	if (mount_pairs_add(pairs, mount->destination, path) < 0)
		return error_oom(err);
	return mount->options.recursive_bind ? add_below(mount->destination, path, below, pairs, err) : 0;
}

int mount_sources_find(const struct spec *spec, int bundle_fd, char *const *below, const char *cgroup_path,
		       bool has_cgroupns, struct mount_pairs *ret, struct error *err)
{
	int r = 0;

	*ret = (struct mount_pairs){ 0 };
	for (size_t i = 0; r == 0 && i < spec->mounts_len; i++)
		if (is_outside(&spec->mounts[i], has_cgroupns) && !spec->mounts[i].options.copy_symlink)
			r = add_source(&spec->mounts[i], bundle_fd, below, cgroup_path, ret, err);
	for (size_t i = 0; r == 0; i++) {
		const char *path = mount_device_path(spec, i);

		if (!path)
			break;
		if (mount_pairs_add(ret, path, path) < 0)
			r = error_oom(err);
	}
	return r;
}
