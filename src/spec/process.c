/* SPDX-License-Identifier: Apache-2.0 */

/* config.md "Process" and "POSIX-platform User". */

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>

#include "spec/capabilities.h"
#include "spec/read.h"
#include "spec/spec.h"
#include "util/array.h"
#include "util/error.h"

/* ---- user ---------------------------------------------------------------------------------- */

/* UINT32_MAX is not an id: it means "unchanged" to setresuid(2) and chown(2). */
static const struct json_range id_range = { 0, UINT32_MAX - 1 };
static const struct json_range umask_range = { 0, 0777 };

static const struct json_array_shape gids_shape = {
	.size = sizeof(gid_t),
	.len_offset =
		offsetof(struct spec_user, additional_gids_len) - offsetof(struct spec_user, additional_gids),
	.type = json_type_int,
	.read = json_read_u32,
	.arg = &id_range,
};

static const struct json_field user_fields[] = {
	{ "uid", json_type_int, true, offsetof(struct spec_user, uid), json_read_u32, &id_range },
	{ "gid", json_type_int, true, offsetof(struct spec_user, gid), json_read_u32, &id_range },
	{ "umask", json_type_int, false, offsetof(struct spec_user, umask), spec_read_opt_u64, &umask_range },
	{ "additionalGids", json_type_array, false, offsetof(struct spec_user, additional_gids),
	  json_read_array, &gids_shape },
	{ 0 },
};

/* ---- capabilities -------------------------------------------------------------------------- */

static int read_capability_set(struct json_reader *reader, struct json_object *array,
			       struct spec_capabilities *caps, int set, size_t *unknown_len)
{
	size_t len = json_object_array_length(array);

	for (size_t i = 0; i < len; i++) {
		struct json_object *element = json_object_array_get_idx(array, i);
		int number, r = json_enter_index(reader, i);

		if (r == 0)
			r = json_check_type(reader, element, json_type_string);
		if (r < 0)
			return r;
		json_leave(reader);
		number = capability_number(json_object_get_string(element));
		if (number >= 0)
			caps->sets[set] |= UINT64_C(1) << number;
		else
			caps->unknown[(*unknown_len)++] = (char *)(uintptr_t)json_object_get_string(element);
	}
	return 0;
}

static int read_capabilities(struct json_reader *reader, struct json_object *value, void *target,
			     const void *arg)
{
	static const char *const keys[CAP_SET_COUNT] = {
		[CAP_SET_EFFECTIVE] = "effective",     [CAP_SET_BOUNDING] = "bounding",
		[CAP_SET_INHERITABLE] = "inheritable", [CAP_SET_PERMITTED] = "permitted",
		[CAP_SET_AMBIENT] = "ambient",
	};
	struct spec_capabilities *caps = arena_alloc(reader->arena, 1, sizeof(*caps));
	struct json_object *sets[CAP_SET_COUNT] = { NULL };
	size_t total = 0, unknown_len = 0;

	(void)arg;
	for (int i = 0; i < CAP_SET_COUNT; i++) {
		if (!json_object_object_get_ex(value, keys[i], &sets[i]) || !sets[i])
			continue;
		if (json_enter_key(reader, keys[i]) < 0 ||
		    json_check_type(reader, sets[i], json_type_array) < 0)
			return reader->err->code;
		json_leave(reader);
		total += json_object_array_length(sets[i]);
	}
	if (caps)
		caps->unknown = arena_alloc(reader->arena, total + 1, sizeof(char *));
	if (!caps || !caps->unknown)
		return error_oom(reader->err);
	for (int i = 0; i < CAP_SET_COUNT; i++) {
		int r = json_enter_key(reader, keys[i]);

		if (r == 0 && sets[i])
			r = read_capability_set(reader, sets[i], caps, i, &unknown_len);
		if (r < 0)
			return r;
		json_leave(reader);
	}
	*(struct spec_capabilities **)target = caps;
	return 0;
}

/* ---- rlimits ------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	int resource;
} rlimit_kinds[] = {
	{ "RLIMIT_AS", RLIMIT_AS },
	{ "RLIMIT_CORE", RLIMIT_CORE },
	{ "RLIMIT_CPU", RLIMIT_CPU },
	{ "RLIMIT_DATA", RLIMIT_DATA },
	{ "RLIMIT_FSIZE", RLIMIT_FSIZE },
	{ "RLIMIT_LOCKS", RLIMIT_LOCKS },
	{ "RLIMIT_MEMLOCK", RLIMIT_MEMLOCK },
	{ "RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE },
	{ "RLIMIT_NICE", RLIMIT_NICE },
	{ "RLIMIT_NOFILE", RLIMIT_NOFILE },
	{ "RLIMIT_NPROC", RLIMIT_NPROC },
	{ "RLIMIT_RSS", RLIMIT_RSS },
	{ "RLIMIT_RTPRIO", RLIMIT_RTPRIO },
	{ "RLIMIT_RTTIME", RLIMIT_RTTIME },
	{ "RLIMIT_SIGPENDING", RLIMIT_SIGPENDING },
	{ "RLIMIT_STACK", RLIMIT_STACK },
};

static int read_rlimit_type(struct json_reader *reader, struct json_object *value, void *target,
			    const void *arg)
{
	struct spec_rlimit *rlimit = target;
	const char *name = json_object_get_string(value);

	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(rlimit_kinds); i++) {
		if (strcmp(name, rlimit_kinds[i].name) == 0) {
			rlimit->resource = rlimit_kinds[i].resource;
			rlimit->name = rlimit_kinds[i].name;
			return 0;
		}
	}
	return json_error_unknown(reader, "rlimit", name, &rlimit_kinds[0].name, sizeof(rlimit_kinds[0]),
				  ARRAY_LEN(rlimit_kinds));
}

static const struct json_field rlimit_fields[] = {
	{ "type", json_type_string, true, 0, read_rlimit_type, NULL },
	{ "soft", json_type_int, true, offsetof(struct spec_rlimit, soft), json_read_u64, NULL },
	{ "hard", json_type_int, true, offsetof(struct spec_rlimit, hard), json_read_u64, NULL },
	{ 0 },
};

static const struct json_array_shape rlimits_shape = {
	.size = sizeof(struct spec_rlimit),
	.len_offset = offsetof(struct spec_process, rlimits_len) - offsetof(struct spec_process, rlimits),
	.type = json_type_object,
	.read = json_read_object,
	.arg = rlimit_fields,
};

static int read_rlimits(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	int r = json_read_array(reader, value, target, arg);
	const struct spec_rlimit *items = *(struct spec_rlimit **)target;
	size_t len = r < 0 ? 0 : json_object_array_length(value);

	for (size_t i = 0; i < len; i++) {
		if (items[i].soft > items[i].hard)
			return json_error(reader, "%s: the soft limit is above the hard one", items[i].name);
		for (size_t j = 0; j < i; j++)
			if (items[i].resource == items[j].resource)
				return json_error(reader, "%s is given twice", items[i].name);
	}
	return r;
}

/* ---- process ------------------------------------------------------------------------------- */

