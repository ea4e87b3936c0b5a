/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup/resources.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spec/spec.h"
#include "util/array.h"
#include "util/error.h"
#include "util/parse.h"

const struct cgroup_present cgroup_present_new = {
	.memory_max = -1,
	.swap_max = -1,
	.memory_usage = -1,
	.swap_usage = -1,
	.quota = -1,
	.period = 100000,
};

void cgroup_present_done(struct cgroup_present *present)
{
	free(present->cpus);
	free(present->mems);
	*present = cgroup_present_new;
}

/* Collects the writes. After the first failure further calls do nothing, so that callers need no checks. */
struct maker {
	const struct cgroup_present *present;
	struct cgroup_writes writes;
	struct error *err;
	int status;
};

static void __attribute__((format(printf, 4, 5)))
put(struct maker *maker, const char *property, const char *file, const char *format, ...)
{
	struct cgroup_write write = { .property = property };
	struct cgroup_write *items;
	va_list args;
	int n;

	if (maker->status < 0)
		return;
	va_start(args, format);
	n = vasprintf(&write.text, format, args);
	va_end(args);
	write.file = strdup(file);
	items = realloc(maker->writes.items, (maker->writes.len + 1) * sizeof(*items));
	if (n < 0 || !write.file || !items) {
		maker->status = error_oom(maker->err);
		free(n < 0 ? NULL : write.text);
		free(write.file);
		if (items)
			maker->writes.items = items;
		return;
	}
	items[maker->writes.len++] = write;
	maker->writes.items = items;
}

static void __attribute__((format(printf, 3, 4)))
refuse(struct maker *maker, const char *property, const char *format, ...)
{
	char text[512];
	va_list args;

	if (maker->status < 0)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	maker->status =
		error_at(maker->err, -EINVAL, error_pointer("/linux/resources/%s", property), "%s", text);
}

static bool given(const struct opt_i64 *value)
{
	return value->set && value->value != 0;
}

static bool given_u(const struct opt_u64 *value)
{
	return value->set && value->value != 0;
}

/* Negative values mean "no limit". */
static void put_limit(struct maker *maker, const char *property, const char *file, int64_t value)
{
	if (value < 0)
		put(maker, property, file, "max");
	else
		put(maker, property, file, "%" PRId64, value);
}

/* ---- memory -------------------------------------------------------------------------------------------- */

/*
 * config.json counts memory and swap together, v2 counts swap alone. Returns false for no change and for an
 * error.
 */
static bool find_swap(struct maker *maker, const struct spec_memory *memory, int64_t *ret)
{
	const int64_t limit = given(&memory->limit) ? memory->limit.value : maker->present->memory_max;
	const int64_t swap = memory->swap.value;

	if (!given(&memory->swap)) {
		/* Without a memory limit there is no limit of memory and swap together. */
		*ret = -1;
		return given(&memory->limit) && limit < 0;
	}
	*ret = swap < 0 ? -1 : swap - limit;
	if (swap < 0)
		return true;
	if (limit < 0)
		refuse(maker, "memory/swap", "it includes memory: %s",
		       given(&memory->limit) ? "memory/limit is -1, so there is no limit for both" :
					       "/linux/resources/memory/limit is needed, too");
	else if (swap < limit)
		refuse(maker, "memory/swap",
		       "%" PRId64 " includes memory and is smaller than its limit, %" PRId64, swap, limit);
	else
		return true;
	return false;
}

/* memory.checkBeforeUpdate: the kernel would kill processes to get below the limit. */
static void check_usage(struct maker *maker, const char *property, const char *file, int64_t limit,
			int64_t usage)
{
	if (maker->status == 0 && limit >= 0 && usage > limit)
		maker->status = error_at(maker->err, -EBUSY, error_pointer("/linux/resources/%s", property),
					 "write '%" PRId64 "' to '%s': the present usage is %" PRId64
					 ", and memory/checkBeforeUpdate is set",
					 limit, file, usage);
}

