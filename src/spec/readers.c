/* SPDX-License-Identifier: Apache-2.0 */

/* Small readers that several objects of config.json share. */

#include <limits.h>
#include <string.h>

#include "spec/read.h"
#include "spec/spec.h"
#include "util/error.h"
#include "util/parse.h"
#include "util/path.h"
#include "util/strv.h"

int spec_read_opt_i64(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	struct opt_i64 *option = target;
	int r = json_read_i64(reader, value, &option->value, arg);

	if (r == 0)
		option->set = true;
	return r;
}

int spec_read_opt_u64(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	struct opt_u64 *option = target;
	int r = json_read_u64(reader, value, &option->value, arg);

	if (r == 0)
		option->set = true;
	return r;
}

/* What the kernel takes for no path at all (ENAMETOOLONG). */
static int check_length(struct json_reader *reader, const char *path)
{
	if (strlen(path) >= PATH_MAX)
		return json_error(reader, "a path of more than %d bytes", PATH_MAX - 1);
	for (const char *name = path; *name; name += strspn(name, "/")) {
		const size_t len = strcspn(name, "/");

		if (len > NAME_MAX)
			return json_error(reader, "a path with a name of more than %d bytes", NAME_MAX);
		name += len;
	}
	return 0;
}

int spec_read_absolute(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	const char *path = json_object_get_string(value);

	(void)arg;
	if (path[0] != '/')
		return json_error(reader, "'%s' is not an absolute path", path);
	*(const char **)target = path;
	return check_length(reader, path);
}

int spec_path_make(struct json_reader *reader, const char *path, const char **ret)
{
	char *copy;

	if (!*path)
		return json_error(reader, "empty");
	copy = arena_format(reader->arena, "%s%s", path[0] == '/' ? "" : "/", path);
	if (!copy)
		return error_oom(reader->err);
	path_normalize(copy);
	*ret = copy;
	return check_length(reader, copy);
}

int spec_read_path(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	const char *path;
	int r = spec_read_absolute(reader, value, &path, arg);

	return r < 0 ? r : spec_path_make(reader, path, target);
}

int spec_read_paths(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	char **paths = NULL;
	int r = json_read_strings(reader, value, &paths, arg);

	for (size_t i = 0; r == 0 && paths[i]; i++) {
		const char *path = NULL;

		r = json_enter_index(reader, i);
		if (r == 0)
			r = spec_path_make(reader, paths[i], &path);
		json_leave(reader);
		/* A path with an error is kept, so that with findings the others are checked, too. */
		if (r == 0)
			paths[i] = (char *)(uintptr_t)path;
	}
	*(char ***)target = paths;
	return r;
}

int spec_read_pairs(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	struct {
		struct spec_pair *items;
		size_t len;
	} *list = target;
	size_t len = (size_t)json_object_object_length(value);
	struct spec_pair *items = arena_alloc(reader->arena, len, sizeof(*items));
	size_t i = 0;

	(void)arg;
	if (!items)
		return error_oom(reader->err);
	json_object_object_foreach(value, key, member)
	{
		int r = json_enter_key(reader, key);

		if (r < 0)
			return r;
		r = json_check_type(reader, member, json_type_string);
		if (r < 0)
			return r;
		json_leave(reader);
		items[i++] = (struct spec_pair){ key, json_object_get_string(member) };
	}
	list->items = items;
	list->len = len;
	return 0;
}

int spec_read_bit_list(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	const char *text = json_object_get_string(value);
	unsigned long mask[SPEC_CPUS_MAX / (8 * sizeof(unsigned long))];

	/* Engines send an empty string for no list. */
	if (!*text)
		return 0;
	if (parse_bit_list(text, mask, *(const unsigned int *)arg) < 0)
		return json_error(reader, "'%s' is not a list of numbers below %u", text,
				  *(const unsigned int *)arg);
	*(const char **)target = text;
	return 0;
}

static const struct spec_flag_word *find_flag(const struct spec_flag_word *words, const char *text)
{
	for (; words->word; words++)
		if (strcmp(words->word, text) == 0)
			return words;
	return NULL;
}

int spec_read_word(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	const struct spec_flag_word *words = arg, *found = find_flag(words, json_object_get_string(value));

	if (!found)
		return json_error_unknown(reader, "value", json_object_get_string(value), &words->word,
					  sizeof(*words), SIZE_MAX);
	*(uint64_t *)target = found->value;
	return 0;
}

int spec_read_flags(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	for (size_t i = 0; i < json_object_array_length(value); i++) {
		struct json_object *element = json_object_array_get_idx(value, i);
		uint64_t flag = 0;
		int r = json_enter_index(reader, i);

		if (r == 0)
			r = json_check_type(reader, element, json_type_string);
		if (r == 0)
			r = spec_read_word(reader, element, &flag, arg);
		if (r < 0)
			return r;
		json_leave(reader);
		*(uint64_t *)target |= flag;
	}
	return 0;
}

int spec_read_environment(struct json_reader *reader, struct json_object *value, void *target,
			  const void *arg)
{
	char **env = NULL;
	int r = json_read_strings(reader, value, &env, arg);

	if (r == 0 && strv_env_unique(env) < 0)
		r = error_oom(reader->err);
	*(char ***)target = env;
	return r;
}

int spec_read_foreign(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	(void)target;
	(void)arg;
	if (json_object_object_length(value) > 0)
		json_note(reader, JSON_IGNORED, "ignored, because it is for another platform");
	return 0;
}
