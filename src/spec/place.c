/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/place.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "spec/spec.h"
#include "util/path.h"

int spec_places_make(struct spec *spec)
{
	struct path_row *rows = arena_alloc(&spec->arena, spec->mounts_len, sizeof(*rows));
	size_t len = 0;

	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < spec->mounts_len; i++) {
		const char *path = spec->mounts[i].destination;

		if (spec->mounts[i].options.remount)
			continue;
		if (path_has_parent(path)) {
			char *copy = arena_strdup(&spec->arena, path);

			if (!copy)
				return -ENOMEM;
			path_normalize_parents(copy);
			path = copy;
		}
		rows[len++] = (struct path_row){ .path = path, .len = strlen(path), .index = i };
	}
	spec->places = (struct path_table){ .rows = rows, .len = len };
	path_table_sort(&spec->places);
	return 0;
}

const struct spec_mount *spec_mount_at(const struct spec *spec, const char *path)
{
	char place[PATH_MAX];
	size_t index;

	if (snprintf(place, sizeof(place), "%s", path) >= (int)sizeof(place))
		return NULL;
	path_normalize_parents(place);
	return path_table_find(&spec->places, place, strlen(place), &index) ? &spec->mounts[index] : NULL;
}
