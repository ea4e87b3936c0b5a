/* SPDX-License-Identifier: Apache-2.0 */
#include "km/requirements.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "json/findings.h"
#include "km/settings.h"
#include "spec/place.h"
#include "spec/spec.h"
#include "util/array.h"
#include "util/error.h"
#include "util/path.h"
#include "util/strv.h"

/* Descriptors: km uses fixed numbers from 727 on, aborts with a limit below 737, and uses at most 1024. */
enum { FD_FIRST = 727, NOFILE_MIN = 737, NOFILE_ALL = 1024 };

/* ---- /proc ------------------------------------------------------------------------------------------- */

/* km reads the names of its descriptors in /proc, and ends with SIGSEGV without them. */
static int check_proc(const struct km_requirements *needs, struct error *err)
{
	const struct spec *spec = needs->spec;
	const struct spec_mount *proc = spec_mount_at(spec, "/proc");

	if (!proc)
		return error_at(err, -EINVAL, "/mounts",
				"km needs /proc, and nothing is mounted there: add a mount of type proc");
	/* A bind mount of the host's /proc will do, too. */
	if (strcmp(proc->type, "proc") != 0 && !proc->options.bind)
		return error_at(err, -EINVAL, error_pointer("/mounts/%zu", (size_t)(proc - spec->mounts)),
				"km needs /proc to be a mount of type proc, and it is of type %s",
				proc->type);
	for (char *const *path = spec->masked_paths; path && *path; path++)
		if (path_is_same_place(*path, "/proc"))
			return error_at(err, -EINVAL, "/linux/maskedPaths", "km needs %s", *path);
	return 0;
}

/* ---- limits ------------------------------------------------------------------------------------------ */

/*
 * Limits in bytes with which km could not load a static payload of 2 MB: an address space of 21 MiB
 * ("Failed to allocate memory for main stack"; 22 MiB were enough), data of 4 MiB ("Failed to mprotect"; 5
 * MiB were enough).
 */
static const struct {
	int resource;
	uint64_t min;
} limits[] = {
	{ RLIMIT_AS, UINT64_C(20) << 20 },
	{ RLIMIT_DATA, UINT64_C(4) << 20 },
};

static const char *rlimit_place(size_t index)
{
	return error_pointer("/process/rlimits/%zu", index);
}

static int check_rlimits(const struct km_requirements *needs, struct error *err)
{
	const struct spec_process *process = needs->process;

	for (size_t i = 0; i < process->rlimits_len; i++) {
		const struct spec_rlimit *have = &process->rlimits[i];

		for (size_t j = 0; j < ARRAY_LEN(limits); j++)
			if (limits[j].resource == have->resource && have->soft <= limits[j].min)
				return error_at(err, -EINVAL, rlimit_place(i),
						"%s of %llu bytes: km needs more than %llu "
						"itself: raise it",
						have->name, (unsigned long long)have->soft,
						(unsigned long long)limits[j].min);
	}
	return 0;
}

/* Only the hard limit counts: krun raises the soft one to what km can use (init/inherit.c). */
static int check_files(const struct km_requirements *needs, struct json_findings *warnings, struct error *err)
{
	const struct spec_process *process = needs->process;
	uint64_t hard = needs->nofile;
	const char *place = "", *whose = "the caller's ";

	for (size_t i = 0; i < process->rlimits_len; i++)
		if (process->rlimits[i].resource == RLIMIT_NOFILE) {
			hard = process->rlimits[i].hard;
			place = rlimit_place(i);
			whose = "";
		}
	if (hard < NOFILE_MIN)
		return error_at(
			err, -EMFILE, place,
			"%sRLIMIT_NOFILE: km needs a hard limit of at least %d, it is %llu: raise it, "
			"best to %d",
			whose, NOFILE_MIN, (unsigned long long)hard, NOFILE_ALL);
	if (hard < NOFILE_ALL)
		json_findings_add(
			warnings, JSON_WARNING, place,
			"%sRLIMIT_NOFILE of %llu: the payload can have no more than %llu threads; %d is "
			"enough for all that km can run",
			whose, (unsigned long long)hard, (unsigned long long)(hard - NOFILE_MIN + 1),
			NOFILE_ALL);
	return 0;
}

