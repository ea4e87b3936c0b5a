/* SPDX-License-Identifier: Apache-2.0 */
#include "km/needs.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/kvm.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "km/settings.h"
#include "spec/place.h"
#include "spec/spec.h"
#include "util/array.h"
#include "util/error.h"
#include "util/path.h"
#include "util/strv.h"

/*
 * Descriptors: km keeps 727 and up for itself, and with fewer than 737 it ends (reference of its fixed numbers); 1024 is all that
 * it can use.
 */
enum { FD_FIRST = 727, NOFILE_MIN = 737, NOFILE_ALL = 1024 };

/* ---- /proc ------------------------------------------------------------------------------------------------------ */

/* Without it km gets no name for its descriptors and ends with SIGSEGV. */
static int check_proc(const struct km_needs *needs, struct error *err)
{
	const struct spec *spec = needs->spec;
	const struct spec_mount *proc = spec_mount_at(spec, "/proc");

	if (!proc)
		return error_at(err, -EINVAL, "/mounts",
				"km needs /proc, and nothing is mounted there: add a mount of type proc");
	/* A bind of the host's is one, too. */
	if (strcmp(proc->type, "proc") != 0 && !proc->options.bind)
		return error_at(err, -EINVAL, error_pointer("/mounts/%zu", (size_t)(proc - spec->mounts)),
				"km needs /proc to be a mount of type proc, and it is of type %s",
				proc->type);
	for (char *const *path = spec->masked_paths; path && *path; path++)
		if (path_is_same_place(*path, "/proc"))
			return error_at(err, -EINVAL, "/linux/maskedPaths", "km needs %s", *path);
	return 0;
}

/* ---- limits ------------------------------------------------------------------------------------------------------- */

/*
 * Bytes with which a static payload of 2 MB could not be loaded: address space of 21 MiB ("Failed to allocate memory for main
 * stack"; 22 were enough), data of 4 MiB ("Failed to mprotect"; 5 were enough).
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

static int check_rlimits(const struct km_needs *needs, struct error *err)
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

/* krun sets the soft limit to what km uses (init/inherit.c), as far as the hard one lets it. */
static int check_files(const struct km_needs *needs, struct json_findings *warnings, struct error *err)
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

static int check_preserved(const struct km_needs *needs, struct json_findings *warnings, struct error *err)
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

/* ---- cgroup --------------------------------------------------------------------------------------------------------- */

/*
 * Memory: with 1 MiB a payload that does nothing was killed on its way, with less already km. Processes and threads: km's first
 * thread, one for the payload's first, one with the management socket, and krun's init in front; the kernel adds one of its own to
 * the group of a process with a virtual machine (kvm-nx-lpage-recovery, until Linux 6.13).
 */
enum { MEMORY_MIN = 1024 * 1024, MEMORY_SOME = 2 * MEMORY_MIN };

static int check_memory(const struct km_needs *needs, struct json_findings *warnings, struct error *err)
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

static int check_pids(const struct km_needs *needs, struct json_findings *warnings, struct error *err)
{
	const struct opt_i64 *limit = &needs->spec->resources.pids_limit;
	/* Two threads of km, and the process in front of it. */
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

/* ---- seccomp ----------------------------------------------------------------------------------------------------------- */

enum need {
	VITAL,	 /* km ends without it */
	MANAGED, /* no snapshots */
	FORKING, /* the payload cannot start processes */
	SIGNALS, /* the process in front of km, which is under the filter as well, passes them on late or not at all */
	FALL_BACK, /* vital, but ENOSYS is fine */
};

#define THREAD                                                                                             \
	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS | \
	 CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID)

#define CALL(name, ...)                         \
	{                                       \
#name, __NR_##name, __VA_ARGS__ \
	}

/* With the arguments that filters look at, as km gives them. */
static const struct {
	const char *name;
	int number;
	enum need need;
	uint64_t args[3];
} calls[] = {
	CALL(execve, VITAL),
	CALL(arch_prctl, VITAL),
	CALL(prlimit64, VITAL),
	CALL(readlink, VITAL),
	CALL(getrandom, VITAL),
	CALL(mprotect, VITAL, { 0x200000, 0x1000, PROT_READ | PROT_WRITE | PROT_EXEC }),
	CALL(dup2, VITAL),
	CALL(fcntl, VITAL),
	CALL(openat, VITAL),
	CALL(pread64, VITAL),
	CALL(lseek, VITAL),
	CALL(read, VITAL),
	CALL(write, VITAL),
	CALL(close, VITAL),
	CALL(uname, VITAL),
	CALL(prctl, VITAL, { PR_SET_NAME }),
	CALL(eventfd2, VITAL),
	CALL(ioctl, VITAL, { 734, KVM_CREATE_VM }),
	CALL(ioctl, VITAL, { 736, KVM_RUN }),
	CALL(mmap, VITAL),
	CALL(munmap, VITAL),
	CALL(rt_sigprocmask, VITAL),
	CALL(rt_sigtimedwait, VITAL),
	CALL(rt_sigaction, VITAL),
	CALL(rt_sigreturn, FORKING),
	CALL(clone, VITAL, { THREAD }),
	CALL(clone3, FALL_BACK),
	CALL(futex, VITAL),
	CALL(exit, VITAL),
	CALL(exit_group, VITAL),
	CALL(wait4, VITAL),
	CALL(kill, SIGNALS, { 2, SIGTERM }),
	CALL(clock_gettime, SIGNALS),
	CALL(getdents64, SIGNALS),
	CALL(rt_tgsigqueueinfo, SIGNALS),
	CALL(socket, MANAGED, { AF_UNIX, SOCK_STREAM }),
	CALL(bind, MANAGED),
	CALL(listen, MANAGED),
	CALL(accept, MANAGED),
};

