/* SPDX-License-Identifier: Apache-2.0 */

/* config-linux.md "Control groups". Types and ranges only; cgroup/resources.c translates the values. */

#include <string.h>

#include "spec/resources.h"
#include "spec/read.h"
#include "util/error.h"

#define FIELD(key, type, structure, member, read, arg)                                      \
	{                                                                                   \
		key, json_type_##type, false, offsetof(struct structure, member), read, arg \
	}

/* ---- devices ------------------------------------------------------------------------------- */

static int read_rule_type(struct json_reader *reader, struct json_object *value, void *target,
			  const void *arg)
{
	const char *text = json_object_get_string(value);

	(void)arg;
	if (strlen(text) != 1 || !strchr("acbu", text[0]))
		return json_error(reader, "'%s' is none of a, c, b", text);
	*(char *)target = text[0] == 'u' ? 'c' : text[0];
	return 0;
}

/* Engines send -1 for "any number". */
static int read_device_number(struct json_reader *reader, struct json_object *value, void *target,
			      const void *arg)
{
	static const struct json_range range = { -1, UINT32_MAX };
	struct opt_i64 *number = target;
	int r = spec_read_opt_i64(reader, value, target, &range);

	(void)arg;
	if (r == 0 && number->value == -1)
		number->set = false;
	return r;
}

static int read_access(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	struct spec_device_rule *rule = target;
	const char *text = json_object_get_string(value);

	(void)arg;
	if (!*text)
		return 0;
	rule->read = rule->write = rule->mknod = false;
	for (const char *letter = text; *letter; letter++) {
		switch (*letter) {
		case 'r':
			rule->read = true;
			break;
		case 'w':
			rule->write = true;
			break;
		case 'm':
			rule->mknod = true;
			break;
		default:
			return json_error(reader, "'%s' has other letters than r, w, m", text);
		}
	}
	return 0;
}

static const struct json_field rule_fields[] = {
	{ "allow", json_type_boolean, true, offsetof(struct spec_device_rule, allow), json_read_bool, NULL },
	FIELD("type", string, spec_device_rule, type, read_rule_type, NULL),
	FIELD("major", int, spec_device_rule, major, read_device_number, NULL),
	FIELD("minor", int, spec_device_rule, minor, read_device_number, NULL),
	{ "access", json_type_string, false, 0, read_access, NULL },
	{ 0 },
};

static int read_rule(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	struct spec_device_rule *rule = target;

	(void)arg;
	rule->type = 'a';
	rule->read = rule->write = rule->mknod = true;
	return json_read_fields(reader, value, rule_fields, rule);
}

static const struct json_array_shape rules_shape = {
	.size = sizeof(struct spec_device_rule),
	.len_offset = offsetof(struct spec_resources, devices_len) - offsetof(struct spec_resources, devices),
	.type = json_type_object,
	.read = read_rule,
};

/* ---- memory, cpu, pids --------------------------------------------------------------------- */

struct opt_bool {
	bool set, value;
};

static int read_opt_bool(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	struct opt_bool *option = target;
	int r = json_read_bool(reader, value, &option->value, arg);

	option->set = r == 0;
	return r;
}

static const struct json_range minus_one = { -1, INT64_MAX };

/* Old engines send -1 for "not set", docker as an unsigned number. */
static int read_swappiness(struct json_reader *reader, struct json_object *value, void *target,
			   const void *arg)
{
	struct opt_u64 *option = target;

	(void)arg;
	if (json_object_get_int64(value) < 0 || json_object_get_uint64(value) == UINT64_MAX)
		return 0;
	option->value = json_object_get_uint64(value);
	option->set = true;
	return option->value <= 100 ? 0 : json_error(reader, "out of range (0 to 100)");
}

static const struct json_field memory_fields[] = {
	FIELD("limit", int, spec_memory, limit, spec_read_opt_i64, &minus_one),
	FIELD("reservation", int, spec_memory, reservation, spec_read_opt_i64, &minus_one),
	FIELD("swap", int, spec_memory, swap, spec_read_opt_i64, &minus_one),
	FIELD("kernel", int, spec_memory, kernel, spec_read_opt_i64, &minus_one),
	FIELD("kernelTCP", int, spec_memory, kernel_tcp, spec_read_opt_i64, &minus_one),
	FIELD("swappiness", int, spec_memory, swappiness, read_swappiness, NULL),
	FIELD("disableOOMKiller", boolean, spec_memory, disable_oom_killer, json_read_bool, NULL),
	FIELD("useHierarchy", boolean, spec_memory, use_hierarchy, read_opt_bool, NULL),
	FIELD("checkBeforeUpdate", boolean, spec_memory, check_before_update, read_opt_bool, NULL),
	{ 0 },
};