struct size_target {
	uint32_t height, width;
};

static int read_console_size(struct json_reader *reader, struct json_object *value, void *target,
			     const void *arg)
{
	static const struct json_range range = { 0, UINT16_MAX };
	static const struct json_field fields[] = {
		{ "height", json_type_int, true, offsetof(struct size_target, height), json_read_u32,
		  &range },
		{ "width", json_type_int, true, offsetof(struct size_target, width), json_read_u32, &range },
		{ 0 },
	};
	struct spec_process *process = target;
	struct size_target size = { 0 };
	int r = json_read_fields(reader, value, fields, &size);

	(void)arg;
	if (r < 0)
		return r;
	process->console_size.set = true;
	process->console_size.height = (uint16_t)size.height;
	process->console_size.width = (uint16_t)size.width;
	return 0;
}

static int read_args(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	if (json_object_array_length(value) == 0)
		return json_error(reader, "empty, there is nothing to run");
	return json_read_strings(reader, value, target, arg);
}

static int read_env(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	for (size_t i = 0; i < json_object_array_length(value); i++) {
		struct json_object *element = json_object_array_get_idx(value, i);
		const char *text = json_object_get_string(element);

		if (!json_object_is_type(element, json_type_string) || (strchr(text, '=') && *text != '='))
			continue;
		json_enter_index(reader, i);
		return json_error(reader, "'%s' is not NAME=VALUE", text);
	}
	return spec_read_environment(reader, value, target, arg);
}

static const struct json_range oom_range = { -1000, 1000 };

static const struct json_field process_fields[] = {
	{ "terminal", json_type_boolean, false, offsetof(struct spec_process, terminal), json_read_bool,
	  NULL },
	{ "consoleSize", json_type_object, false, 0, read_console_size, NULL },
	{ "user", json_type_object, false, offsetof(struct spec_process, user), json_read_object,
	  user_fields },
	{ "args", json_type_array, true, offsetof(struct spec_process, args), read_args, NULL },
	{ "env", json_type_array, false, offsetof(struct spec_process, env), read_env, NULL },
	{ "cwd", json_type_string, true, offsetof(struct spec_process, cwd), spec_read_path, NULL },
	{ "capabilities", json_type_object, false, offsetof(struct spec_process, capabilities),
	  read_capabilities, NULL },
	{ "rlimits", json_type_array, false, offsetof(struct spec_process, rlimits), read_rlimits,
	  &rlimits_shape },
	{ "noNewPrivileges", json_type_boolean, false, offsetof(struct spec_process, no_new_privileges),
	  json_read_bool, NULL },
	{ "apparmorProfile", json_type_string, false, offsetof(struct spec_process, apparmor_profile),
	  json_read_string, NULL },
	{ "selinuxLabel", json_type_string, false, offsetof(struct spec_process, selinux_label),
	  json_read_string, NULL },
	{ "oomScoreAdj", json_type_int, false, offsetof(struct spec_process, oom_score_adj),
	  spec_read_opt_i64, &oom_range },
	{ "scheduler", json_type_object, false, offsetof(struct spec_process, scheduler), spec_read_scheduler,
	  NULL },
	{ "ioPriority", json_type_object, false, offsetof(struct spec_process, io_priority),
	  spec_read_io_priority, NULL },
	{ "execCPUAffinity", json_type_object, false, offsetof(struct spec_process, affinity),
	  spec_read_affinity, NULL },
	{ 0 },
};

int spec_read_process(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	struct spec_process *process = arena_alloc(reader->arena, 1, sizeof(*process));
	int r;

	(void)arg;
	if (!process)
		return error_oom(reader->err);
	r = json_read_fields(reader, value, process_fields, process);
	if (r < 0)
		return r;
	/* Engines send an empty string for no profile or label. */
	if (process->apparmor_profile && !*process->apparmor_profile)
		process->apparmor_profile = NULL;
	if (process->selinux_label && !*process->selinux_label)
		process->selinux_label = NULL;
	*(struct spec_process **)target = process;
	return 0;
}