static int check_preserved(const struct km_requirements *needs, struct json_findings *warnings,
			   struct error *err)
{
	if (needs->preserve_fds == 0)
		return 0;
	if (needs->preserve_fds > FD_FIRST - 3)
		return error_set(
			err, -EINVAL,
			"--preserve-fds %u: km has its own descriptors from %d: at most %d can be passed",
			needs->preserve_fds, FD_FIRST, FD_FIRST - 3);
	json_findings_add(
		warnings, JSON_WARNING, "",
		"--preserve-fds %u (or LISTEN_FDS): km keeps them open, but its payload cannot use them",
		needs->preserve_fds);
	return 0;
}

/* ---- cgroup ------------------------------------------------------------------------------------------ */

/*
 * Memory: with 1 MiB a payload that does nothing was killed when it started, with less km itself was.
 * Tasks: km's first thread, a vcpu thread for the payload's first thread, one for the management socket if
 * there is one, and pid1. Up to Linux 6.12 the kernel adds a thread of its own to the cgroup of a process
 * with a VM (kvm-nx-lpage-recovery).
 */
enum { MEMORY_MIN = 1024 * 1024, MEMORY_SOME = 2 * MEMORY_MIN };

static int check_memory(const struct km_requirements *needs, struct json_findings *warnings,
			struct error *err)
{
	const struct opt_i64 *limit = &needs->spec->resources.memory.limit;

	if (!limit->set || limit->value <= 0)
		return 0;
	if (limit->value <= MEMORY_MIN)
		return error_at(err, -EINVAL, "/linux/resources/memory/limit",
				"km itself needs more than %d bytes, and the "
				"payload its own beside: %lld is too little",
				MEMORY_MIN, (long long)limit->value);
	if (limit->value < MEMORY_SOME)
		json_findings_add(warnings, JSON_WARNING, "/linux/resources/memory/limit",
				  "km itself needs most of %lld bytes: a payload of any size will be killed",
				  (long long)limit->value);
	return 0;
}

static int check_pids(const struct km_requirements *needs, struct json_findings *warnings, struct error *err)
{
	const struct opt_i64 *limit = &needs->spec->resources.pids_limit;
	/* Two threads of km, and pid1. */
	const int64_t min = 3 + needs->management;

	if (!limit->set || limit->value <= 0)
		return 0;
	if (limit->value < min)
		return error_at(err, -EINVAL, "/linux/resources/pids/limit",
				"km needs %lld threads and processes for a payload "
				"of one, and the kernel one more: %lld is too little",
				(long long)min, (long long)limit->value);
	if (limit->value == min)
		json_findings_add(
			warnings, JSON_WARNING, "/linux/resources/pids/limit",
			"%lld is what km needs itself; a kernel that adds a thread of its own to each "
			"virtual machine makes it too little",
			(long long)min);
	return 0;
}

/* ---- all --------------------------------------------------------------------------------------------- */

/* km ends if it is told both a path and a directory for snapshots. */
static int check_environment(const struct km_requirements *needs, struct error *err)
{
	if (needs->settings->snapshot_path && strv_env_get(needs->process->env, "KM_MGTDIR"))
		return error_at(err, -EINVAL, "/process/env",
				"KM_MGTDIR excludes the setting \"snapshotPath\": remove one of them");
	return 0;
}

int km_requirements_check_process(const struct km_requirements *needs, struct json_findings *warnings,
				  struct error *err)
{
	int r = check_rlimits(needs, err);

	if (r == 0)
		r = check_files(needs, warnings, err);
	return r < 0 ? r : check_preserved(needs, warnings, err);
}

int km_requirements_check(const struct km_requirements *needs, struct json_findings *warnings,
			  struct error *err)
{
	int r = check_proc(needs, err);

	if (r == 0)
		r = km_requirements_check_process(needs, warnings, err);
	if (r == 0)
		r = check_memory(needs, warnings, err);
	if (r == 0)
		r = check_pids(needs, warnings, err);
	if (r == 0)
		r = check_environment(needs, err);
	return r < 0 ? r : km_requirements_check_filter(needs, warnings, err);
}