static void put_memory(struct maker *maker, const struct spec_memory *memory)
{
	const struct cgroup_present *present = maker->present;
	int64_t swap_max;
	const bool swap = find_swap(maker, memory, &swap_max);
	/*
	 * Pages that no longer fit in memory may go to swap: a larger swap limit comes before a smaller
	 * memory limit, a smaller one after a larger memory limit.
	 */
	const bool swap_first =
		swap && present->swap_max >= 0 && (swap_max < 0 || swap_max > present->swap_max);

	if (swap)
		check_usage(maker, "memory/swap", "memory.swap.max", swap_max, present->swap_usage);
	if (swap_first)
		put_limit(maker, "memory/swap", "memory.swap.max", swap_max);
	if (given(&memory->limit)) {
		check_usage(maker, "memory/limit", "memory.max", memory->limit.value, present->memory_usage);
		put_limit(maker, "memory/limit", "memory.max", memory->limit.value);
	}
	if (swap && !swap_first)
		put_limit(maker, "memory/swap", "memory.swap.max", swap_max);
	if (given(&memory->reservation))
		put_limit(maker, "memory/reservation", "memory.low", memory->reservation.value);
	/* -1 means "no limit", which is the case. */
	if (given(&memory->kernel) && memory->kernel.value > 0)
		refuse(maker, "memory/kernel", "cgroup v2 has no limit for kernel memory");
	if (given(&memory->kernel_tcp) && memory->kernel_tcp.value > 0)
		refuse(maker, "memory/kernelTCP", "cgroup v2 has no limit for TCP memory");
	if (memory->swappiness.set)
		refuse(maker, "memory/swappiness", "cgroup v2 has no swappiness");
	if (memory->disable_oom_killer)
		refuse(maker, "memory/disableOOMKiller", "cgroup v2 cannot disable the OOM killer");
	if (memory->use_hierarchy.set && !memory->use_hierarchy.value)
		refuse(maker, "memory/useHierarchy", "cgroup v2 always counts what is below a group");
}

void cgroup_memory_settle(const struct spec_memory *before, const struct spec_memory *changes,
			  const struct cgroup_present *present, struct opt_i64 *ret_limit,
			  struct opt_i64 *ret_swap)
{
	*ret_limit = given(&changes->limit) ? changes->limit : before->limit;
	*ret_swap = given(&changes->swap) ? changes->swap : before->swap;
	if (given(&changes->swap)) {
		/* The swap limit was computed with this memory limit. */
		if (changes->swap.value > 0 && !given(&changes->limit))
			*ret_limit = (struct opt_i64){ true, present->memory_max };
	} else if (given(&changes->limit) && given(&before->swap)) {
		if (changes->limit.value < 0 || present->swap_max < 0)
			ret_swap->value = -1;
		else if (before->swap.value > 0)
			ret_swap->value = changes->limit.value + present->swap_max;
	}
}

/* ---- cpu ----------------------------------------------------------------------------------------------- */

unsigned int cgroup_weight_from_shares(unsigned long long shares)
{
	double logarithm, weight;

	if (shares <= 2)
		return 1;
	if (shares >= 262144)
		return 10000;
	/* A parabola in log-log space through (2, 1), (1024, 100) and (262144, 10000). */
	logarithm = log2((double)shares);
	weight = pow(10, (logarithm * logarithm + 125 * logarithm) / 612 - 7.0 / 34);
	return (unsigned int)ceil(weight - 1e-6);
}

/* The kernel refuses a weight for an idle cgroup, and resets the weight when it stops being idle. */
static void put_weight(struct maker *maker, const struct spec_cpu *cpu)
{
	const bool idle = cpu->idle.set ? cpu->idle.value != 0 : maker->present->idle;

	if (cpu->idle.set)
		put(maker, "cpu/idle", "cpu.idle", "%" PRId64, cpu->idle.value);
	if (idle)
		return;
	if (given_u(&cpu->shares))
		put(maker, "cpu/shares", "cpu.weight", "%u", cgroup_weight_from_shares(cpu->shares.value));
	else if (cpu->idle.set && maker->present->idle && maker->present->weight > 0)
		put(maker, "cpu/idle", "cpu.weight", "%u", maker->present->weight);
}

static void put_max(struct maker *maker, const char *property, int64_t quota, uint64_t period)
{
	if (quota < 0)
		put(maker, property, "cpu.max", "max %" PRIu64, period);
	else
		put(maker, property, "cpu.max", "%" PRId64 " %" PRIu64, quota, period);
}

