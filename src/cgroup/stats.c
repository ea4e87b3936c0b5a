/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup/stats.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"
#include "util/parse.h"

enum { TEXT_MAX = 16 * 1024 * 1024, NS_PER_USEC = 1000 };

struct reader {
	int dir_fd;
	struct cgroup_stats *stats;
};

static struct cgroup_number *slot(const struct reader *reader, size_t offset)
{
	return (struct cgroup_number *)((char *)reader->stats + offset);
}

/* A file that cannot be read counts as absent: the container may have made a directory of that name. */
static bool read_small(const struct reader *reader, const char *file, char *text, size_t size)
{
	return io_read_small(reader->dir_fd, file, text, size) >= 0;
}

/* ---- files of one number, and of lines "KEY VALUE" ----------------------------------------------------- */

static void read_numbers(const struct reader *reader)
{
	static const struct {
		const char *file;
		size_t offset;
	} rows[] = {
		{ "memory.current", offsetof(struct cgroup_stats, memory.usage) },
		{ "memory.max", offsetof(struct cgroup_stats, memory.limit) },
		{ "memory.peak", offsetof(struct cgroup_stats, memory.peak) },
		{ "memory.swap.current", offsetof(struct cgroup_stats, swap.usage) },
		{ "memory.swap.max", offsetof(struct cgroup_stats, swap.limit) },
		{ "memory.swap.peak", offsetof(struct cgroup_stats, swap.peak) },
		{ "pids.current", offsetof(struct cgroup_stats, pids) },
		{ "pids.max", offsetof(struct cgroup_stats, pids_limit) },
	};
	char text[32];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (read_small(reader, rows[i].file, text, sizeof(text)))
			*slot(reader, rows[i].offset) = cgroup_parse_number(text);
}

/* -ENODEV without cpu.stat, which every cgroup has. */
static int read_keys(const struct reader *reader)
{
	static const struct {
		const char *file; /* rows of the same file are adjacent */
		const char *key;
		size_t offset;
		uint64_t factor;
	} rows[] = {
		{ "cpu.stat", "usage_usec", offsetof(struct cgroup_stats, cpu_total), NS_PER_USEC },
		{ "cpu.stat", "user_usec", offsetof(struct cgroup_stats, cpu_user), NS_PER_USEC },
		{ "cpu.stat", "system_usec", offsetof(struct cgroup_stats, cpu_system), NS_PER_USEC },
		{ "cpu.stat", "nr_periods", offsetof(struct cgroup_stats, cpu_periods), 1 },
		{ "cpu.stat", "nr_throttled", offsetof(struct cgroup_stats, cpu_throttled_periods), 1 },
		{ "cpu.stat", "throttled_usec", offsetof(struct cgroup_stats, cpu_throttled_time),
		  NS_PER_USEC },
		{ "memory.events", "max", offsetof(struct cgroup_stats, memory.failures), 1 },
		{ "memory.swap.events", "max", offsetof(struct cgroup_stats, swap.failures), 1 },
	};
	const char *file = NULL;
	char text[4096];
	bool readable = false;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cgroup_number number;

		if (!file || strcmp(file, rows[i].file) != 0) {
			file = rows[i].file;
			readable = read_small(reader, file, text, sizeof(text));
			if (i == 0 && !readable)
				return -ENODEV;
		}
		number = readable ? cgroup_parse_key(text, rows[i].key) : (struct cgroup_number){ 0 };
		number.value *= rows[i].factor;
		*slot(reader, rows[i].offset) = number;
	}
	return 0;
}

/* ---- the rest ------------------------------------------------------------------------------------------ */

static void read_pressures(const struct reader *reader)
{
	static const struct {
		const char *file;
		size_t offset;
	} rows[] = {
		{ "cpu.pressure", offsetof(struct cgroup_stats, cpu_pressure) },
		{ "memory.pressure", offsetof(struct cgroup_stats, memory_pressure) },
		{ "io.pressure", offsetof(struct cgroup_stats, io_pressure) },
	};
	char text[512];

	/* With psi=0 on the kernel's command line they can be opened but not read. */
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (read_small(reader, rows[i].file, text, sizeof(text)))
			*(struct cgroup_pressure *)((char *)reader->stats + rows[i].offset) =
				cgroup_parse_pressure(text);
}

static int read_memory_stat(const struct reader *reader)
{
	struct cgroup_stats *stats = reader->stats;
	auto_free char *text = NULL;
	int r = io_read_file(reader->dir_fd, "memory.stat", TEXT_MAX, &text, NULL);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	stats->memory_cache = cgroup_parse_key(text, "file");
	stats->memory_inactive_file = cgroup_parse_key(text, "inactive_file");
	stats->memory_kernel = cgroup_parse_key(text, "kernel"); /* Linux 5.18 */
	stats->memory_sockets = cgroup_parse_key(text, "sock");
	return cgroup_parse_entries(text, &stats->arena, &stats->memory_stat, &stats->memory_stat_len);
}

static int read_io(const struct reader *reader)
{
	struct cgroup_stats *stats = reader->stats;
	auto_free char *text = NULL;
	int r = io_read_file(reader->dir_fd, "io.stat", TEXT_MAX, &text, NULL);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	stats->has_io = true;
	return cgroup_parse_io(text, &stats->arena, &stats->io, &stats->io_len);
}

