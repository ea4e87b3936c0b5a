/* SPDX-License-Identifier: Apache-2.0 */

/*
 * update: takes either a file with resources or options. The options are made into JSON, so that one reader
 * checks both.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "cli/command.h"
#include "json/make.h"
#include "spec/spec.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"
#include "util/parse.h"

enum { RESOURCES_MAX = 16 * 1024 * 1024 };

struct update_options {
	const char *resources;
	const char *blkio_weight, *cpu_burst, *cpu_idle, *cpu_period, *cpu_quota, *cpu_rt_period,
		*cpu_rt_runtime, *cpu_share, *cpuset_cpus, *cpuset_mems, *kernel_memory, *kernel_memory_tcp,
		*l3_cache_schema, *mem_bw_schema, *memory, *memory_reservation, *memory_swap, *pids_limit;
};

#define ROW(name, letter, field, argument, help)                                                  \
	{                                                                                         \
		name, letter, OPTION_TEXT, offsetof(struct update_options, field), argument, help \
	}

static const struct option_row update_rows[] = {
	ROW("resources", 'r', resources, "FILE", "resources object (JSON); - reads stdin"),
	ROW("blkio-weight", 0, blkio_weight, "N", "weight of input and output, 10 to 1000"),
	ROW("cpu-burst", 0, cpu_burst, "USEC", "how much unused quota may be used later"),
	ROW("cpu-idle", 0, cpu_idle, "0|1", "run only when nothing else wants the cpu"),
	ROW("cpu-period", 0, cpu_period, "USEC", "length of a quota's period"),
	ROW("cpu-quota", 0, cpu_quota, "USEC", "cpu time per period; -1: no limit"),
	ROW("cpu-rt-period", 0, cpu_rt_period, "USEC", "not with cgroup v2"),
	ROW("cpu-rt-runtime", 0, cpu_rt_runtime, "USEC", "not with cgroup v2"),
	ROW("cpu-share", 0, cpu_share, "N", "share of the cpu, 2 to 262144"),
	ROW("cpuset-cpus", 0, cpuset_cpus, "LIST", "cpus to use"),
	ROW("cpuset-mems", 0, cpuset_mems, "LIST", "memory nodes to use"),
	ROW("kernel-memory", 0, kernel_memory, "BYTES", "not with cgroup v2"),
	ROW("kernel-memory-tcp", 0, kernel_memory_tcp, "BYTES", "not with cgroup v2"),
	ROW("l3-cache-schema", 0, l3_cache_schema, "TEXT", "Intel RDT: lines for the L3 cache"),
	ROW("mem-bw-schema", 0, mem_bw_schema, "TEXT", "Intel RDT: the line for memory bandwidth"),
	ROW("memory", 0, memory, "BYTES", "memory limit; -1: none. Suffixes k, m, g, t"),
	ROW("memory-reservation", 0, memory_reservation, "BYTES", "memory that is kept longest"),
	ROW("memory-swap", 0, memory_swap, "BYTES", "memory and swap together; -1: no limit"),
	ROW("pids-limit", 0, pids_limit, "N", "number of processes; -1 or 0: no limit"),
	{ 0 },
};

/*
 * The value of an option. LIMIT and BYTES take -1 for "no limit"; 0 is an error except for the kinds FROM_0.
 */
enum amount { COUNT, COUNT_FROM_0, LIMIT, LIMIT_FROM_0, BYTES, WORDS };

/* The member of the linux object that an option sets. */
static const struct place {
	const char *name;
	size_t offset;
	const char *group, *key;
	enum amount type;
} places[] = {
#define PLACE(name, field, group, key, type)                                   \
	{                                                                      \
		name, offsetof(struct update_options, field), group, key, type \
	}
	PLACE("blkio-weight", blkio_weight, "blockIO", "weight", COUNT),
	PLACE("cpu-burst", cpu_burst, "cpu", "burst", COUNT_FROM_0),
	PLACE("cpu-idle", cpu_idle, "cpu", "idle", COUNT_FROM_0),
	PLACE("cpu-period", cpu_period, "cpu", "period", COUNT),
	PLACE("cpu-quota", cpu_quota, "cpu", "quota", LIMIT),
	PLACE("cpu-rt-period", cpu_rt_period, "cpu", "realtimePeriod", COUNT),
	PLACE("cpu-rt-runtime", cpu_rt_runtime, "cpu", "realtimeRuntime", LIMIT),
	PLACE("cpu-share", cpu_share, "cpu", "shares", COUNT),
	PLACE("cpuset-cpus", cpuset_cpus, "cpu", "cpus", WORDS),
	PLACE("cpuset-mems", cpuset_mems, "cpu", "mems", WORDS),
	PLACE("kernel-memory", kernel_memory, "memory", "kernel", BYTES),
	PLACE("kernel-memory-tcp", kernel_memory_tcp, "memory", "kernelTCP", BYTES),
	PLACE("l3-cache-schema", l3_cache_schema, NULL, "l3CacheSchema", WORDS),
	PLACE("mem-bw-schema", mem_bw_schema, NULL, "memBwSchema", WORDS),
	PLACE("memory", memory, "memory", "limit", BYTES),
	PLACE("memory-reservation", memory_reservation, "memory", "reservation", BYTES),
	PLACE("memory-swap", memory_swap, "memory", "swap", BYTES),
	PLACE("pids-limit", pids_limit, "pids", "limit", LIMIT_FROM_0),
#undef PLACE
};

