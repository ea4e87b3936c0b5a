/* SPDX-License-Identifier: Apache-2.0 */

/* Finding CRIU's program and its version. */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "criu/call.h"
#include "util/error.h"
#include "util/find.h"
#include "util/path.h"

int criu_find(const char *path, char **ret, struct error *err)
{
	char found[PATH_MAX];

	if (path && *path) {
		if (!strchr(path, '/'))
			return error_set(err, -EINVAL, "--criu '%s': must be a path with a slash", path);
		if (access(path, X_OK) < 0)
			return error_sys(err, -errno, "--criu '%s': not an executable program", path);
		snprintf(found, sizeof(found), "%s", path);
	} else {
		int r = find_program("criu", found, sizeof(found));

		if (r < 0)
			return error_sys(err, r, "look for the program 'criu' in PATH");
		if (r == 0)
			return error_set(
				err, -ENOPKG,
				"no program 'criu' in PATH or %s: containers without km are checkpointed and "
				"restored by CRIU 3.15 or newer",
				PATH_DEFAULT);
	}
	*ret = strdup(found);
	return *ret ? 0 : error_oom(err);
}

int criu_check_version(const char *program, unsigned int *ret_version, struct error *err)
{
	const struct criu_call call = { .program = program, .type = CRIU_VERSION, .cgroup_fd = -1 };
	struct criu_answer answer;
	int r = criu_do(&call, &answer, err);

	if (r < 0)
		return error_prefix(err, "'%s': ask for CRIU's version", program);
	*ret_version = answer.version;
	if (answer.version >= CRIU_VERSION_MIN)
		return 0;
	return error_set(err, -ENOPKG, "'%s' is CRIU %u.%u, and 3.15 or newer is needed", program,
			 answer.version / 10000, answer.version / 100 % 100);
}
