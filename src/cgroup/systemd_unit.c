/* SPDX-License-Identifier: Apache-2.0 */

/* Pure: computes the names of a container's slice and scope. */

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup/cgroup.h"
#include "cgroup/systemd.h"
#include "util/cleanup.h"
#include "util/error.h"

/* systemd.unit(5): a name has at most 255 characters. */
enum { UNIT_NAME_MAX = 255 };

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static bool is_unit_character(char c)
{
	return isalnum((unsigned char)c) || (c && strchr(":_.-@\\", c));
}

/* Escapes as systemd-escape(1) does; NULL: out of memory. */
static char *escape(const char *text)
{
	char *escaped = malloc(4 * strlen(text) + 1), *out = escaped;

	if (!escaped)
		return NULL;
	for (; *text; text++) {
		if (is_unit_character(*text))
			*out++ = *text;
		else
			out += sprintf(out, "\\x%02x", (unsigned char)*text);
	}
	*out = '\0';
	return escaped;
}

static int check_slice(const char *slice, const char *asked, struct error *err)
{
	bool fine = ends_with(slice, ".slice") && strcmp(slice, ".slice") != 0 &&
		    strlen(slice) <= UNIT_NAME_MAX && !strstr(slice, "--") &&
		    (slice[0] != '-' || strcmp(slice, "-.slice") == 0);

	for (const char *c = slice; fine && *c; c++)
		fine = is_unit_character(*c);
	return fine ? 0 :
		      error_at(err, -EINVAL, "/linux/cgroupsPath", "'%s': '%s' is not the name of a slice",
			       asked, slice);
}

/* Splits "slice:prefix:name". The caller frees *ret_copy, which the parts point into. */
static int split(const char *asked, char **ret_copy, const char *parts[3], struct error *err)
{
	char *copy = strdup(asked), *first, *second;

	if (!copy)
		return error_oom(err);
	first = strchr(copy, ':');
	second = first ? strchr(first + 1, ':') : NULL;
	if (!second || strchr(second + 1, ':') || second[1] == '\0') {
		free(copy);
		return error_at(err, -EINVAL, "/linux/cgroupsPath",
				"'%s' is not slice:prefix:name, which the "
				"systemd manager needs; paths are for --cgroup-manager cgroupfs",
				asked);
	}
	*first = *second = '\0';
	parts[0] = copy;
	parts[1] = first + 1;
	parts[2] = second + 1;
	*ret_copy = copy;
	return 0;
}

static int make_unit(const char *prefix, const char *name, const char *asked, char **ret_unit,
		     struct error *err)
{
	auto_free char *prefix_escaped = escape(prefix);
	auto_free char *name_escaped = escape(name);
	auto_free char *unit = NULL;

	if (!prefix_escaped || !name_escaped)
		return error_oom(err);
	if (ends_with(name, ".slice"))
		return error_at(err, -EINVAL, "/linux/cgroupsPath",
				"'%s': a slice has no processes of its own, "
				"a container needs a scope",
				asked);
	/*
	 * The dash is there with an empty prefix, too, because callers that know cgroupsPath look for that
	 * name.
	 */
	if (asprintf(&unit, "%s-%s%s", prefix_escaped, name_escaped,
		     ends_with(name, ".scope") ? "" : ".scope") < 0) {
		unit = NULL;
		return error_oom(err);
	}
	if (strlen(unit) > UNIT_NAME_MAX)
		return error_at(err, -ENAMETOOLONG, "/linux/cgroupsPath",
				"unit '%s' has more than %d characters", unit, UNIT_NAME_MAX);
	*ret_unit = take_pointer(unit);
	return 0;
}

int systemd_unit_make(const struct cgroup_request *request, char **ret_slice, char **ret_unit,
		      struct error *err)
{
	const char *asked = request->spec_path && *request->spec_path ? request->spec_path : NULL;
	const char *parts[3] = { "", "krun", request->id }, *slice;
	auto_free char *copy = NULL;
	int r = 0;

	if (asked)
		r = split(asked, &copy, parts, err);
	if (r < 0)
		return r;
	slice = parts[0];
	if (!*slice)
		slice = request->user ? "user.slice" : "system.slice";
	else if (strcmp(slice, "-") == 0)
		slice = "-.slice";
	r = check_slice(slice, asked, err);
	if (r == 0)
		r = make_unit(parts[1], parts[2], asked ? asked : request->id, ret_unit, err);
	if (r < 0)
		return r;
	*ret_slice = strdup(slice);
	if (!*ret_slice) {
		free(take_pointer(*ret_unit));
		return error_oom(err);
	}
	return 0;
}