static const char *text_of(const struct update_options *options, const struct place *place)
{
	return *(const char *const *)((const char *)options + place->offset);
}

/*
 * Cuts the unit off @text and returns the number of bits to shift by. "64m", "64mb" and "64MiB" are the same.
 */
static int take_unit(char *text)
{
	static const char units[] = "kmgt";
	char *unit = text + strcspn(text, "kmgtKMGT");

	if (*unit == '\0' || unit == text ||
	    (strcmp(unit + 1, "") != 0 && strcasecmp(unit + 1, "b") != 0 && strcasecmp(unit + 1, "ib") != 0))
		return 0;
	const int shift = 10 * (int)(strchr(units, *unit | 0x20) - units + 1);

	*unit = '\0';
	return shift;
}

static int parse_amount(const char *text, enum amount type, int64_t *ret)
{
	char digits[32];
	int shift, r;

	if (strlen(text) >= sizeof(digits))
		return -ERANGE;
	strcpy(digits, text);
	shift = type == BYTES ? take_unit(digits) : 0;
	r = parse_i64(digits, type == COUNT || type == COUNT_FROM_0 ? 0 : -1, INT64_MAX >> shift, ret);
	if (r == 0 && *ret > 0)
		*ret <<= shift;
	return r;
}

/* Checks the value. *ret: the number; 0 for WORDS. */
static int read_value(const struct place *place, const char *text, int64_t *ret, struct error *err)
{
	static const char *const kinds[] = {
		[COUNT] = "a whole number",	[COUNT_FROM_0] = "a whole number",
		[LIMIT] = "a whole number",	[LIMIT_FROM_0] = "a whole number",
		[BYTES] = "an amount of bytes", [WORDS] = "a value",
	};
	int r;

	*ret = 0;
	if (place->type == WORDS)
		r = *text ? 0 : -EINVAL;
	else
		r = parse_amount(text, place->type, ret);
	if (r == -ERANGE)
		return error_set(err, r, "update: --%s: '%s' is out of range", place->name, text);
	if (r < 0)
		return error_set(err, r, "update: --%s: '%s' is not %s", place->name, text,
				 kinds[place->type]);
	if (*ret == 0 && (place->type == COUNT || place->type == LIMIT || place->type == BYTES))
		return error_set(err, -EINVAL, "update: --%s: 0 would change nothing%s", place->name,
				 place->type == COUNT ? "" : "; -1 is no limit");
	return 0;
}

static int add(struct json_maker *maker, struct json_object *root, const struct place *place,
	       const char *text, struct error *err)
{
	struct json_object *group;
	int64_t number;
	int r = read_value(place, text, &number, err);

	if (r < 0)
		return r;
	group = json_get_or_put(maker, root, place->group ? "resources" : "intelRdt", json_type_object);
	if (place->group)
		group = json_get_or_put(maker, group, place->group, json_type_object);
	if (place->type == WORDS)
		json_put_text(maker, group, place->key, text);
	else
		json_put_i64(maker, group, place->key, number);
	return 0;
}

static int from_options(const struct update_options *options, struct spec **ret, struct error *err)
{
	struct json_maker maker = { 0 };
	auto_json root = json_make_object(&maker);
	auto_free char *text = NULL;

	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		const char *word = text_of(options, &places[i]);
		int r = word ? add(&maker, root, &places[i], word, err) : 0;

		if (r < 0)
			return r;
	}
	if (root && json_object_object_length(root) == 0)
		return error_set(err, -EINVAL, "update: nothing to change, see 'krun update --help'");
	text = json_make_text(&maker, root, JSON_COMPACT);
	return text ? spec_parse_update(text, strlen(text), "update", ret, err) : error_oom(err);
}

static int from_file(const char *path, struct spec **ret, struct error *err)
{
	auto_free char *text = NULL;
	size_t size;
	int r;

	if (strcmp(path, "-") == 0) {
		path = "stdin";
		r = io_read_all(STDIN_FILENO, RESOURCES_MAX, &text, &size);
	} else {
		r = io_read_file(AT_FDCWD, path, RESOURCES_MAX, &text, &size);
	}
	if (r < 0)
		return error_sys(err, r, "--resources: %s", path);
	return spec_parse_resources(text, size, path, ret, err);
}

static bool has_option(const struct update_options *options)
{
	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		if (text_of(options, &places[i]))
			return true;
	return false;
}

static int run_update(struct cli *cli, void *arguments, struct error *err)
{
	const struct update_options *options = arguments;
	struct spec *changes = NULL;
	int r;

	if (options->resources && has_option(options))
		return error_set(err, -EINVAL, "--resources and other options of update cannot be combined");
	r = options->resources ? from_file(options->resources, &changes, err) :
				 from_options(options, &changes, err);
	if (r == 0 && options->resources)
		spec_warn(changes);
	if (r == 0)
		r = container_update(&cli->runtime, cli->args[0], changes, err);
	/* An error about options has no document to name. */
	if (r < 0 && changes && options->resources)
		spec_name_document(changes, err);
	spec_free(changes);
	return r;
}

const struct command command_update = {
	.name = "update",
	.arguments = "ID",
	.id_argument = 1,
	.summary = "change the limits of a container",
	.options = update_rows,
	.options_size = sizeof(struct update_options),
	.args_min = 1,
	.args_max = 1,
	.run = run_update,
};
