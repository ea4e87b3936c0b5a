/* SPDX-License-Identifier: Apache-2.0 */

/* Reads the counters of a class or monitoring group. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup/rdt.h"
#include "cgroup/stats.h"
#include "util/cleanup.h"
#include "util/io.h"
#include "util/strv.h"

enum { SCHEMATA_MAX = 64 * 1024 };

/* The kernel right-aligns the names of resources with blanks. */
static int take_schemata(int group_fd, struct rdt_stats *stats)
{
	auto_free char *text = NULL;
	char *rest, *line;
	int r = io_read_file(group_fd, "schemata", SCHEMATA_MAX, &text, NULL);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	rest = text;
	while (r == 0 && (line = strsep(&rest, "\n"))) {
		char **place;

		line += strspn(line, " ");
		place = strncmp(line, "L3:", 3) == 0 ? &stats->l3_cache :
			strncmp(line, "MB:", 3) == 0 ? &stats->mem_bw :
						       NULL;
		if (!place || *place)
			continue;
		*place = strdup(line);
		r = *place ? 0 : -ENOMEM;
	}
	return r;
}

/* The kernel writes "Unavailable" or "Error" when the hardware did not count. */
static uint64_t read_count(int dir_fd, const char *file)
{
	struct cgroup_number number = { 0 };
	char text[32];

	if (io_read_small(dir_fd, file, text, sizeof(text)) > 0)
		number = cgroup_parse_number(text);
	return number.set ? number.value : RDT_UNKNOWN;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Lists the domains of the level 3 cache ("mon_L3_00"), sorted. */
static int list_domains(int mon_data_fd, struct strv *ret)
{
	struct dirent *entry;
	DIR *dir;
	int r = io_open_directory(mon_data_fd, ".", &dir);

	if (r < 0)
		return r;
	while (r == 0 && (r = io_next_entry(dir, &entry)) > 0)
		r = strncmp(entry->d_name, "mon_L3_", 7) == 0 ? strv_add(ret, entry->d_name) : 0;
	closedir(dir);
	if (ret->len > 0)
		qsort(ret->items, ret->len, sizeof(*ret->items), compare);
	return r;
}

static int take_domains(int mon_data_fd, struct rdt_stats *stats)
{
	struct strv names = { 0 };
	int r = list_domains(mon_data_fd, &names);

	if (r == 0 && names.len > 0)
		stats->domains = calloc(names.len, sizeof(*stats->domains));
	if (r == 0 && names.len > 0 && !stats->domains)
		r = -ENOMEM;
	for (size_t i = 0; r == 0 && i < names.len; i++) {
		auto_close int fd = openat(mon_data_fd, names.items[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0)
			continue;
		stats->domains[stats->domains_len++] = (struct rdt_domain){
			.occupancy = read_count(fd, "llc_occupancy"),
			.total_bytes = read_count(fd, "mbm_total_bytes"),
			.local_bytes = read_count(fd, "mbm_local_bytes"),
		};
	}
	strv_done(&names);
	return r;
}

int rdt_stats_read(int resctrl_fd, const struct rdt_group *group, const char *id, struct rdt_stats *ret)
{
	auto_close int group_fd =
		strchr(group->name, '/') ?
			-EINVAL :
			openat(resctrl_fd, group->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_close int mon_data_fd = -1;
	char path[NAME_MAX + 32] = "mon_data";
	int r;

	*ret = (struct rdt_stats){ 0 };
	if (group_fd < 0)
		return 0;
	r = take_schemata(group_fd, ret);
	if (group->monitoring)
		snprintf(path, sizeof(path), "mon_groups/%s/mon_data", id);
	if (group->monitoring || strcmp(group->name, id) == 0)
		mon_data_fd = openat(group_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r == 0 && mon_data_fd >= 0)
		r = take_domains(mon_data_fd, ret);
	if (r < 0)
		rdt_stats_done(ret);
	return r;
}

void rdt_stats_done(struct rdt_stats *stats)
{
	free(stats->l3_cache);
	free(stats->mem_bw);
	free(stats->domains);
	*stats = (struct rdt_stats){ 0 };
}
