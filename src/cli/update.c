/* SPDX-License-Identifier: Apache-2.0 */

/*
 * update: either a file of resources or options. The options become the same JSON, so that one reader checks
 * both.
 */

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
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
		*memory, *memory_reservation, *memory_swap, *pids_limit;
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
	ROW("cpu-rt-period", 0, cpu_rt_period, "USEC", "length of a real-time period"),
	ROW("cpu-rt-runtime", 0, cpu_rt_runtime, "USEC", "real-time cpu time per period"),
	ROW("cpu-share", 0, cpu_share, "N", "share of the cpu, 2 to 262144"),
	ROW("cpuset-cpus", 0, cpuset_cpus, "LIST", "cpus to use"),
	ROW("cpuset-mems", 0, cpuset_mems, "LIST", "memory nodes to use"),
	ROW("kernel-memory", 0, kernel_memory, "BYTES", "not with cgroup v2"),
	ROW("kernel-memory-tcp", 0, kernel_memory_tcp, "BYTES", "not with cgroup v2"),
	ROW("memory", 0, memory, "BYTES", "memory limit; -1: none. Suffixes k, m, g, t"),
	ROW("memory-reservation", 0, memory_reservation, "BYTES", "memory that is kept longest"),
	ROW("memory-swap", 0, memory_swap, "BYTES", "memory and swap together; -1: no limit"),
	ROW("pids-limit", 0, pids_limit, "N", "number of processes; -1: no limit"),
	{ 0 },
};

/* Where an option goes in the resources object, and whether it is text. */
static const struct {
	size_t offset;
	const char *group, *key;
	enum { NUMBER, BYTES, WORDS } type;
} places[] = {
#define PLACE(field, group, key, type)                                   \
	{                                                                \
		offsetof(struct update_options, field), group, key, type \
	}
	PLACE(blkio_weight, "blockIO", "weight", NUMBER),
	PLACE(cpu_burst, "cpu", "burst", NUMBER),
	PLACE(cpu_idle, "cpu", "idle", NUMBER),
	PLACE(cpu_period, "cpu", "period", NUMBER),
	PLACE(cpu_quota, "cpu", "quota", NUMBER),
	PLACE(cpu_rt_period, "cpu", "realtimePeriod", NUMBER),
	PLACE(cpu_rt_runtime, "cpu", "realtimeRuntime", NUMBER),
	PLACE(cpu_share, "cpu", "shares", NUMBER),
	PLACE(cpuset_cpus, "cpu", "cpus", WORDS),
	PLACE(cpuset_mems, "cpu", "mems", WORDS),
	PLACE(kernel_memory, "memory", "kernel", BYTES),
	PLACE(kernel_memory_tcp, "memory", "kernelTCP", BYTES),
	PLACE(memory, "memory", "limit", BYTES),
	PLACE(memory_reservation, "memory", "reservation", BYTES),
	PLACE(memory_swap, "memory", "swap", BYTES),
	PLACE(pids_limit, "pids", "limit", NUMBER),
#undef PLACE
};

/* "512", "64m", "-1" */
static int parse_amount(const char *text, bool bytes, int64_t *ret)
{
	static const char units[] = "kmgt";
	size_t len = strlen(text);
	const char *unit = len > 1 && bytes ? strchr(units, text[len - 1] | 0x20) : NULL;
	char digits[32];
	int shift = unit ? 10 * (int)(unit - units + 1) : 0;
	int r;

	if (len >= sizeof(digits))
		return -ERANGE;
	memcpy(digits, text, len + 1);
	if (unit)
		digits[len - 1] = '\0';
	r = parse_i64(digits, -1, INT64_MAX >> shift, ret);
	if (r == 0 && *ret > 0)
		*ret <<= shift;
	return r;
}

static int add(struct json_object *root, size_t i, const char *text, struct error *err)
{
	struct json_object *group = NULL, *value;
	int64_t number;

	if (!json_object_object_get_ex(root, places[i].group, &group)) {
		group = json_object_new_object();
		json_object_object_add(root, places[i].group, group);
	}
	if (places[i].type == WORDS) {
		value = json_object_new_string(text);
	} else {
		if (parse_amount(text, places[i].type == BYTES, &number) < 0)
			return error_set(err, -EINVAL, "update: '%s' is no amount for %s.%s", text,
					 places[i].group, places[i].key);
		value = json_object_new_int64(number);
	}
	if (!group || !value)
		return error_oom(err);
	json_object_object_add(group, places[i].key, value);
	return 0;
}

static int from_options(const struct update_options *options, struct spec **ret, struct error *err)
{
	struct json_object *root = json_object_new_object();
	int r = root ? 0 : error_oom(err);
	const char *text;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(places); i++) {
		text = *(const char *const *)((const char *)options + places[i].offset);
		if (text)
			r = add(root, i, text, err);
	}
	if (r == 0 && json_object_object_length(root) == 0)
		r = error_set(err, -EINVAL, "update: nothing to change, see 'krun update --help'");
	if (r == 0) {
		text = json_object_to_json_string(root);
		r = text ? spec_parse_resources(text, strlen(text), "options", ret, err) : error_oom(err);
	}
	json_object_put(root);
	return r;
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
		if (*(const char *const *)((const char *)options + places[i].offset))
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
	if (r == 0)
		r = container_update(&cli->host, cli->args[0], changes, err);
	spec_free(changes);
	return r;
}

const struct command command_update = {
	.name = "update",
	.arguments = "ID",
	.summary = "change the limits of a container",
	.options = update_rows,
	.options_size = sizeof(struct update_options),
	.args_min = 1,
	.args_max = 1,
	.run = run_update,
};
