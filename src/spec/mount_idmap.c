/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The mount option "idmap=uids=FIRST-HOST-SIZE#...;gids=...", as in podman-run(1) for volumes: ids of the
 * file system from FIRST on are shown as ids from HOST on. With "@" in front of a range, HOST is an id of the
 * container's user namespace.
 */

#include <string.h>

#include "spec/mounts.h"
#include "spec/read.h"
#include "util/error.h"
#include "util/parse.h"

/* Cuts @text off at the first @end; *rest is what follows it, or NULL. Returns @text. */
static char *next_part(char *text, char end, char **rest)
{
	*rest = strchr(text, end);
	if (*rest)
		*(*rest)++ = '\0';
	return text;
}

static bool read_range(char *text, struct spec_id_mapping *ret)
{
	uint32_t *const numbers[] = { &ret->container_id, &ret->host_id, &ret->size };
	char *rest = text;

	ret->relative = *rest == '@';
	if (ret->relative)
		rest++;
	for (int i = 0; i < 3; i++) {
		uint64_t number;

		if (!rest || parse_u64(next_part(rest, '-', &rest), UINT32_MAX, &number) < 0)
			return false;
		*numbers[i] = (uint32_t)number;
	}
	return !rest && ret->size > 0;
}

static int read_ranges(struct json_reader *reader, char *text, struct spec_id_mapping **ret, size_t *ret_len)
{
	struct spec_id_mapping *items;
	size_t len = 1, i = 0;

	for (const char *at = text; *at; at++)
		len += *at == '#';
	items = arena_alloc(reader->arena, len, sizeof(*items));
	if (!items)
		return error_oom(reader->err);
	for (char *rest = text; rest;)
		if (!read_range(next_part(rest, '#', &rest), &items[i++]))
			return json_error(reader, "range %zu is not FIRST-HOST-SIZE", i);
	*ret = items;
	*ret_len = len;
	return spec_check_mappings(reader, items, len);
}

int spec_mount_idmap_read(struct json_reader *reader, const char *text, struct spec_id_maps *ret)
{
	char *rest = arena_strdup(reader->arena, text);

	if (!rest)
		return error_oom(reader->err);
	*ret = (struct spec_id_maps){ 0 };
	while (rest) {
		char *part = next_part(rest, ';', &rest);
		int r;

		if (strncmp(part, "uids=", 5) == 0 && !ret->uids)
			r = read_ranges(reader, part + 5, &ret->uids, &ret->uids_len);
		else if (strncmp(part, "gids=", 5) == 0 && !ret->gids)
			r = read_ranges(reader, part + 5, &ret->gids, &ret->gids_len);
		else
			r = json_error(reader, "'%s': expected uids=RANGES;gids=RANGES", part);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The whole range must be in one mapping of the user namespace. */
static bool resolve(struct spec_id_mapping *item, const struct spec_id_mapping *maps, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		const uint32_t offset = item->host_id - maps[i].container_id;

		if (item->host_id < maps[i].container_id || offset >= maps[i].size ||
		    item->size > maps[i].size - offset)
			continue;
		item->host_id = maps[i].host_id + offset;
		item->relative = false;
		return true;
	}
	return false;
}

static bool resolve_all(struct spec_id_mapping *items, size_t items_len, const struct spec_id_mapping *maps,
			size_t len)
{
	for (size_t i = 0; i < items_len; i++)
		if (items[i].relative && !resolve(&items[i], maps, len))
			return false;
	return true;
}

bool spec_mount_idmap_resolve(struct spec_id_maps *maps, const struct spec_id_maps *container)
{
	return resolve_all(maps->uids, maps->uids_len, container->uids, container->uids_len) &&
	       resolve_all(maps->gids, maps->gids_len, container->gids, container->gids_len);
}
