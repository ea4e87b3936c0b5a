/* SPDX-License-Identifier: Apache-2.0 */

/* Pure: translates writes to cgroup files, and annotations, to properties of a scope. */

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup/resources.h"
#include "cgroup/systemd.h"
#include "cgroup/systemd_variant.h"
#include "krun/annotations.h"
#include "spec/spec.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/parse.h"

enum { CPUS_MAX = 8192, LONG_BITS = 8 * sizeof(unsigned long) };

/* "max" is UINT64_MAX for systemd. */
static int put_amount(struct strv *words, const char *name, const char *text)
{
	uint64_t value = UINT64_MAX;

	if (strcmp(text, "max") != 0 && parse_u64(text, UINT64_MAX - 1, &value) < 0)
		return -EINVAL;
	return strv_add_format(words, "%s", name) < 0 || strv_add(words, "t") < 0 ?
		       -ENOMEM :
		       strv_add_format(words, "%" PRIu64, value);
}

static int put_number(struct strv *words, const char *name, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	return put_amount(words, name, text);
}

/*
 * systemd does not accept 0 tasks. 1 has the same effect: with the existing process there can be no second
 * one.
 */
static int put_tasks(struct strv *words, const char *name, const char *text)
{
	return put_amount(words, name, strcmp(text, "0") == 0 ? "1" : text);
}

/*
 * "QUOTA PERIOD". systemd stores the quota as microseconds per second and rounds down when it computes the
 * quota again, so this rounds up.
 */
static int put_cpu_max(struct strv *words, const char *name, const char *text)
{
	uint64_t quota, period = 100000;
	char first[32];
	const char *second = strchr(text, ' ');
	int r;

	(void)name;
	snprintf(first, sizeof(first), "%.*s", (int)strcspn(text, " "), text);
	if (second && parse_u64(second + 1, UINT32_MAX, &period) < 0)
		return -EINVAL;
	if (strcmp(first, "max") == 0)
		r = put_amount(words, "CPUQuotaPerSecUSec", "max");
	else if (parse_u64(first, UINT64_MAX / 1000000, &quota) < 0 || period == 0)
		return -EINVAL;
	else
		r = put_number(words, "CPUQuotaPerSecUSec",
			       quota * 1000000 / period + (quota * 1000000 % period != 0));
	return r < 0 ? r : put_number(words, "CPUQuotaPeriodUSec", period);
}

/*
 * Weight 0 means idle (since systemd 252). "max", which is unset, ends that; a weight that was asked for
 * follows.
 */
static int put_cpu_idle(struct strv *words, const char *name, const char *text)
{
	return put_amount(words, name, strcmp(text, "0") == 0 ? "max" : "0");
}

/* Converts a list, "0-3,7", to a bit mask, lowest byte first. */
static int put_cpuset(struct strv *words, const char *name, const char *text)
{
	unsigned long mask[CPUS_MAX / LONG_BITS];
	size_t bytes = CPUS_MAX / 8;
	int r;

	if (parse_bit_list(text, mask, CPUS_MAX) < 0)
		return -EINVAL;
	while (bytes > 0 && !((mask[(bytes - 1) * 8 / LONG_BITS] >> ((bytes - 1) * 8 % LONG_BITS)) & 0xff))
		bytes--;
	r = strv_add(words, name);
	if (r == 0)
		r = strv_add(words, "ay");
	if (r == 0)
		r = strv_add_format(words, "%zu", bytes);
	for (size_t i = 0; r == 0 && i < bytes; i++)
		r = strv_add_format(words, "%lu", (mask[i * 8 / LONG_BITS] >> (i * 8 % LONG_BITS)) & 0xff);
	return r;
}

static int put_device(struct strv *words, const char *name, const char *device, const char *text)
{
	uint64_t value = UINT64_MAX;
	int r;

	if (strcmp(text, "max") != 0 && parse_u64(text, UINT64_MAX - 1, &value) < 0)
		return -EINVAL;
	r = strv_add(words, name);
	if (r == 0)
		r = strv_add(words, "a(st)");
	if (r == 0)
		r = strv_add(words, "1");
	if (r == 0)
		r = strv_add_format(words, "/dev/block/%s", device);
	return r < 0 ? r : strv_add_format(words, "%" PRIu64, value);
}

/* Converts "default N" or "MAJOR:MINOR N". */
static int put_io_weight(struct strv *words, const char *name, const char *text)
{
	char device[32];
	const char *value = strchr(text, ' ');

	if (!value)
		return put_amount(words, name, text);
	snprintf(device, sizeof(device), "%.*s", (int)(value - text), text);
	if (strcmp(device, "default") == 0)
		return put_amount(words, name, value + 1);
	return put_device(words, "IODeviceWeight", device, value + 1);
}

/* Converts "MAJOR:MINOR rbps=N wiops=max ...". */
static int put_io_max(struct strv *words, const char *name, const char *text)
{
	static const struct {
		const char *key, *name;
	} keys[] = {
		{ "rbps", "IOReadBandwidthMax" },
		{ "wbps", "IOWriteBandwidthMax" },
		{ "riops", "IOReadIOPSMax" },
		{ "wiops", "IOWriteIOPSMax" },
	};
	auto_free char *copy = strdup(text);
	char *rest = copy, *device = copy ? strsep(&rest, " ") : NULL, *part;
	int r = copy ? 0 : -ENOMEM;

	(void)name;
	while (r == 0 && (part = strsep(&rest, " "))) {
		char *value = strchr(part, '=');

		if (!value)
			continue;
		*value++ = '\0';
		for (size_t i = 0; r == 0 && i < ARRAY_LEN(keys); i++)
			if (strcmp(keys[i].key, part) == 0)
				r = put_device(words, keys[i].name, device, value);
	}
	return r;
}

