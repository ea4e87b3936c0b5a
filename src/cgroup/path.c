/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup/cgroup.h"
#include "util/error.h"

/* "slice:prefix:name" */
static bool is_systemd_path(const char *path)
{
	const char *first = path[0] == '/' ? NULL : strchr(path, ':');

	return first && strchr(first + 1, ':');
}

static bool has_dots(const char *path)
{
	for (const char *part = path; part; part = strchr(part, '/')) {
		part += *part == '/';
		if ((part[0] == '.' && (part[1] == '/' || part[1] == '\0')) ||
		    (part[0] == '.' && part[1] == '.' && (part[2] == '/' || part[2] == '\0')))
			return true;
	}
	return false;
}

/* One slash between parts, none at the end. */
static void squeeze(char *path)
{
	char *out = path;

	for (const char *in = path; *in; in++)
		if (*in != '/' || (in[1] != '/' && in[1] != '\0'))
			*out++ = *in;
	*out = '\0';
}

int cgroup_path_make(const struct cgroup_request *request, char **ret_path, struct error *err)
{
	const char *asked = request->spec_path;
	char *path = NULL;
	int n;

	if (request->manager == CGROUP_SYSTEMD)
		return error_set(err, -EOPNOTSUPP, "cgroup manager 'systemd' is not available in this build");
	if (asked && is_systemd_path(asked))
		return error_set(err, -EINVAL,
				 "config.json: /linux/cgroupsPath: '%s' is a path for systemd: use "
				 "--systemd-cgroup",
				 asked);
	if (asked && has_dots(asked))
		return error_set(err, -EINVAL, "config.json: /linux/cgroupsPath: '%s' has '.' or '..' in it",
				 asked);
	n = asked ? asprintf(&path, "/%s", asked) : asprintf(&path, "/krun/%s", request->id);
	if (n < 0)
		return error_oom(err);
	squeeze(path);
	if (path[0] == '\0' || path[1] == '\0') {
		free(path);
		return error_set(err, -EINVAL, "config.json: /linux/cgroupsPath: '%s' is the root cgroup",
				 asked);
	}
	*ret_path = path;
	return 0;
}
