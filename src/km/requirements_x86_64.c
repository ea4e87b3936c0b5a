/* SPDX-License-Identifier: Apache-2.0 */

/* The part of the preflight that depends on the processor: km needs x86_64, and its system calls. */

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
#include <sys/socket.h>
#include <sys/syscall.h>

#include "json/findings.h"
#include "km/requirements.h"
#include "util/array.h"
#include "util/error.h"
#include "util/strv.h"

int km_check_processor(struct error *err)
{
	(void)err;
	return 0;
}

enum need {
	VITAL,	   /* without it km ends */
	MANAGED,   /* without it there are no snapshots */
	FORKING,   /* without it the payload cannot start processes */
	SIGNALS,   /* without it pid1, which has the same filter, passes signals on late or not at all */
	FALL_BACK, /* vital, but ENOSYS is fine */
};

#define THREAD                                                                                             \
	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS | \
	 CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID)

#define CALL(name, ...)                         \
	{                                       \
#name, __NR_##name, __VA_ARGS__ \
	}

/* Arguments are those that filters may check, as km has them. */
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

/* True if the filter's action makes the call fail. With @fall_back, ENOSYS is not a failure. */
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

/* The names of refused calls, by what follows from that. */
struct refused {
	char vital[512], managed[128], forking[128], signals[128];
};

static char *list_for(const struct km_requirements *needs, enum need need, struct refused *refused)
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

static int find_refused(const struct km_requirements *needs, struct refused *ret, struct error *err)
{
	int last = -1;

	for (size_t i = 0; needs->filter && i < ARRAY_LEN(calls); i++) {
		struct seccomp_data data = { .nr = calls[i].number, .arch = AUDIT_ARCH_X86_64 };
		uint32_t action;
		char *list;

		memcpy(data.args, calls[i].args, sizeof(calls[i].args));
		if (km_filter_run(needs->filter, needs->filter_len, &data, &action) < 0)
			return error_at(err, -EINVAL, "/linux/seccomp", "not a filter");
		/* Rows of the same call are adjacent. */
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

int km_requirements_check_filter(const struct km_requirements *needs, struct json_findings *warnings,
				 struct error *err)
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
