/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "mount/plan.h"
#include "spec/spec.h"
#include "util/error.h"

/* The file of `mounts add`, whose options are words and data for the kernel. */
void fuzz_one(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), rest[64], buffer[256];
	struct mount_plan plan = { 0 };
	struct spec *spec = NULL;
	struct error err;
	int r = spec_parse_mounts(text, size, "mounts", &spec, &err);

	fuzz_require_error(r, &err);
	if (r == 0) {
		for (size_t i = 0; i < spec->mounts_len; i++) {
			const struct spec_mount *mount = &spec->mounts[i];

			fuzz_require(mount->destination[0] == '/');
			mount_flags(&mount->options);
			if (mount->options.data)
				mount_data_without_gid(mount->options.data, buffer, sizeof(buffer));
		}
		r = mount_plan_make(spec, true, &plan, &err);
		fuzz_require_error(r, &err);
		if (r == 0) {
			mount_plan_cover(&plan, "/a/b/c", rest, sizeof(rest));
			mount_plan_at_once(&plan);
			mount_plan_done(&plan);
		}
		spec_free(spec);
	}
	free(text);
}
