/* SPDX-License-Identifier: Apache-2.0 */

/* Scheduler, I/O priority, CPU affinity and memory policy of a process. */

#include <linux/sched/types.h>
#include <string.h>

#include "security/security.h"
#include "spec/spec.h"
#include "syscall/process.h"
#include "util/error.h"
#include "util/parse.h"

enum { WORD_BITS = 8 * sizeof(unsigned long) };

int scheduling_apply(pid_t pid, const struct spec_process *process, struct error *err)
{
	const struct spec_scheduler *scheduler = process->scheduler;
	int r = 0;

	if (scheduler) {
		const struct sched_attr attr = {
			.size = sizeof(attr),
			.sched_policy = scheduler->policy,
			.sched_flags = scheduler->flags,
			.sched_nice = scheduler->nice,
			.sched_priority = (uint32_t)scheduler->priority,
			.sched_runtime = scheduler->runtime,
			.sched_deadline = scheduler->deadline,
			.sched_period = scheduler->period,
		};

		r = sys_sched_setattr(pid, &attr);
		if (r < 0)
			return error_sys_at(err, r, "/process/scheduler", "set %s", scheduler->policy_word);
	}
	if (process->io_priority.set)
		r = sys_ioprio_set(pid, (int)process->io_priority.value);
	return r < 0 ? error_sys_at(err, r, "/process/ioPriority", "set the I/O priority") : 0;
}

int affinity_apply(const char *cpus, const char *what, struct error *err)
{
	unsigned long mask[SPEC_CPUS_MAX / WORD_BITS];
	int r;

	if (!cpus)
		return 0;
	r = parse_bit_list(cpus, mask, SPEC_CPUS_MAX);
	if (r == 0)
		r = sys_sched_setaffinity(0, mask, sizeof(mask));
	return r < 0 ? error_sys_at(err, r, error_pointer("/process/execCPUAffinity/%s", what),
				    "run on cpus '%s'", cpus) :
		       0;
}

int affinity_reset(struct error *err)
{
	unsigned long mask[SPEC_CPUS_MAX / WORD_BITS];
	int r;

	/* The kernel ignores bits of missing CPUs and applies the cgroup's cpuset itself. */
	memset(mask, 0xff, sizeof(mask));
	r = sys_sched_setaffinity(0, mask, sizeof(mask));
	return r < 0 ? error_sys(err, r, "run on all cpus of the cgroup") : 0;
}

int memory_policy_apply(const struct spec_memory_policy *policy, struct error *err)
{
	unsigned long mask[SPEC_NODES_MAX / WORD_BITS] = { 0 };
	int r;

	if (!policy)
		return 0;
	r = policy->nodes ? parse_bit_list(policy->nodes, mask, SPEC_NODES_MAX) : 0;
	/* The kernel reads one bit less than maxnode says (set_mempolicy(2) "BUGS"). */
	if (r == 0)
		r = sys_set_mempolicy(policy->mode, policy->nodes ? mask : NULL,
				      policy->nodes ? SPEC_NODES_MAX + 1 : 0);
	return r < 0 ? error_sys_at(err, r, "/linux/memoryPolicy", "set %s of nodes '%s'", policy->mode_word,
				    policy->nodes ? policy->nodes : "") :
		       0;
}
