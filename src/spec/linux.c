/* SPDX-License-Identifier: Apache-2.0 */

/* config-linux.md without resources and seccomp. */

#include <net/if.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/personality.h>

#include "spec/read.h"
#include "spec/spec.h"
#include "util/array.h"
#include "util/error.h"

const char *const spec_namespace_words[] = {
	[NS_USER] = "user",	[NS_PID] = "pid",   [NS_NETWORK] = "network",
	[NS_MOUNT] = "mount",	[NS_IPC] = "ipc",   [NS_UTS] = "uts",
	[NS_CGROUP] = "cgroup", [NS_TIME] = "time", NULL,
};
_Static_assert(ARRAY_LEN(spec_namespace_words) == NS_KIND_COUNT + 1, "one word a kind");

/* ---- namespaces and ids -------------------------------------------------------------------- */

struct namespace_entry {
	const char *type;
	const char *path;
};

static const struct json_field namespace_fields[] = {
	{ "type", json_type_string, true, offsetof(struct namespace_entry, type), json_read_string, NULL },
	{ "path", json_type_string, false, offsetof(struct namespace_entry, path), json_read_string, NULL },
	{ 0 },
};

static int read_namespace(struct json_reader *reader, struct json_object *value,
			  struct spec_namespace *namespaces)
{
	struct namespace_entry entry = { 0 };
	int r = json_read_fields(reader, value, namespace_fields, &entry);

	if (r < 0)
		return r;
	for (int kind = 0; kind < NS_KIND_COUNT; kind++) {
		if (strcmp(entry.type, spec_namespace_words[kind]) != 0)
			continue;
		if (namespaces[kind].listed)
			return json_error(reader, "the %s namespace is listed twice", entry.type);
		namespaces[kind].listed = true;
		if (entry.path && *entry.path) {
			if (entry.path[0] != '/')
				return json_error(reader, "'%s' is not an absolute path", entry.path);
			namespaces[kind].path = entry.path;
		}
		return 0;
	}
	json_enter_key(reader, "type");
	return json_error_unknown(reader, "namespace", entry.type, spec_namespace_words,
				  sizeof(spec_namespace_words[0]), NS_KIND_COUNT);
}

static int read_namespaces(struct json_reader *reader, struct json_object *value, void *target,
			   const void *arg)
{
	(void)arg;
	for (size_t i = 0; i < json_object_array_length(value); i++) {
		struct json_object *element = json_object_array_get_idx(value, i);
		int r = json_enter_index(reader, i);

		if (r == 0)
			r = json_check_type(reader, element, json_type_object);
		if (r == 0)
			r = read_namespace(reader, element, target);
		if (r < 0)
			return r;
		json_leave(reader);
	}
	return 0;
}

static const struct json_range size_range = { 1, UINT32_MAX };

static const struct json_field mapping_fields[] = {
	{ "containerID", json_type_int, true, offsetof(struct spec_id_mapping, container_id), json_read_u32,
	  NULL },
	{ "hostID", json_type_int, true, offsetof(struct spec_id_mapping, host_id), json_read_u32, NULL },
	{ "size", json_type_int, true, offsetof(struct spec_id_mapping, size), json_read_u32, &size_range },
	{ 0 },
};

static bool overlap(uint32_t a, uint32_t a_size, uint32_t b, uint32_t b_size)
{
	return (uint64_t)a < (uint64_t)b + b_size && (uint64_t)b < (uint64_t)a + a_size;
}

/* Reports what the kernel would reject with EINVAL only, user_namespaces(7). */
int spec_check_mappings(struct json_reader *reader, const struct spec_id_mapping *items, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if ((uint64_t)items[i].container_id + items[i].size > UINT32_MAX ||
		    (uint64_t)items[i].host_id + items[i].size > UINT32_MAX)
			return json_error(reader, "mapping %zu reaches beyond the largest id", i);
		for (size_t j = 0; j < i; j++)
			if (overlap(items[i].container_id, items[i].size, items[j].container_id,
				    items[j].size) ||
			    (items[i].relative == items[j].relative &&
			     overlap(items[i].host_id, items[i].size, items[j].host_id, items[j].size)))
				return json_error(reader, "mappings %zu and %zu overlap", j, i);
	}
	return 0;
}

struct mapping_list {
	struct spec_id_mapping *items;
	size_t len;
};

int spec_read_mappings(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	static const struct json_array_shape shape = {
		.size = sizeof(struct spec_id_mapping),
		.len_offset = offsetof(struct mapping_list, len),
		.type = json_type_object,
		.read = json_read_object,
		.arg = mapping_fields,
	};
	struct mapping_list *list = target;
	int r = json_read_array(reader, value, list, &shape);

	(void)arg;
	return r < 0 ? r : spec_check_mappings(reader, list->items, list->len);
}

