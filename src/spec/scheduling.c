/* SPDX-License-Identifier: Apache-2.0 */

/* process.scheduler, ioPriority, execCPUAffinity (config.md); linux.memoryPolicy (config-linux.md). */

#include <linux/ioprio.h>
#include <linux/mempolicy.h>
#include <linux/sched.h>
#include <linux/sched/types.h>
#include <string.h>

#include "spec/read.h"
#include "spec/spec.h"
#include "util/array.h"
#include "util/error.h"

/* Constants that older kernel headers do not have. */
enum {
	POLICY_ISO = 4,			/* reserved, never implemented: the kernel rejects it */
	POLICY_PREFERRED_MANY = 5,	/* Linux 5.15 */
	POLICY_WEIGHTED_INTERLEAVE = 6, /* Linux 6.9 */
	FLAG_NUMA_BALANCING = 1 << 13,	/* Linux 5.12 */
};

/* ---- scheduler ----------------------------------------------------------------------------- */

struct scheduler_entry {
	struct spec_scheduler result;
	uint64_t policy;
	bool has_priority, has_deadline, has_nice;
};

static const struct spec_flag_word policies[] = {
	{ "SCHED_OTHER", SCHED_NORMAL },
	{ "SCHED_FIFO", SCHED_FIFO },
	{ "SCHED_RR", SCHED_RR },
	{ "SCHED_BATCH", SCHED_BATCH },
	{ "SCHED_ISO", POLICY_ISO },
	{ "SCHED_IDLE", SCHED_IDLE },
	{ "SCHED_DEADLINE", SCHED_DEADLINE },
	{ NULL, 0 },
};

static const struct spec_flag_word scheduler_flags[] = {
	{ "SCHED_FLAG_RESET_ON_FORK", SCHED_FLAG_RESET_ON_FORK },
	{ "SCHED_FLAG_RECLAIM", SCHED_FLAG_RECLAIM },
	{ "SCHED_FLAG_DL_OVERRUN", SCHED_FLAG_DL_OVERRUN },
	{ "SCHED_FLAG_KEEP_POLICY", SCHED_FLAG_KEEP_POLICY },
	{ "SCHED_FLAG_KEEP_PARAMS", SCHED_FLAG_KEEP_PARAMS },
	{ "SCHED_FLAG_UTIL_CLAMP_MIN", SCHED_FLAG_UTIL_CLAMP_MIN },
	{ "SCHED_FLAG_UTIL_CLAMP_MAX", SCHED_FLAG_UTIL_CLAMP_MAX },
	{ NULL, 0 },
};

static const struct json_range nice_range = { -20, 19 };
static const struct json_range priority_range = { 0, 99 };

static int read_i32(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	const struct json_range *range = arg;
	int64_t number;
	int r = json_get_integer(reader, value, range->min, range->max, &number);

	if (r == 0)
		*(int32_t *)target = (int32_t)number;
	return r;
}

#define SCHEDULER(member) offsetof(struct scheduler_entry, member)

static const struct json_field scheduler_fields[] = {
	{ "policy", json_type_string, true, SCHEDULER(policy), spec_read_word, policies },
	{ "policy", json_type_string, true, SCHEDULER(result.policy_word), json_read_string, NULL },
	{ "nice", json_type_int, false, SCHEDULER(result.nice), read_i32, &nice_range },
	{ "priority", json_type_int, false, SCHEDULER(result.priority), read_i32, &priority_range },
	{ "flags", json_type_array, false, SCHEDULER(result.flags), spec_read_flags, scheduler_flags },
	{ "runtime", json_type_int, false, SCHEDULER(result.runtime), json_read_u64, NULL },
	{ "deadline", json_type_int, false, SCHEDULER(result.deadline), json_read_u64, NULL },
	{ "period", json_type_int, false, SCHEDULER(result.period), json_read_u64, NULL },
	{ 0 },
};

