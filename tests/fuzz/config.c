/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "cgroup/cgroup.h"
#include "json/cuts.h"
#include "json/findings.h"
#include "mount/plan.h"
#include "ns/plan.h"
#include "security/security.h"
#include "spec/spec.h"
#include "state/state.h"
#include "util/error.h"

/* The plans that are made of a good document before anything is done. */
static void check_plans(const struct spec *spec)
{
	const struct cgroup_request request = { .id = "a",
						.spec_path = spec->cgroups_path,
						.manager = CGROUP_CGROUPFS,
						.root_fd = -1,
						.annotations = spec->annotations,
						.annotations_len = spec->annotations_len };
	struct cgroup_plan cgroup = { 0 };
	struct mount_plan mounts = { 0 };
	struct ns_plan namespaces;
	struct error err;
	int r;

	ns_plan_make(spec, &namespaces);
	r = mount_plan_make(spec, ns_plan_has(&namespaces, NS_CGROUP), &mounts, &err);
	fuzz_require_error(r, &err);
	if (r == 0)
		mount_plan_done(&mounts);
	r = cgroup_plan_make(&request, &spec->resources, &cgroup, &err);
	fuzz_require_error(r, &err);
	if (r == 0)
		cgroup_plan_done(&cgroup);
	fuzz_require_error(sysctl_check(spec, &err), &err);
	fuzz_require_error(cgroup_check_annotations(spec->annotations, spec->annotations_len, &err), &err);
}

/* What `validate` makes of the document is what every other command makes of it. */
static void check_validate(const char *text, size_t size, bool is_good)
{
	struct json_findings findings = { 0 };
	struct json_cuts cuts = { 0 };
	struct spec *spec = NULL;
	struct error err;

	fuzz_require(spec_validate(text, size, "config.json", &findings, &cuts, &spec, &err) == 0);
	fuzz_require(json_findings_have_error(&findings) != is_good);
	fuzz_require(!is_good || (spec && cuts.len == 0));
	/* What is left of a bad one is good enough for the checks of the host. */
	if (spec)
		check_plans(spec);
	json_findings_done(&findings);
	json_cuts_done(&cuts);
	spec_free(spec);
}

/* A good document with changes that change nothing is a good document. */
static void check_merge(const struct spec *spec)
{
	struct spec *changes = NULL, *again = NULL;
	char *text = NULL, *annotations = state_annotations(spec);
	struct error err;

	fuzz_require_json(annotations);
	free(annotations);
	fuzz_require(spec_parse_resources("{}", 2, "resources", &changes, &err) == 0);
	fuzz_require(spec_merge_resources(spec, &(struct spec_merge){ .changes = changes }, &text, &err) ==
		     0);
	fuzz_require(spec_parse(text, strlen(text), "config.json", &again, &err) == 0);
	spec_free(again);
	spec_free(changes);
	free(text);
}

void fuzz_one(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	struct spec *spec = NULL;
	struct error err;
	int r = spec_parse(text, size, "config.json", &spec, &err);

	fuzz_require_error(r, &err);
	check_validate(text, size, r == 0);
	if (r == 0) {
		spec_warn(spec);
		check_plans(spec);
		check_merge(spec);
		spec_free(spec);
	}
	free(text);
}
