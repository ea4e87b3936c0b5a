/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup/cgroup.h"
#include "cgroup/systemd.h"
#include "util/cleanup.h"
#include "util/error.h"

/* In front of the id in the name of a cgroup that config.json does not name. */
#define PREFIX "krun-"

/* Returns whether the path has the form "slice:prefix:name". */
static bool is_systemd_path(const char *path)
{
	const char *first = path[0] == '/' ? NULL : strchr(path, ':');

	return first && strchr(first + 1, ':');
}

const char *cgroup_name_trouble(const char *path)
{
	for (const char *part = path; *part; part += strspn(part, "/")) {
		const size_t len = strcspn(part, "/");

		if ((len == 1 && part[0] == '.') || (len == 2 && strncmp(part, "..", 2) == 0))
			return "contains '.' or '..'";
		if (len > NAME_MAX)
			return "has a name of more than 255 bytes";
		part += len;
	}
	if (strlen(path) >= PATH_MAX)
		return "is longer than 4095 bytes";
	/* The kernel refuses it: it would end the line in /proc/PID/cgroup. */
	return strchr(path, '\n') ? "contains a line break" : NULL;
}

/* Leaves one slash between components and none at the end. */
static void squeeze(char *path)
{
	char *out = path;

	for (const char *in = path; *in; in++)
		if (*in != '/' || (in[1] != '/' && in[1] != '\0'))
			*out++ = *in;
	*out = '\0';
}

static int make_path(const struct cgroup_request *request, char **ret_path, struct error *err)
{
	const char *asked = request->spec_path;
	char *path = NULL;
	int n;

	if (asked && is_systemd_path(asked))
		return error_at(err, -EINVAL, "/linux/cgroupsPath",
				"'%s' is a path for systemd: use "
				"--systemd-cgroup",
				asked);
	if (asked && cgroup_name_trouble(asked))
		return error_at(err, -EINVAL, "/linux/cgroupsPath", "'%s' %s", asked,
				cgroup_name_trouble(asked));
	if (asked)
		n = asprintf(&path, "/%s", asked);
	else
		/* An id may be as long as a name. */
		n = asprintf(&path, "/%s%s", strlen(request->id) + strlen(PREFIX) > NAME_MAX ? "" : PREFIX,
			     request->id);
	if (n < 0)
		return error_oom(err);
	squeeze(path);
	if (path[0] == '\0' || path[1] == '\0') {
		free(path);
		return error_at(err, -EINVAL, "/linux/cgroupsPath", "'%s' is the root cgroup", asked);
	}
	*ret_path = path;
	return 0;
}

int cgroup_place_make(const struct cgroup_request *request, struct cgroup_place *ret, char **ret_slice,
		      struct error *err)
{
	struct cgroup_place place = { .manager = request->manager, .user = request->user };
	auto_free char *slice = NULL;
	int r = 0;

	if (request->manager == CGROUP_SYSTEMD)
		r = systemd_unit_make(request, &slice, &place.unit, err);
	else if (request->manager == CGROUP_CGROUPFS)
		r = make_path(request, &place.path, err);
	if (r < 0)
		return r;
	*ret = place;
	if (ret_slice)
		*ret_slice = take_pointer(slice);
	return 0;
}

int cgroup_place_copy(const struct cgroup_place *place, struct cgroup_place *ret)
{
	struct cgroup_place copy = {
		.manager = place->manager,
		.path = place->path ? strdup(place->path) : NULL,
		.unit = place->unit ? strdup(place->unit) : NULL,
		.user = place->user,
	};

	if ((place->path && !copy.path) || (place->unit && !copy.unit)) {
		cgroup_place_done(&copy);
		return -ENOMEM;
	}
	*ret = copy;
	return 0;
}

void cgroup_place_done(struct cgroup_place *place)
{
	free(place->path);
	free(place->unit);
	place->path = place->unit = NULL;
}