/* Quota and period share a file. The burst may never exceed the quota, also between two writes. */
static void put_bandwidth(struct maker *maker, const struct spec_cpu *cpu)
{
	const struct cgroup_present *present = maker->present;
	const int64_t quota = given(&cpu->quota) ? cpu->quota.value : present->quota;
	const uint64_t period = given_u(&cpu->period) ? cpu->period.value : present->period;
	const uint64_t burst = cpu->burst.set ? cpu->burst.value : present->burst;
	const bool max = given(&cpu->quota) || given_u(&cpu->period);
	const bool burst_first = cpu->burst.set && quota >= 0 && (uint64_t)quota < present->burst;

	if ((max || cpu->burst.set) && quota >= 0 && burst > (uint64_t)quota)
		refuse(maker, cpu->burst.set ? "cpu/burst" : "cpu/quota",
		       "a burst of %" PRIu64 " is more than the quota, %" PRId64, burst, quota);
	if (burst_first)
		put(maker, "cpu/burst", "cpu.max.burst", "%" PRIu64, burst);
	if (max)
		put_max(maker, given(&cpu->quota) ? "cpu/quota" : "cpu/period", quota, period);
	if (cpu->burst.set && !burst_first)
		put(maker, "cpu/burst", "cpu.max.burst", "%" PRIu64, burst);
}

/* Returns true also for a list that cannot be parsed; the kernel decides then. */
static bool has_all(const char *had, const char *asked)
{
	enum { BITS = 8 * sizeof(unsigned long) };
	unsigned long have[SPEC_CPUS_MAX / BITS], want[SPEC_CPUS_MAX / BITS];

	if (!had || parse_bit_list(had, have, SPEC_CPUS_MAX) < 0 ||
	    parse_bit_list(asked, want, SPEC_CPUS_MAX) < 0)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(want); i++)
		if (want[i] & ~have[i])
			return false;
	return true;
}

/* The kernel accepts CPUs that the parent does not have, and then uses others without an error. */
static void put_set(struct maker *maker, const char *property, const char *file, const char *asked,
		    const char *had)
{
	if (!asked || !*asked)
		return;
	if (!has_all(had, asked))
		refuse(maker, property, "write '%s' to '%s': the group above has '%s' only", asked, file,
		       had);
	put(maker, property, file, "%s", asked);
}

static void put_cpu(struct maker *maker, const struct spec_cpu *cpu)
{
	put_weight(maker, cpu);
	put_bandwidth(maker, cpu);
	if (given_u(&cpu->realtime_period) || given(&cpu->realtime_runtime))
		refuse(maker, given(&cpu->realtime_runtime) ? "cpu/realtimeRuntime" : "cpu/realtimePeriod",
		       "cgroup v2 has no realtime limits");
	put_set(maker, "cpu/cpus", "cpuset.cpus", cpu->cpus, maker->present->cpus);
	put_set(maker, "cpu/mems", "cpuset.mems", cpu->mems, maker->present->mems);
}

/* ---- the other controllers ----------------------------------------------------------------------------- */

static void put_throttle(struct maker *maker, const char *property, const char *key,
			 const struct spec_throttle_list *list)
{
	for (size_t i = 0; i < list->len; i++) {
		const struct spec_throttle *throttle = &list->items[i];

		/* 0 means "no limit", as in v1. */
		if (throttle->rate == 0)
			put(maker, property, "io.max", "%" PRId64 ":%" PRId64 " %s=max", throttle->major,
			    throttle->minor, key);
		else
			put(maker, property, "io.max", "%" PRId64 ":%" PRId64 " %s=%" PRIu64, throttle->major,
			    throttle->minor, key, throttle->rate);
	}
}

/* Converts 10..1000 (v1) to 1..10000 (v2), linearly. */
static uint64_t io_weight(uint64_t weight)
{
	return weight <= 10 ? 1 : 1 + (weight - 10) * 9999 / 990;
}

/* io.bfq.weight has the range 1..1000, so a v1 weight (10..1000) is used as it is. */
static void __attribute__((format(printf, 2, 3))) add_bfq(struct maker *maker, const char *format, ...)
{
	struct cgroup_write *write;
	va_list args;

	if (maker->status < 0)
		return;
	write = &maker->writes.items[maker->writes.len - 1];
	va_start(args, format);
	if (vasprintf(&write->bfq_text, format, args) < 0) {
		write->bfq_text = NULL;
		maker->status = error_oom(maker->err);
	}
	va_end(args);
}