/* Reports what the kernel would reject with EINVAL only, sched_setattr(2). */
static int check_scheduler(struct json_reader *reader, const struct spec_scheduler *scheduler)
{
	const bool real_time = scheduler->policy == SCHED_FIFO || scheduler->policy == SCHED_RR;
	const bool timed = scheduler->policy == SCHED_DEADLINE;

	if (real_time && scheduler->priority == 0)
		return json_error(reader, "%s needs a priority from 1 to 99", scheduler->policy_word);
	if (!real_time && scheduler->priority != 0)
		return json_error(reader, "a priority is for SCHED_FIFO and SCHED_RR, not for %s",
				  scheduler->policy_word);
	if (timed && (scheduler->runtime == 0 || scheduler->deadline == 0))
		return json_error(reader, "SCHED_DEADLINE needs runtime and deadline");
	/* What the kernel refuses with EINVAL, sched_setattr(2). */
	if (timed && (scheduler->runtime > scheduler->deadline ||
		      (scheduler->period != 0 && scheduler->deadline > scheduler->period)))
		return json_error(reader, "runtime may not be above deadline, nor deadline above period");
	if (!timed && (scheduler->runtime || scheduler->deadline || scheduler->period))
		return json_error(reader, "runtime, deadline and period are for SCHED_DEADLINE, not for %s",
				  scheduler->policy_word);
	/* The kernel ignores it, too. */
	if (scheduler->nice != 0 && (real_time || timed))
		json_note(reader, JSON_IGNORED, "nice is ignored: %s has no such value",
			  scheduler->policy_word);
	return 0;
}

int spec_read_scheduler(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	struct scheduler_entry *entry = arena_alloc(reader->arena, 1, sizeof(*entry));
	int r;

	(void)arg;
	if (!entry)
		return error_oom(reader->err);
	/* Engines send {} for no scheduler. */
	if (json_object_object_length(value) == 0)
		return 0;
	r = json_read_fields(reader, value, scheduler_fields, entry);
	entry->result.policy = (uint32_t)entry->policy;
	if (r == 0)
		r = check_scheduler(reader, &entry->result);
	if (r == 0)
		*(struct spec_scheduler **)target = &entry->result;
	return r;
}

/* ---- io priority --------------------------------------------------------------------------- */

struct io_priority_entry {
	uint64_t class;
	uint32_t priority;
};

int spec_read_io_priority(struct json_reader *reader, struct json_object *value, void *target,
			  const void *arg)
{
	static const struct spec_flag_word classes[] = {
		{ "IOPRIO_CLASS_RT", IOPRIO_CLASS_RT },
		{ "IOPRIO_CLASS_BE", IOPRIO_CLASS_BE },
		{ "IOPRIO_CLASS_IDLE", IOPRIO_CLASS_IDLE },
		{ NULL, 0 },
	};
	static const struct json_range range = { 0, 7 };
	static const struct json_field fields[] = {
		{ "class", json_type_string, true, offsetof(struct io_priority_entry, class), spec_read_word,
		  classes },
		{ "priority", json_type_int, false, offsetof(struct io_priority_entry, priority),
		  json_read_u32, &range },
		{ 0 },
	};
	struct io_priority_entry entry = { 0 };
	struct opt_i64 *result = target;
	int r;

	(void)arg;
	if (json_object_object_length(value) == 0)
		return 0;
	r = json_read_fields(reader, value, fields, &entry);
	if (r == 0)
		*result = (struct opt_i64){ true,
					    (int64_t)(entry.class << IOPRIO_CLASS_SHIFT | entry.priority) };
	return r;
}

/* ---- cpus of exec -------------------------------------------------------------------------- */

int spec_read_affinity(struct json_reader *reader, struct json_object *value, void *target, const void *arg)
{
	static const unsigned int limit = SPEC_CPUS_MAX;
	static const struct json_field fields[] = {
		{ "initial", json_type_string, false, offsetof(struct spec_affinity, initial),
		  spec_read_bit_list, &limit },
		{ "final", json_type_string, false, offsetof(struct spec_affinity, final), spec_read_bit_list,
		  &limit },
		{ 0 },
	};

	(void)arg;
	return json_read_fields(reader, value, fields, target);
}

/* ---- memory policy ------------------------------------------------------------------------- */

static const struct spec_flag_word modes[] = {
	{ "MPOL_DEFAULT", MPOL_DEFAULT },	{ "MPOL_BIND", MPOL_BIND },
	{ "MPOL_INTERLEAVE", MPOL_INTERLEAVE }, { "MPOL_WEIGHTED_INTERLEAVE", POLICY_WEIGHTED_INTERLEAVE },
	{ "MPOL_PREFERRED", MPOL_PREFERRED },	{ "MPOL_PREFERRED_MANY", POLICY_PREFERRED_MANY },
	{ "MPOL_LOCAL", MPOL_LOCAL },		{ NULL, 0 },
};