static int read_rdma(const struct reader *reader)
{
	struct cgroup_stats *stats = reader->stats;
	char text[4096];
	int r = 0;

	if (read_small(reader, "rdma.current", text, sizeof(text)))
		r = cgroup_parse_rdma(text, &stats->arena, &stats->rdma, &stats->rdma_len);
	if (r == 0 && read_small(reader, "rdma.max", text, sizeof(text)))
		r = cgroup_parse_rdma(text, &stats->arena, &stats->rdma_limits, &stats->rdma_limits_len);
	return r;
}

static void read_cpuset(const struct reader *reader)
{
	struct cgroup_stats *stats = reader->stats;
	char text[4096];

	stats->has_cpus = read_small(reader, "cpuset.cpus.effective", text, sizeof(text)) &&
			  parse_bit_list(text, stats->cpus, CGROUP_STATS_CPUS) == 0;
	stats->has_nodes = read_small(reader, "cpuset.mems.effective", text, sizeof(text)) &&
			   parse_bit_list(text, stats->nodes, CGROUP_STATS_NODES) == 0;
}

/* ---- hugetlb: a set of files for each size ------------------------------------------------------------- */

/* Extracts "2MB" from "hugetlb.2MB.current", but not from "hugetlb.2MB.rsvd.current". */
static bool size_of_name(const char *name, char *ret, size_t size)
{
	static const char start[] = "hugetlb.", end[] = ".current";
	size_t len;

	if (strncmp(name, start, strlen(start)) != 0)
		return false;
	name += strlen(start);
	len = strcspn(name, ".");
	if (len == 0 || len >= size || strcmp(name + len, end) != 0)
		return false;
	memcpy(ret, name, len);
	ret[len] = '\0';
	return true;
}

static struct cgroup_usage read_hugetlb_size(const struct reader *reader, const char *size)
{
	struct cgroup_usage usage = { 0 };
	char file[NAME_MAX + 1], text[64];

	snprintf(file, sizeof(file), "hugetlb.%s.current", size);
	if (read_small(reader, file, text, sizeof(text)))
		usage.usage = cgroup_parse_number(text);
	snprintf(file, sizeof(file), "hugetlb.%s.max", size);
	if (read_small(reader, file, text, sizeof(text)))
		usage.limit = cgroup_parse_number(text);
	snprintf(file, sizeof(file), "hugetlb.%s.events", size);
	if (read_small(reader, file, text, sizeof(text)))
		usage.failures = cgroup_parse_key(text, "max");
	return usage;
}

static int add_hugetlb(const struct reader *reader, const char *size)
{
	enum { SIZES_MAX = 16 };
	struct cgroup_stats *stats = reader->stats;
	const struct cgroup_hugetlb found = {
		.size = arena_strdup(&stats->arena, size),
		.usage = read_hugetlb_size(reader, size),
	};

	if (!stats->hugetlb)
		stats->hugetlb = arena_alloc(&stats->arena, SIZES_MAX, sizeof(*stats->hugetlb));
	if (!found.size || !stats->hugetlb)
		return -ENOMEM;
	/* A directory made by the container has no usage. No machine has more page sizes. */
	if (found.usage.usage.set && stats->hugetlb_len < SIZES_MAX)
		stats->hugetlb[stats->hugetlb_len++] = found;
	return 0;
}

static int read_hugetlb(const struct reader *reader)
{
	struct dirent *entry;
	char size[32];
	DIR *dir;
	int r = io_open_directory(reader->dir_fd, ".", &dir);

	if (r < 0)
		return r;
	while (r == 0 && (r = io_next_entry(dir, &entry)) > 0)
		r = size_of_name(entry->d_name, size, sizeof(size)) ? add_hugetlb(reader, size) : 0;
	closedir(dir);
	return r;
}

/* ---- all of it ----------------------------------------------------------------------------------------- */

int cgroup_stats_read(const struct cgroup *cgroup, struct cgroup_stats *ret, struct error *err)
{
	static int (*const parts[])(const struct reader *) = { read_memory_stat, read_io, read_rdma,
							       read_hugetlb };
	const struct reader reader = { cgroup->dir_fd, ret };
	int r;

	*ret = (struct cgroup_stats){ 0 };
	r = read_keys(&reader);
	if (r < 0)
		return error_set(err, r, "cgroup '%s' is gone", cgroup->place.path);
	read_numbers(&reader);
	read_pressures(&reader);
	read_cpuset(&reader);
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(parts); i++)
		r = parts[i](&reader);
	if (r < 0) {
		cgroup_stats_done(ret);
		return error_sys(err, r, "read the statistics of cgroup '%s'", cgroup->place.path);
	}
	return 0;
}

void cgroup_stats_done(struct cgroup_stats *stats)
{
	arena_done(&stats->arena);
}

static struct cgroup_number sum(struct cgroup_number a, struct cgroup_number b)
{
	if (!a.set || !b.set)
		return (struct cgroup_number){ 0 };
	if (a.value == CGROUP_NO_LIMIT || b.value == CGROUP_NO_LIMIT)
		return (struct cgroup_number){ true, CGROUP_NO_LIMIT };
	return (struct cgroup_number){ true, a.value + b.value };
}

struct cgroup_usage cgroup_memory_and_swap(const struct cgroup_stats *stats)
{
	return (struct cgroup_usage){
		.limit = sum(stats->memory.limit, stats->swap.limit),
		.usage = sum(stats->memory.usage, stats->swap.usage),
		.failures = stats->swap.failures,
	};
}