static const struct json_range idle_range = { 0, 1 };

static const struct json_field cpu_fields[] = {
	FIELD("shares", int, spec_cpu, shares, spec_read_opt_u64, NULL),
	FIELD("period", int, spec_cpu, period, spec_read_opt_u64, NULL),
	FIELD("burst", int, spec_cpu, burst, spec_read_opt_u64, NULL),
	FIELD("realtimePeriod", int, spec_cpu, realtime_period, spec_read_opt_u64, NULL),
	FIELD("realtimeRuntime", int, spec_cpu, realtime_runtime, spec_read_opt_i64, NULL),
	FIELD("quota", int, spec_cpu, quota, spec_read_opt_i64, NULL),
	FIELD("idle", int, spec_cpu, idle, spec_read_opt_i64, &idle_range),
	FIELD("cpus", string, spec_cpu, cpus, json_read_string, NULL),
	FIELD("mems", string, spec_cpu, mems, json_read_string, NULL),
	{ 0 },
};

static const struct json_field pids_fields[] = {
	{ "limit", json_type_int, false, 0, spec_read_opt_i64, NULL },
	{ 0 },
};

/* ---- blockIO, hugepages, rdma, network ----------------------------------------------------- */

static const struct json_range number_range = { 0, UINT32_MAX };

static const struct json_field throttle_fields[] = {
	{ "major", json_type_int, true, offsetof(struct spec_throttle, major), json_read_i64, &number_range },
	{ "minor", json_type_int, true, offsetof(struct spec_throttle, minor), json_read_i64, &number_range },
	{ "rate", json_type_int, true, offsetof(struct spec_throttle, rate), json_read_u64, NULL },
	{ 0 },
};

static const struct json_array_shape throttle_shape = {
	.size = sizeof(struct spec_throttle),
	.len_offset = offsetof(struct spec_throttle_list, len) - offsetof(struct spec_throttle_list, items),
	.type = json_type_object,
	.read = json_read_object,
	.arg = throttle_fields,
};

static const struct json_range weight_range = { 0, 1000 };

static const struct json_field weight_fields[] = {
	{ "major", json_type_int, true, offsetof(struct spec_weight_device, major), json_read_i64,
	  &number_range },
	{ "minor", json_type_int, true, offsetof(struct spec_weight_device, minor), json_read_i64,
	  &number_range },
	FIELD("weight", int, spec_weight_device, weight, spec_read_opt_u64, &weight_range),
	FIELD("leafWeight", int, spec_weight_device, leaf_weight, spec_read_opt_u64, &weight_range),
	{ 0 },
};

static const struct json_array_shape weight_shape = {
	.size = sizeof(struct spec_weight_device),
	.len_offset = offsetof(struct spec_block_io, weight_devices_len) -
		      offsetof(struct spec_block_io, weight_devices),
	.type = json_type_object,
	.read = json_read_object,
	.arg = weight_fields,
};

static const struct json_field block_io_fields[] = {
	FIELD("weight", int, spec_block_io, weight, spec_read_opt_u64, &weight_range),
	FIELD("leafWeight", int, spec_block_io, leaf_weight, spec_read_opt_u64, &weight_range),
	FIELD("weightDevice", array, spec_block_io, weight_devices, json_read_array, &weight_shape),
	FIELD("throttleReadBpsDevice", array, spec_block_io, read_bps, json_read_array, &throttle_shape),
	FIELD("throttleWriteBpsDevice", array, spec_block_io, write_bps, json_read_array, &throttle_shape),
	FIELD("throttleReadIOPSDevice", array, spec_block_io, read_iops, json_read_array, &throttle_shape),
	FIELD("throttleWriteIOPSDevice", array, spec_block_io, write_iops, json_read_array, &throttle_shape),
	{ 0 },
};