static const struct spec_flag_word mode_flags[] = {
	{ "MPOL_F_NUMA_BALANCING", FLAG_NUMA_BALANCING },
	{ "MPOL_F_RELATIVE_NODES", MPOL_F_RELATIVE_NODES },
	{ "MPOL_F_STATIC_NODES", MPOL_F_STATIC_NODES },
	{ NULL, 0 },
};

const char *const spec_memory_policy_modes[] = {
	"MPOL_DEFAULT",	  "MPOL_BIND",		 "MPOL_INTERLEAVE", "MPOL_WEIGHTED_INTERLEAVE",
	"MPOL_PREFERRED", "MPOL_PREFERRED_MANY", "MPOL_LOCAL",	    NULL,
};
const char *const spec_memory_policy_flags[] = {
	"MPOL_F_NUMA_BALANCING",
	"MPOL_F_RELATIVE_NODES",
	"MPOL_F_STATIC_NODES",
	NULL,
};
_Static_assert(ARRAY_LEN(spec_memory_policy_modes) == ARRAY_LEN(modes), "`features` lists every mode");
_Static_assert(ARRAY_LEN(spec_memory_policy_flags) == ARRAY_LEN(mode_flags), "`features` lists every flag");

struct memory_policy_entry {
	struct spec_memory_policy result;
	uint64_t mode, flags;
};

/* What the kernel refuses with EINVAL, set_mempolicy(2). */
static int check_memory_policy(struct json_reader *reader, const struct memory_policy_entry *entry)
{
	const char *word = entry->result.mode_word;

	if ((entry->mode == MPOL_DEFAULT || entry->mode == MPOL_LOCAL) && entry->result.nodes)
		return json_error(reader, "%s takes no nodes", word);
	if (entry->mode != MPOL_DEFAULT && entry->mode != MPOL_LOCAL && entry->mode != MPOL_PREFERRED &&
	    !entry->result.nodes)
		return json_error(reader, "%s needs nodes", word);
	if ((entry->flags & MPOL_F_RELATIVE_NODES) && (entry->flags & MPOL_F_STATIC_NODES))
		return json_error(reader, "flags: nodes are either relative or static");
	if ((entry->flags & (MPOL_F_RELATIVE_NODES | MPOL_F_STATIC_NODES)) && !entry->result.nodes)
		return json_error(reader, "flags: relative or static nodes need nodes");
	if ((entry->flags & FLAG_NUMA_BALANCING) && entry->mode != MPOL_BIND &&
	    entry->mode != POLICY_PREFERRED_MANY)
		return json_error(reader, "flags: MPOL_F_NUMA_BALANCING is not for %s", word);
	return 0;
}

int spec_read_memory_policy(struct json_reader *reader, struct json_object *value, void *target,
			    const void *arg)
{
	static const unsigned int limit = SPEC_NODES_MAX;
	static const struct json_field fields[] = {
		{ "mode", json_type_string, true, offsetof(struct memory_policy_entry, mode), spec_read_word,
		  modes },
		{ "mode", json_type_string, true, offsetof(struct memory_policy_entry, result.mode_word),
		  json_read_string, NULL },
		{ "nodes", json_type_string, false, offsetof(struct memory_policy_entry, result.nodes),
		  spec_read_bit_list, &limit },
		{ "flags", json_type_array, false, offsetof(struct memory_policy_entry, flags),
		  spec_read_flags, mode_flags },
		{ 0 },
	};
	struct memory_policy_entry *entry = arena_alloc(reader->arena, 1, sizeof(*entry));
	int r;

	(void)arg;
	if (!entry)
		return error_oom(reader->err);
	r = json_read_fields(reader, value, fields, entry);
	if (r < 0)
		return r;
	r = check_memory_policy(reader, entry);
	if (r < 0)
		return r;
	entry->result.mode = (int)(entry->mode | entry->flags);
	*(struct spec_memory_policy **)target = &entry->result;
	return 0;
}
