/* SPDX-License-Identifier: Apache-2.0 */

/* The part of `create` that decides, for `validate`: each function is one that `create` calls, too. */

#include <errno.h>

#include "init/init.h"
#include "json/findings.h"
#include "launch/agent.h"
#include "launch/launch.h"
#include "mount/mount.h"
#include "security/security.h"
#include "util/array.h"
#include "util/error.h"

static int check_mounts(const struct spec *spec, const struct runtime_options *runtime, bool km,
			struct error *err)
{
	(void)runtime;
	(void)km;
	return mount_check(spec, spec->namespaces[NS_CGROUP].listed, err);
}

static int check_cgroup(const struct spec *spec, const struct runtime_options *runtime, bool km,
			struct error *err)
{
	(void)km;
	return launch_cgroup_check(spec, runtime, err);
}

static int check_namespaces(const struct spec *spec, const struct runtime_options *runtime, bool km,
			    struct error *err)
{
	struct ns_plan plan;
	int r;

	(void)runtime;
	(void)km;
	ns_plan_make(spec, &plan);
	r = ns_plan_open(&plan, spec, err);
	ns_plan_done(&plan);
	return r == -ENOENT ? 0 : r;
}

static int check_seccomp(const struct spec *spec, const struct runtime_options *runtime, bool km,
			 struct error *err)
{
	struct seccomp_program program = { 0 };
	struct seccomp_handover *handover = NULL;
	const struct init_plan plan = { .seccomp = &program,
					.program = km ? INIT_PROGRAM_KM : INIT_PROGRAM_NATIVE };
	int r;

	(void)runtime;
	if (!spec->seccomp)
		return 0;
	r = seccomp_compile(spec->seccomp, -1, &program, err);
	if (r == 0)
		r = agent_prepare(spec, &program, &handover, err);
	/* Without a process nothing is executed. */
	if (r == 0 && spec->process)
		r = init_filter_check(&plan, err);
	seccomp_handover_free(handover);
	seccomp_program_done(&program);
	return r;
}

void launch_check(const struct spec *spec, const struct runtime_options *runtime, bool km,
		  struct json_findings *findings)
{
	static int (*const checks[])(const struct spec *, const struct runtime_options *, bool,
				     struct error *) = { check_mounts, check_cgroup, check_namespaces,
							 check_seccomp };

	for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
		struct error err;
		const int r = checks[i](spec, runtime, km, &err);

		if (r < 0)
			json_findings_add_error(findings, r == -EOPNOTSUPP ? JSON_UNSUPPORTED : JSON_ERROR,
						&err);
	}
}