/* ---- time offsets -------------------------------------------------------------------------- */

static const struct json_range nanosecs_range = { 0, 999999999 };

static const struct json_field offset_fields[] = {
	{ "secs", json_type_int, false, offsetof(struct spec_time_offset, secs), json_read_i64, NULL },
	{ "nanosecs", json_type_int, false, offsetof(struct spec_time_offset, nanosecs), json_read_u32,
	  &nanosecs_range },
	{ 0 },
};

static int read_offset(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	((struct spec_time_offset *)target)->set = true;
	return json_read_fields(reader, value, arg, target);
}

static const struct json_field clock_fields[] = {
	{ "monotonic", json_type_object, false, offsetof(struct spec, monotonic), read_offset,
	  offset_fields },
	{ "boottime", json_type_object, false, offsetof(struct spec, boottime), read_offset, offset_fields },
	{ 0 },
};

/* ---- devices ------------------------------------------------------------------------------- */

struct device_entry {
	const char *path, *type;
	struct opt_i64 major, minor;
	struct opt_u64 mode, uid, gid;
};

/* makedev(3) has room for more, but the kernel's dev_t for these: 12 and 20 bits. */
static const struct json_range major_range = { 0, 4095 };
static const struct json_range minor_range = { 0, 1048575 };
static const struct json_range mode_range = { 0, 0177777 };
static const struct json_range id_range = { 0, UINT32_MAX - 1 };

static const struct json_field device_fields[] = {
	{ "path", json_type_string, true, offsetof(struct device_entry, path), spec_read_path, NULL },
	{ "type", json_type_string, true, offsetof(struct device_entry, type), json_read_string, NULL },
	{ "major", json_type_int, false, offsetof(struct device_entry, major), spec_read_opt_i64,
	  &major_range },
	{ "minor", json_type_int, false, offsetof(struct device_entry, minor), spec_read_opt_i64,
	  &minor_range },
	{ "fileMode", json_type_int, false, offsetof(struct device_entry, mode), spec_read_opt_u64,
	  &mode_range },
	{ "uid", json_type_int, false, offsetof(struct device_entry, uid), spec_read_opt_u64, &id_range },
	{ "gid", json_type_int, false, offsetof(struct device_entry, gid), spec_read_opt_u64, &id_range },
	{ 0 },
};

static int read_device(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	struct spec_device *device = target;
	struct device_entry entry = { 0 };
	int r = json_read_fields(reader, value, device_fields, &entry);

	(void)arg;
	if (r < 0)
		return r;
	if (strlen(entry.type) != 1 || !strchr("cubp", entry.type[0])) {
		json_enter_key(reader, "type");
		return json_error(reader, "'%s' is none of c, u, b, p", entry.type);
	}
	if (entry.type[0] != 'p' && (!entry.major.set || !entry.minor.set))
		return json_error(reader, "'%s': major and minor are needed", entry.path);
	if (strcmp(entry.path, "/") == 0)
		return json_error(reader, "'/' cannot be a device");
	*device = (struct spec_device){
		.path = entry.path,
		.type = entry.type[0] == 'u' ? 'c' : entry.type[0],
		.major = (unsigned int)entry.major.value,
		.minor = (unsigned int)entry.minor.value,
		/* Engines send all of st_mode, with the file type. */
		.mode = entry.mode.set ? (mode_t)entry.mode.value & 07777 : 0666,
		.uid = (uid_t)entry.uid.value,
		.gid = (gid_t)entry.gid.value,
	};
	return 0;
}

static const struct json_array_shape devices_shape = {
	.size = sizeof(struct spec_device),
	.len_offset = offsetof(struct spec, devices_len) - offsetof(struct spec, devices),
	.type = json_type_object,
	.read = read_device,
};

/* ---- words --------------------------------------------------------------------------------- */

static int read_propagation(struct json_reader *reader, struct json_object *value, void *target,
			    const void *arg)
{
	static const struct {
		const char *word;
		unsigned long value;
	} words[] = {
		{ "", 0 },
		{ "shared", MS_SHARED },
		{ "rshared", MS_SHARED | MS_REC },
		{ "slave", MS_SLAVE },
		{ "rslave", MS_SLAVE | MS_REC },
		{ "private", MS_PRIVATE },
		{ "rprivate", MS_PRIVATE | MS_REC },
		{ "unbindable", MS_UNBINDABLE },
		{ "runbindable", MS_UNBINDABLE | MS_REC },
	};
	const char *word = json_object_get_string(value);

	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strcmp(word, words[i].word) == 0) {
			*(unsigned long *)target = words[i].value;
			return 0;
		}
	}
	return json_error_unknown(reader, "propagation", word, &words[0].word, sizeof(words[0]),
				  ARRAY_LEN(words));
}

