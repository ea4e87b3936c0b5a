/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/place.h"

#include "spec/spec.h"
#include "util/path.h"

const struct spec_mount *spec_mount_at(const struct spec *spec, const char *path)
{
	const struct spec_mount *found = NULL;

	for (size_t i = 0; i < spec->mounts_len; i++)
		if (!spec->mounts[i].options.remount && path_is_same_place(spec->mounts[i].destination, path))
			found = &spec->mounts[i];
	return found;
}