static const struct {
	const char *file, *name;
	int (*put)(struct strv *words, const char *name, const char *text);
} files[] = {
	{ "memory.max", "MemoryMax", put_amount },
	{ "memory.high", "MemoryHigh", put_amount },
	{ "memory.low", "MemoryLow", put_amount },
	{ "memory.min", "MemoryMin", put_amount },
	{ "memory.swap.max", "MemorySwapMax", put_amount },
	{ "memory.zswap.max", "MemoryZSwapMax", put_amount },
	{ "pids.max", "TasksMax", put_tasks },
	{ "cpu.weight", "CPUWeight", put_amount },
	{ "cpu.idle", "CPUWeight", put_cpu_idle },
	{ "cpu.max", "", put_cpu_max },
	{ "cpuset.cpus", "AllowedCPUs", put_cpuset },
	{ "cpuset.mems", "AllowedMemoryNodes", put_cpuset },
	{ "io.weight", "IOWeight", put_io_weight },
	{ "io.max", "", put_io_max },
};

/* A text may have several lines (io.max of several devices), each of which is a value. */
static int put_lines(struct strv *words, size_t i, const char *text)
{
	auto_free char *copy = strdup(text);
	char *rest = copy, *line;
	int r = copy ? 0 : -ENOMEM;

	while (r == 0 && (line = strsep(&rest, "\n")))
		if (*line)
			r = files[i].put(words, files[i].name, line);
	return r;
}

bool systemd_renders(const char *file)
{
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		if (strcmp(files[i].file, file) == 0)
			return true;
	return false;
}

int systemd_properties_of_writes(struct strv *words, const struct cgroup_writes *writes, struct error *err)
{
	for (size_t i = 0; i < writes->len; i++) {
		const struct cgroup_write *write = &writes->items[i];

		for (size_t j = 0; j < ARRAY_LEN(files); j++) {
			size_t before = words->len;
			int r;

			if (strcmp(files[j].file, write->file) != 0)
				continue;
			r = put_lines(words, j, write->text);
			if (r == -ENOMEM)
				return error_oom(err);
			/*
			 * A value that cannot be parsed is left to the kernel; systemd might read it in
			 * another way ("50%").
			 */
			while (r < 0 && words->len > before)
				free(take_pointer(words->items[--words->len]));
		}
	}
	return 0;
}

/* ---- annotations --------------------------------------------------------------------------------------- */

static bool is_name(const char *name)
{
	for (const char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c))
			return false;
	return *name;
}

static bool is_ours(const char *name)
{
	static const char *const ours[] = { "PIDs", "Slice", "Delegate", "DelegateControllers" };

	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		if (strcmp(ours[i], name) == 0)
			return true;
	return false;
}

/* Converts seconds, a number of any type, to microseconds of NAMEUSec. */
static int put_seconds(struct strv *words, const char *name, const struct strv *value)
{
	double seconds;
	char *end;

	if (value->len != 2 || !strchr("nqiuxtd", value->items[0][0]))
		return -EINVAL;
	seconds = strtod(value->items[1], &end);
	if (*end || !(seconds >= 0 && seconds < 1e12))
		return -EINVAL;
	if (strv_add_format(words, "!%.*sUSec", (int)strlen(name) - 3, name) < 0 || strv_add(words, "t") < 0)
		return -ENOMEM;
	return strv_add_format(words, "%.0f", seconds * 1e6);
}

static int put_annotation(struct strv *words, const char *name, const char *text, struct error *err)
{
	const size_t len = strlen(name);
	struct strv value = { 0 };
	const bool ours = is_ours(name);
	int r = is_name(name) && !ours ? systemd_variant_parse(text, &value) : -EINVAL;

	if (ours)
		error_set(err, r, "krun sets this property itself");
	else if (r == 0 && len > 3 && strcmp(name + len - 3, "Sec") == 0 &&
		 (len == 4 || strcmp(name + len - 4, "USec") != 0))
		r = put_seconds(words, name, &value);
	else if (r == 0) {
		r = strv_add_format(words, "!%s", name);
		for (size_t i = 0; r == 0 && i < value.len; i++)
			r = strv_add(words, value.items[i]);
	}
	strv_done(&value);
	if (r == -ENOMEM)
		return error_oom(err);
	if (r < 0 && !ours)
		error_set(err, r, "'%s' is not a value in GVariant's text format", text);
	return r < 0 ? error_place(err, error_pointer("/annotations/" KRUN_ANNOTATION_SYSTEMD_PROPERTY "%s",
						      name)) :
		       0;
}

int systemd_properties_of_annotations(struct strv *words, const struct spec_pair *annotations, size_t len,
				      struct error *err)
{
	const size_t prefix = sizeof(KRUN_ANNOTATION_SYSTEMD_PROPERTY) - 1;
	int r = 0;

	for (size_t i = 0; r == 0 && i < len; i++) {
		if (annotations[i].refused ||
		    strncmp(annotations[i].key, KRUN_ANNOTATION_SYSTEMD_PROPERTY, prefix) != 0)
			continue;
		r = put_annotation(words, annotations[i].key + prefix, annotations[i].value, err);
	}
	return r;
}