static void put_block_io(struct maker *maker, const struct spec_block_io *io)
{
	if (given_u(&io->weight)) {
		put(maker, "blockIO/weight", "io.weight", "default %" PRIu64, io_weight(io->weight.value));
		add_bfq(maker, "%" PRIu64, io->weight.value);
	}
	if (given_u(&io->leaf_weight))
		refuse(maker, "blockIO/leafWeight", "cgroup v2 has no leaf weight");
	for (size_t i = 0; i < io->weight_devices_len; i++) {
		const struct spec_weight_device *device = &io->weight_devices[i];

		if (given_u(&device->leaf_weight))
			refuse(maker, "blockIO/weightDevice", "cgroup v2 has no leaf weight");
		if (!given_u(&device->weight))
			continue;
		put(maker, "blockIO/weightDevice", "io.weight", "%" PRId64 ":%" PRId64 " %" PRIu64,
		    device->major, device->minor, io_weight(device->weight.value));
		add_bfq(maker, "%" PRId64 ":%" PRId64 " %" PRIu64, device->major, device->minor,
			device->weight.value);
	}
	put_throttle(maker, "blockIO/throttleReadBpsDevice", "rbps", &io->read_bps);
	put_throttle(maker, "blockIO/throttleWriteBpsDevice", "wbps", &io->write_bps);
	put_throttle(maker, "blockIO/throttleReadIOPSDevice", "riops", &io->read_iops);
	put_throttle(maker, "blockIO/throttleWriteIOPSDevice", "wiops", &io->write_iops);
}

static void put_hugepages(struct maker *maker, const struct spec_resources *resources)
{
	for (size_t i = 0; i < resources->hugepage_limits_len; i++) {
		const struct spec_hugepage_limit *limit = &resources->hugepage_limits[i];
		char file[64];

		snprintf(file, sizeof(file), "hugetlb.%s.max", limit->page_size);
		put(maker, "hugepageLimits", file, "%" PRIu64, limit->limit);
		/*
		 * Limits reservations, too; otherwise exceeding the limit at the first access kills the
		 * process by SIGBUS.
		 */
		snprintf(file, sizeof(file), "hugetlb.%s.rsvd.max", limit->page_size);
		put(maker, "hugepageLimits", file, "%" PRIu64, limit->limit);
	}
}

/* Formats " hca_handle=3"; a number that is too large for the kernel's int means "no limit". */
static void format_rdma(char *out, size_t size, const char *key, const struct opt_u64 *limit)
{
	if (!limit->set)
		*out = '\0';
	else if (limit->value >= INT32_MAX)
		snprintf(out, size, " %s=max", key);
	else
		snprintf(out, size, " %s=%" PRIu64, key, limit->value);
}

static void put_rdma(struct maker *maker, const struct spec_resources *resources)
{
	for (size_t i = 0; i < resources->rdma_len; i++) {
		const struct spec_rdma *rdma = &resources->rdma[i];
		char handles[40], objects[40];

		if (!rdma->handles.set && !rdma->objects.set)
			refuse(maker, "rdma", "'%s' has neither hcaHandles nor hcaObjects", rdma->device);
		format_rdma(handles, sizeof(handles), "hca_handle", &rdma->handles);
		format_rdma(objects, sizeof(objects), "hca_object", &rdma->objects);
		put(maker, "rdma", "rdma.max", "%s%s%s", rdma->device, handles, objects);
	}
}

/* The kernel takes one line in each write(2). */
static void put_lines(struct maker *maker, const char *file, const char *text)
{
	const bool single = !strchr(text, '\n');

	for (;;) {
		const size_t len = strcspn(text, "\n");

		if (len > 0 || single) {
			put(maker, "unified", file, "%.*s", (int)len, text);
			if (maker->status == 0 && !single)
				maker->writes.items[maker->writes.len - 1].is_line = true;
		}
		if (text[len] == '\0')
			return;
		text += len + 1;
	}
}