/* Whether the filter stands in the way; of an answer that km takes for "not there" only @fall_back takes none. */
static bool is_refused(uint32_t action, bool fall_back)
{
	switch (action & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ALLOW:
	case SECCOMP_RET_LOG:
	case SECCOMP_RET_TRACE:
	case SECCOMP_RET_USER_NOTIF:
		return false;
	case SECCOMP_RET_ERRNO:
		return !(fall_back && (action & SECCOMP_RET_DATA) == ENOSYS);
	default:
		return true;
	}
}

static void add_name(char *names, size_t size, const char *name)
{
	const size_t before = strlen(names);

	snprintf(names + before, size - before, "%s%s", before > 0 ? ", " : "", name);
}

/* Names of what the filter refuses, by what follows from it. */
struct refused {
	char vital[512], managed[128], forking[128], signals[128];
};

static char *list_for(const struct km_needs *needs, enum need need, struct refused *refused)
{
	switch (need) {
	case MANAGED:
		return needs->management ? refused->managed : NULL;
	case FORKING:
		return refused->forking;
	case SIGNALS:
		return refused->signals;
	case VITAL:
	case FALL_BACK:
	default:
		return refused->vital;
	}
}

static int find_refused(const struct km_needs *needs, struct refused *ret, struct error *err)
{
	int last = -1;

	for (size_t i = 0; needs->filter && i < ARRAY_LEN(calls); i++) {
		struct seccomp_data data = { .nr = calls[i].number, .arch = AUDIT_ARCH_X86_64 };
		uint32_t action;
		char *list;

		memcpy(data.args, calls[i].args, sizeof(calls[i].args));
		if (km_filter_run(needs->filter, needs->filter_len, &data, &action) < 0)
			return error_at(err, -EINVAL, "/linux/seccomp", "not a filter");
		/* Rows of one call stand together. */
		if (!is_refused(action, calls[i].need == FALL_BACK) || calls[i].number == last)
			continue;
		last = calls[i].number;
		list = list_for(needs, calls[i].need, ret);
		if (list)
			add_name(list, list == ret->vital ? sizeof(ret->vital) : sizeof(ret->managed),
				 calls[i].name);
	}
	return 0;
}

static int check_filter(const struct km_needs *needs, struct json_findings *warnings, struct error *err)
{
	struct refused refused = { 0 };
	int r = find_refused(needs, &refused, err);
	const struct {
		const char *names, *effect;
	} effects[] = {
		{ refused.managed, "there will be no checkpoint" },
		{ refused.forking, "a payload that starts processes fails" },
		{ refused.signals, "signals reach the payload late, or not at all" },
	};

	if (r < 0)
		return r;
	if (*refused.vital)
		return error_at(err, -EINVAL, "/linux/seccomp",
				"km cannot run without %s, which the filter refuses: allow it "
				"(clone3 may also fail with ENOSYS)",
				refused.vital);
	for (size_t i = 0; i < ARRAY_LEN(effects); i++)
		if (*effects[i].names)
			json_findings_add(warnings, JSON_WARNING, "/linux/seccomp",
					  "the filter refuses %s: %s", effects[i].names, effects[i].effect);
	return 0;
}

/* ---- all ---------------------------------------------------------------------------------------------------------------- */

/* km ends when a path for snapshots meets a directory for them. */
static int check_environment(const struct km_needs *needs, struct error *err)
{
	if (needs->settings->snapshot_path && strv_env_get(needs->process->env, "KM_MGTDIR"))
		return error_at(err, -EINVAL, "/process/env",
				"KM_MGTDIR excludes the setting \"snapshotPath\": remove one of them");
	return 0;
}

int km_needs_check_process(const struct km_needs *needs, struct json_findings *warnings, struct error *err)
{
	int r = check_rlimits(needs, err);

	if (r == 0)
		r = check_files(needs, warnings, err);
	return r < 0 ? r : check_preserved(needs, warnings, err);
}

int km_needs_check(const struct km_needs *needs, struct json_findings *warnings, struct error *err)
{
	int r = check_proc(needs, err);

	if (r == 0)
		r = km_needs_check_process(needs, warnings, err);
	if (r == 0)
		r = check_memory(needs, warnings, err);
	if (r == 0)
		r = check_pids(needs, warnings, err);
	if (r == 0)
		r = check_environment(needs, err);
	return r < 0 ? r : check_filter(needs, warnings, err);
}