struct personality_entry {
	const char *domain;
	char **flags;
};

static int read_personality(struct json_reader *reader, struct json_object *value, void *target,
			    const void *arg)
{
	static const struct json_field fields[] = {
		{ "domain", json_type_string, true, offsetof(struct personality_entry, domain),
		  json_read_string, NULL },
		{ "flags", json_type_array, false, offsetof(struct personality_entry, flags),
		  json_read_strings, NULL },
		{ 0 },
	};
	struct personality_entry entry = { 0 };
	struct spec *spec = target;
	int r = json_read_fields(reader, value, fields, &entry);

	(void)arg;
	if (r < 0)
		return r;
	if (entry.flags && entry.flags[0])
		return json_error(reader, "flags are not defined by the specification");
	if (strcmp(entry.domain, "LINUX") == 0)
		spec->personality.value = PER_LINUX;
	else if (strcmp(entry.domain, "LINUX32") == 0)
		spec->personality.value = PER_LINUX32;
	else
		return json_error(reader, "unknown domain '%s'", entry.domain);
	spec->personality.set = true;
	return 0;
}

/* ---- resctrl ------------------------------------------------------------------------------- */

static int read_clos_id(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	const char *name = json_object_get_string(value);

	(void)arg;
	if (!*name)
		return 0;
	if (strcmp(name, "/") != 0 &&
	    (strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0))
		return json_error(reader, "'%s' is not the name of a class", name);
	*(const char **)target = name;
	return 0;
}

/* config-linux.md "IntelRdt": memBwSchema "MUST start with MB:" and "MUST NOT contain newlines". */
static int read_bandwidth(struct json_reader *reader, struct json_object *value, void *target,
			  const void *arg)
{
	const char *text = json_object_get_string(value);

	(void)arg;
	if (!*text)
		return 0;
	if (strncmp(text, "MB:", 3) != 0 || strchr(text, '\n'))
		return json_error(reader, "'%s' is not one line that starts with MB:", text);
	*(const char **)target = text;
	return 0;
}

static int read_cache(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	(void)reader;
	(void)arg;
	if (*json_object_get_string(value))
		*(const char **)target = json_object_get_string(value);
	return 0;
}

int spec_read_rdt(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	static const struct json_field fields[] = {
		{ "closID", json_type_string, false, offsetof(struct spec_rdt, clos_id), read_clos_id, NULL },
		{ "l3CacheSchema", json_type_string, false, offsetof(struct spec_rdt, l3_cache_schema),
		  read_cache, NULL },
		{ "memBwSchema", json_type_string, false, offsetof(struct spec_rdt, mem_bw_schema),
		  read_bandwidth, NULL },
		{ "schemata", json_type_array, false, offsetof(struct spec_rdt, schemata), json_read_strings,
		  NULL },
		{ "enableMonitoring", json_type_boolean, false, offsetof(struct spec_rdt, enable_monitoring),
		  json_read_bool, NULL },
		{ 0 },
	};
	struct spec_rdt *rdt = arena_alloc(reader->arena, 1, sizeof(*rdt));
	int r;

	(void)arg;
	if (!rdt)
		return error_oom(reader->err);
	/* Engines send {} for no class. */
	if (json_object_object_length(value) == 0)
		return 0;
	r = json_read_fields(reader, value, fields, rdt);
	if (r == 0)
		*(struct spec_rdt **)target = rdt;
	return r;
}

/* ---- network devices ----------------------------------------------------------------------- */

