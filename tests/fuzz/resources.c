/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "cgroup/devices.h"
#include "cgroup/resources.h"
#include "cgroup/systemd.h"
#include "spec/spec.h"
#include "util/error.h"

static const char config[] = "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"r\"},\"linux\":{\"resources\":"
			     "{\"memory\":{\"limit\":1048576},\"cpu\":{\"shares\":2}}}}";

/* Files of the cgroup alone are written, one line each. */
static void check_writes(const struct spec *spec)
{
	struct cgroup_writes writes = { 0 };
	struct strv words = { 0 };
	struct error err;
	int r = cgroup_writes_make(&spec->resources, NULL, &writes, &err);

	fuzz_require_error(r, &err);
	for (size_t i = 0; r == 0 && i < writes.len; i++) {
		fuzz_require(writes.items[i].file[0] && !strchr(writes.items[i].file, '/'));
		fuzz_require(writes.items[i].file[0] != '.');
		fuzz_require(writes.items[i].text && writes.items[i].property);
	}
	if (r == 0)
		fuzz_require_error(systemd_properties_of_writes(&words, &writes, &err), &err);
	strv_done(&words);
	cgroup_writes_done(&writes);
}

static void check_devices(const struct spec *spec)
{
	struct device_program program = { 0 };
	struct error err;

	fuzz_require(device_program_make(spec->resources.devices, spec->resources.devices_len, NULL, 0,
					 &program, &err) == 0);
	device_program_done(&program);
}

/* A config.json with changes that were accepted is accepted. */
static void check_merge(const struct spec *changes)
{
	struct spec *before = NULL, *after = NULL;
	struct error err;
	char *text = NULL;

	fuzz_require(spec_parse(config, sizeof(config) - 1, "config.json", &before, &err) == 0);
	fuzz_require(spec_merge_resources(before, &(struct spec_merge){ .changes = changes }, &text, &err) ==
		     0);
	fuzz_require(spec_parse(text, strlen(text), "config.json", &after, &err) == 0);
	spec_free(after);
	spec_free(before);
	free(text);
}

/* The file of `update`, in both of its forms. */
void fuzz_one(const uint8_t *data, size_t size)
{
	static int (*const forms[])(const char *, size_t, const char *, struct spec **,
				    struct error *) = { spec_parse_resources, spec_parse_update };
	char *text = fuzz_text(data, size);

	for (size_t i = 0; i < 2; i++) {
		struct spec *spec = NULL;
		struct error err;
		int r = forms[i](text, size, "resources", &spec, &err);

		fuzz_require_error(r, &err);
		if (r < 0)
			continue;
		check_writes(spec);
		check_devices(spec);
		check_merge(spec);
		spec_free(spec);
	}
	free(text);
}
