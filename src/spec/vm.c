/* SPDX-License-Identifier: Apache-2.0 */

/* "vm" of config.json (config-vm.md). km has no guest kernel, image or devices to configure. */

#include <stdio.h>
#include <string.h>

#include "spec/read.h"
#include "spec/spec.h"
#include "util/error.h"

struct reading {
	struct spec_vm vm;
	char foreign[256]; /* names of properties that km does not support, comma separated */
};

#define READING(member) offsetof(struct reading, vm.member)

/* Go programs write empty values for absent properties. */
static bool is_empty(struct json_object *value)
{
	switch (json_object_get_type(value)) {
	case json_type_array:
		return json_object_array_length(value) == 0;
	case json_type_string:
		return json_object_get_string_len(value) == 0;
	case json_type_int:
		return json_object_get_int64(value) == 0;
	case json_type_null:
	case json_type_boolean:
	case json_type_double:
	case json_type_object:
	default:
		return false;
	}
}

static int read_foreign(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	char *foreign = target;
	size_t len = strlen(foreign), size = sizeof(((struct reading *)NULL)->foreign);

	(void)reader;
	if (!is_empty(value))
		snprintf(foreign + len, size - len, "%s%s", len > 0 ? ", " : "", (const char *)arg);
	return 0;
}

static int read_path(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	return is_empty(value) ? 0 : spec_read_absolute(reader, value, target, arg);
}

static int read_parameters(struct json_reader *reader, struct json_object *value, void *target,
			   const void *arg)
{
	return is_empty(value) ? 0 : json_read_strings(reader, value, target, arg);
}

static int read_memory(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	return is_empty(value) ? 0 : spec_read_opt_u64(reader, value, target, arg);
}

#define FOREIGN(key, type, name)                                                                    \
	{                                                                                           \
		key, json_type_##type, false, offsetof(struct reading, foreign), read_foreign, name \
	}

static const struct json_field hypervisor_fields[] = {
	{ "path", json_type_string, false, READING(path), read_path, NULL },
	{ "parameters", json_type_array, false, READING(parameters), read_parameters, NULL },
	{ 0 },
};

static const struct json_field kernel_fields[] = {
	FOREIGN("path", string, "kernel/path"),
	FOREIGN("parameters", array, "kernel/parameters"),
	FOREIGN("initrd", string, "kernel/initrd"),
	{ 0 },
};

static const struct json_field image_fields[] = {
	FOREIGN("path", string, "image/path"),
	FOREIGN("format", string, "image/format"),
	{ 0 },
};

static const struct json_field hw_fields[] = {
	{ "memory", json_type_int, false, READING(memory), read_memory, NULL },
	FOREIGN("deviceTree", string, "hwConfig/deviceTree"),
	FOREIGN("vcpus", int, "hwConfig/vcpus"),
	FOREIGN("dtdevs", array, "hwConfig/dtdevs"),
	FOREIGN("iomems", array, "hwConfig/iomems"),
	FOREIGN("irqs", array, "hwConfig/irqs"),
	{ 0 },
};

static const struct json_field vm_fields[] = {
	{ "hypervisor", json_type_object, false, 0, json_read_object, hypervisor_fields },
	{ "kernel", json_type_object, false, 0, json_read_object, kernel_fields },
	{ "image", json_type_object, false, 0, json_read_object, image_fields },
	{ "hwConfig", json_type_object, false, 0, json_read_object, hw_fields },
	{ 0 },
};

int spec_read_vm(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	struct reading *reading = arena_alloc(reader->arena, 1, sizeof(*reading));
	int r;

	(void)arg;
	if (!reading)
		return error_oom(reader->err);
	r = json_read_fields(reader, value, vm_fields, reading);
	if (r < 0)
		return r;
	if (reading->foreign[0])
		return json_unsupported(reader,
					"%s: km has no kernel, image or hardware that could be chosen",
					reading->foreign);
	if (reading->vm.path || reading->vm.parameters || reading->vm.memory.set)
		*(struct spec_vm **)target = &reading->vm;
	return 0;
}