/* As dev_valid_name() of the kernel; with @template "%d" is allowed, too. */
static bool is_device_name(const char *name, bool template)
{
	const char *percent = strchr(name, '%');

	if (!*name || strlen(name) >= IFNAMSIZ || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	if (percent && (!template || percent[1] != 'd' || strchr(percent + 1, '%')))
		return false;
	return strcspn(name, "/: \t\n\v\f\r") == strlen(name);
}

static int read_net_devices(struct json_reader *reader, struct json_object *value, void *target,
			    const void *arg)
{
	static const struct json_field fields[] = {
		{ "name", json_type_string, false, offsetof(struct spec_net_device, new_name),
		  json_read_string, NULL },
		{ 0 },
	};
	struct spec *spec = target;
	size_t len = (size_t)json_object_object_length(value), i = 0;
	struct spec_net_device *devices = arena_alloc(reader->arena, len + 1, sizeof(*devices));

	(void)arg;
	if (!devices)
		return error_oom(reader->err);
	json_object_object_foreach(value, key, member)
	{
		int r = json_enter_key(reader, key);

		if (r == 0)
			r = json_check_type(reader, member, json_type_object);
		if (r == 0 && !is_device_name(key, false))
			r = json_error(reader, "no network device can have this name");
		if (r == 0)
			r = json_read_fields(reader, member, fields, &devices[i]);
		if (r < 0)
			return r;
		devices[i].name = key;
		if (!devices[i].new_name || !*devices[i].new_name)
			devices[i].new_name = key;
		if (!is_device_name(devices[i].new_name, true))
			return json_error(reader, "no network device can have the name '%s'",
					  devices[i].new_name);
		json_leave(reader);
		i++;
	}
	spec->net_devices = devices;
	spec->net_devices_len = len;
	return 0;
}

/* ---- the whole ----------------------------------------------------------------------------- */

#define SPEC(member) offsetof(struct spec, member)

static const struct json_field linux_fields[] = {
	{ "namespaces", json_type_array, false, SPEC(namespaces), read_namespaces, NULL },
	{ "uidMappings", json_type_array, false, SPEC(id_maps.uids), spec_read_mappings, NULL },
	{ "gidMappings", json_type_array, false, SPEC(id_maps.gids), spec_read_mappings, NULL },
	{ "timeOffsets", json_type_object, false, 0, json_read_object, clock_fields },
	{ "devices", json_type_array, false, SPEC(devices), json_read_array, &devices_shape },
	{ "cgroupsPath", json_type_string, false, SPEC(cgroups_path), json_read_string, NULL },
	{ "resources", json_type_object, false, SPEC(resources), spec_read_resources, NULL },
	{ "rootfsPropagation", json_type_string, false, SPEC(rootfs_propagation), read_propagation, NULL },
	{ "seccomp", json_type_object, false, SPEC(seccomp), spec_read_seccomp, NULL },
	{ "maskedPaths", json_type_array, false, SPEC(masked_paths), spec_read_paths, NULL },
	{ "readonlyPaths", json_type_array, false, SPEC(readonly_paths), spec_read_paths, NULL },
	{ "mountLabel", json_type_string, false, SPEC(mount_label), json_read_string, NULL },
	{ "sysctl", json_type_object, false, SPEC(sysctl), spec_read_pairs, NULL },
	{ "personality", json_type_object, false, 0, read_personality, NULL },
	{ "intelRdt", json_type_object, false, SPEC(rdt), spec_read_rdt, NULL },
	{ "memoryPolicy", json_type_object, false, SPEC(memory_policy), spec_read_memory_policy, NULL },
	{ "netDevices", json_type_object, false, 0, read_net_devices, NULL },
	{ 0 },
};

/* Rules between properties, each with the property that it is about. */
static int check_linux(struct json_reader *reader, struct spec *spec)
{
	const struct spec_namespace *user = &spec->namespaces[NS_USER], *time = &spec->namespaces[NS_TIME];
	const struct {
		bool broken;
		const char *key, *text;
	} rules[] = {
		{ spec->id_maps.uids_len > 0 && !user->listed, "uidMappings", "needs a user namespace" },
		{ spec->id_maps.gids_len > 0 && !user->listed, "gidMappings", "needs a user namespace" },
		{ user->listed && !user->path && (spec->id_maps.uids_len == 0 || spec->id_maps.gids_len == 0),
		  "namespaces", "a new user namespace needs uidMappings and gidMappings" },
		{ (spec->monotonic.set || spec->boottime.set) && (!time->listed || time->path), "timeOffsets",
		  "needs a new time namespace" },
		{ spec->net_devices_len > 0 && !spec->namespaces[NS_NETWORK].listed, "netDevices",
		  "needs a network namespace" },
	};
	int r = 0;

	for (size_t i = 0; i < ARRAY_LEN(rules) && (r == 0 || reader->findings); i++) {
		if (!rules[i].broken)
			continue;
		r = json_enter_key(reader, rules[i].key);
		if (r < 0)
			return r;
		r = json_error(reader, "%s", rules[i].text);
		json_leave(reader);
	}
	if (r < 0)
		return r;
	if (spec->cgroups_path && !*spec->cgroups_path)
		spec->cgroups_path = NULL;
	if (spec->mount_label && !*spec->mount_label)
		spec->mount_label = NULL;
	return 0;
}

int spec_read_linux(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	int r = json_read_fields(reader, value, linux_fields, target);

	(void)arg;
	return r < 0 ? r : check_linux(reader, target);
}