static int read_page_size(struct json_reader *reader, struct json_object *value, void *target,
			  const void *arg)
{
	const char *text = json_object_get_string(value);
	size_t digits = strspn(text, "0123456789");

	(void)arg;
	/* It becomes a part of a file name, so only digits and a unit are allowed. */
	if (digits == 0 || digits > 8 ||
	    (strcmp(text + digits, "KB") != 0 && strcmp(text + digits, "MB") != 0 &&
	     strcmp(text + digits, "GB") != 0))
		return json_error(reader, "'%s' is not a page size such as 2MB", text);
	*(const char **)target = text;
	return 0;
}

static const struct json_field hugepage_fields[] = {
	{ "pageSize", json_type_string, true, offsetof(struct spec_hugepage_limit, page_size), read_page_size,
	  NULL },
	{ "limit", json_type_int, true, offsetof(struct spec_hugepage_limit, limit), json_read_u64, NULL },
	{ 0 },
};

static const struct json_array_shape hugepage_shape = {
	.size = sizeof(struct spec_hugepage_limit),
	.len_offset = offsetof(struct spec_resources, hugepage_limits_len) -
		      offsetof(struct spec_resources, hugepage_limits),
	.type = json_type_object,
	.read = json_read_object,
	.arg = hugepage_fields,
};

static const struct json_field rdma_fields[] = {
	FIELD("hcaHandles", int, spec_rdma, handles, spec_read_opt_u64, NULL),
	FIELD("hcaObjects", int, spec_rdma, objects, spec_read_opt_u64, NULL),
	{ 0 },
};

static int read_rdma(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	struct spec_resources *resources = target;
	size_t len = (size_t)json_object_object_length(value), i = 0;

	(void)arg;
	resources->rdma = arena_alloc(reader->arena, len, sizeof(*resources->rdma));
	if (!resources->rdma)
		return error_oom(reader->err);
	json_object_object_foreach(value, device, limits)
	{
		int r = json_enter_key(reader, device);

		if (r == 0)
			r = json_check_type(reader, limits, json_type_object);
		if (r == 0)
			r = json_read_fields(reader, limits, rdma_fields, &resources->rdma[i]);
		if (r < 0)
			return r;
		json_leave(reader);
		resources->rdma[i++].device = device;
	}
	resources->rdma_len = len;
	return 0;
}

static const struct json_field priority_fields[] = {
	{ "name", json_type_string, true, offsetof(struct spec_priority, name), json_read_string, NULL },
	{ "priority", json_type_int, true, offsetof(struct spec_priority, priority), json_read_u64, NULL },
	{ 0 },
};

static const struct json_array_shape priority_shape = {
	.size = sizeof(struct spec_priority),
	.len_offset = offsetof(struct spec_resources, network_priorities_len) -
		      offsetof(struct spec_resources, network_priorities),
	.type = json_type_object,
	.read = json_read_object,
	.arg = priority_fields,
};

static const struct json_field network_fields[] = {
	FIELD("classID", int, spec_resources, network_class_id, spec_read_opt_u64, &number_range),
	FIELD("priorities", array, spec_resources, network_priorities, json_read_array, &priority_shape),
	{ 0 },
};

/* ---- the whole ----------------------------------------------------------------------------- */

static const struct json_field resource_fields[] = {
	FIELD("devices", array, spec_resources, devices, json_read_array, &rules_shape),
	FIELD("memory", object, spec_resources, memory, json_read_object, memory_fields),
	FIELD("cpu", object, spec_resources, cpu, json_read_object, cpu_fields),
	FIELD("pids", object, spec_resources, pids_limit, json_read_object, pids_fields),
	FIELD("blockIO", object, spec_resources, block_io, json_read_object, block_io_fields),
	FIELD("hugepageLimits", array, spec_resources, hugepage_limits, json_read_array, &hugepage_shape),
	{ "rdma", json_type_object, false, 0, read_rdma, NULL },
	{ "network", json_type_object, false, 0, json_read_object, network_fields },
	FIELD("unified", object, spec_resources, unified, spec_read_pairs, NULL),
	{ 0 },
};

int spec_read_resources(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	(void)arg;
	return json_read_fields(reader, value, resource_fields, target);
}
