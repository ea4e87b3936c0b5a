/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "cgroup/systemd.h"
#include "util/error.h"

bool systemd_is_built_in(void)
{
	return false;
}

int systemd_call(bool user, const char *verb, const char *unit, char *const *words, char **ret_output,
		 struct error *err)
{
	(void)user;
	(void)verb;
	(void)words;
	(void)ret_output;
	return error_set(err, -EOPNOTSUPP,
			 "cgroup '%s': this krun was built without libsystemd: use --cgroup-manager cgroupfs",
			 unit);
}