static void put_unified(struct maker *maker, const struct spec_resources *resources)
{
	for (size_t i = 0; i < resources->unified_len; i++) {
		const char *file = resources->unified[i].key;

		/* Not a path; and the "cgroup.*" files, which control the cgroup itself, are krun's. */
		if (strchr(file, '/') || !strchr(file, '.') || file[0] == '.' ||
		    strncmp(file, "cgroup.", 7) == 0)
			refuse(maker, "unified", "'%s' is not a file of a controller", file);
		else
			put_lines(maker, file, resources->unified[i].value);
	}
}

/* ---- the whole ----------------------------------------------------------------------------------------- */

/*
 * Returns whether the write sets a new cgroup's default (Documentation/admin-guide/cgroup-v2.rst): ctr always
 * sends the default shares, 1024, and other callers send -1 for "no limit".
 */
static bool is_default(const struct cgroup_write *write)
{
	static const struct {
		const char *file, *text;
	} defaults[] = {
		{ "cpu.weight", "100" },  { "cpu.max", "max 100000" },	{ "cpu.idle", "0" },
		{ "memory.max", "max" },  { "memory.swap.max", "max" }, { "pids.max", "max" },
		{ "cpu.max.burst", "0" },
	};

	/* A file that config.json names must exist. */
	if (strcmp(write->property, "unified") == 0)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(defaults); i++)
		if (strcmp(write->file, defaults[i].file) == 0 && strcmp(write->text, defaults[i].text) == 0)
			return true;
	return false;
}

static bool is_line(const char *file)
{
	static const char *const files[] = { "io.max",	   "io.weight", "io.bfq.weight",
					     "io.latency", "rdma.max",	"misc.max" };

	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		if (strcmp(file, files[i]) == 0)
			return true;
	return false;
}

/* Returns the controller, which is the part before the first dot: "memory" for "memory.max". */
static const char *controller_of(const char *file)
{
	static const char *const known[] = { "memory", "cpu",	  "cpuset", "io",
					     "pids",   "hugetlb", "rdma",   "misc" };
	const size_t len = strcspn(file, ".");

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strlen(known[i]) == len && strncmp(known[i], file, len) == 0)
			return known[i];
	return NULL;
}

int cgroup_writes_make(const struct spec_resources *resources, const struct cgroup_present *present,
		       struct cgroup_writes *ret, struct error *err)
{
	struct maker maker = { .present = present ? present : &cgroup_present_new, .err = err };

	put_memory(&maker, &resources->memory);
	put_cpu(&maker, &resources->cpu);
	/*
	 * Podman and its containers.conf write "no limit" as 0; a limit of 0 would leave no room for the
	 * first process.
	 */
	if (resources->pids_limit.set)
		put_limit(&maker, "pids/limit", "pids.max",
			  resources->pids_limit.value == 0 ? -1 : resources->pids_limit.value);
	put_block_io(&maker, &resources->block_io);
	put_hugepages(&maker, resources);
	put_rdma(&maker, resources);
	if (given_u(&resources->network_class_id))
		refuse(&maker, "network/classID", "cgroup v2 has no network classes");
	if (resources->network_priorities_len > 0)
		refuse(&maker, "network/priorities", "cgroup v2 has no network priorities");
	put_unified(&maker, resources);
	if (maker.status < 0) {
		cgroup_writes_done(&maker.writes);
		return maker.status;
	}
	for (size_t i = 0; i < maker.writes.len; i++) {
		struct cgroup_write *write = &maker.writes.items[i];

		write->controller = controller_of(write->file);
		write->is_default = is_default(write);
		write->is_line = write->is_line || is_line(write->file);
	}
	*ret = maker.writes;
	return 0;
}

void cgroup_writes_done(struct cgroup_writes *writes)
{
	for (size_t i = 0; i < writes->len; i++) {
		free(writes->items[i].file);
		free(writes->items[i].text);
		free(writes->items[i].bfq_text);
	}
	free(writes->items);
	*writes = (struct cgroup_writes){ 0 };
}

bool cgroup_writes_limit(const struct cgroup_writes *writes)
{
	bool limit = false;

	for (size_t i = 0; i < writes->len; i++)
		limit = limit || !writes->items[i].is_default;
	return limit;
}
