/* SPDX-License-Identifier: Apache-2.0 */

/* Checks the requirements of km against config.json and the host, before a process exists. */

#include <errno.h>
#include <sys/resource.h>

#include "km/requirements.h"
#include "launch/activation.h"
#include "launch/launch.h"
#include "security/security.h"
#include "util/error.h"
#include "util/log.h"

int launch_preflight(struct launch *launch, struct error *err)
{
	struct json_findings warnings = { 0 };
	struct rlimit files;
	int r;

	if (!launch->has_km)
		return 0;
	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return error_sys(err, -errno, "read RLIMIT_NOFILE");
	r = km_requirements_check(
		&(struct km_requirements){
			.spec = launch->spec,
			.process = &launch->process,
			.settings = &launch->km.settings,
			.filter = launch->spec->seccomp ? launch->seccomp.instructions : NULL,
			.filter_len = launch->seccomp.len,
			.preserve_fds = activation_preserved(launch->request->preserve_fds),
			.management = launch->state.management,
			.nofile = files.rlim_max,
		},
		&warnings, err);
	if (r == 0)
		json_findings_warn(&warnings, launch->spec->document, "");
	json_findings_done(&warnings);
	return r;
}
