/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup/resources.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup/cgroup.h"
#include "spec/spec.h"
#include "util/error.h"

/* Collects; the first failure stays and later calls do nothing, so that the callers read as a list. */
struct maker {
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
	char text[256];
	va_list args;

	if (maker->status < 0)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	maker->status = error_set(maker->err, -EINVAL, "/linux/resources/%s: %s", property, text);
}

static bool given(const struct opt_i64 *value)
{
	return value->set && value->value != 0;
}

static bool given_u(const struct opt_u64 *value)
{
	return value->set && value->value != 0;
}

/* -1 is "no limit". */
static void put_limit(struct maker *maker, const char *property, const char *file, int64_t value)
{
	if (value < 0)
		put(maker, property, file, "max");
	else
		put(maker, property, file, "%" PRId64, value);
}

/* v1 counts memory and swap together, v2 swap alone. */
static void put_swap(struct maker *maker, const struct spec_memory *memory)
{
	const int64_t limit = memory->limit.set ? memory->limit.value : 0;
	const int64_t swap = memory->swap.value;

	if (!given(&memory->swap))
		return;
	if (swap < 0)
		put(maker, "memory/swap", "memory.swap.max", "max");
	else if (limit <= 0)
		refuse(maker, "memory/swap",
		       "it includes memory: /linux/resources/memory/limit is needed, too");
	else if (swap < limit)
		refuse(maker, "memory/swap", "it includes memory and is smaller than memory/limit");
	else
		put(maker, "memory/swap", "memory.swap.max", "%" PRId64, swap - limit);
}

static void put_memory(struct maker *maker, const struct spec_memory *memory)
{
	if (given(&memory->limit))
		put_limit(maker, "memory/limit", "memory.max", memory->limit.value);
	put_swap(maker, memory);
	if (given(&memory->reservation))
		put_limit(maker, "memory/reservation", "memory.low", memory->reservation.value);
	/* -1 asks for no limit, and there is none. */
	if (given(&memory->kernel) && memory->kernel.value > 0)
		refuse(maker, "memory/kernel", "cgroup v2 has no limit for kernel memory");
	if (given(&memory->kernel_tcp) && memory->kernel_tcp.value > 0)
		refuse(maker, "memory/kernelTCP", "cgroup v2 has no limit for TCP memory");
	if (memory->swappiness.set)
		refuse(maker, "memory/swappiness", "cgroup v2 has no swappiness");
	if (memory->disable_oom_killer)
		refuse(maker, "memory/disableOOMKiller", "cgroup v2 cannot disable the OOM killer");
}

unsigned int cgroup_weight_from_shares(unsigned long long shares)
{
	double logarithm, weight;

	if (shares <= 2)
		return 1;
	if (shares >= 262144)
		return 10000;
	/* The parabola in log-log space through (2, 1), (1024, 100), (262144, 10000). */
	logarithm = log2((double)shares);
	weight = pow(10, (logarithm * logarithm + 125 * logarithm) / 612 - 7.0 / 34);
	return (unsigned int)ceil(weight - 1e-6);
}

static void put_cpu(struct maker *maker, const struct spec_cpu *cpu)
{
	if (given(&cpu->idle))
		put(maker, "cpu/idle", "cpu.idle", "%" PRId64, cpu->idle.value);
	/* An idle group has no weight. */
	else if (given_u(&cpu->shares))
		put(maker, "cpu/shares", "cpu.weight", "%u", cgroup_weight_from_shares(cpu->shares.value));
	if (given(&cpu->quota) || given_u(&cpu->period)) {
		const char *property = given(&cpu->quota) ? "cpu/quota" : "cpu/period";
		const uint64_t period = given_u(&cpu->period) ? cpu->period.value : 100000;

		if (given(&cpu->quota) && cpu->quota.value > 0)
			put(maker, property, "cpu.max", "%" PRId64 " %" PRIu64, cpu->quota.value, period);
		else
			put(maker, property, "cpu.max", "max %" PRIu64, period);
	}
	if (given_u(&cpu->burst))
		put(maker, "cpu/burst", "cpu.max.burst", "%" PRIu64, cpu->burst.value);
	if (given_u(&cpu->realtime_period) || given(&cpu->realtime_runtime))
		refuse(maker, given(&cpu->realtime_runtime) ? "cpu/realtimeRuntime" : "cpu/realtimePeriod",
		       "cgroup v2 has no realtime limits");
	if (cpu->cpus && *cpu->cpus)
		put(maker, "cpu/cpus", "cpuset.cpus", "%s", cpu->cpus);
	if (cpu->mems && *cpu->mems)
		put(maker, "cpu/mems", "cpuset.mems", "%s", cpu->mems);
}

static void put_throttle(struct maker *maker, const char *property, const char *key,
			 const struct spec_throttle_list *list)
{
	for (size_t i = 0; i < list->len; i++)
		put(maker, property, "io.max", "%" PRId64 ":%" PRId64 " %s=%" PRIu64, list->items[i].major,
		    list->items[i].minor, key, list->items[i].rate);
}

/* 10..1000 of v1 to 1..10000 of v2, linear. */
static uint64_t io_weight(uint64_t weight)
{
	return weight <= 10 ? 1 : 1 + (weight - 10) * 9999 / 990;
}

/* io.bfq.weight counts from 1 to 1000, as v1 did from 10 to 1000. */
static void __attribute__((format(printf, 2, 3))) add_bfq(struct maker *maker, const char *format, ...)
{
	struct cgroup_write *write = maker->writes.items + maker->writes.len - 1;
	va_list args;

	if (maker->status < 0)
		return;
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
		/* Counts what is reserved, not only what is touched: without it a container is killed by SIGBUS. */
		snprintf(file, sizeof(file), "hugetlb.%s.rsvd.max", limit->page_size);
		put(maker, "hugepageLimits", file, "%" PRIu64, limit->limit);
	}
}

static void put_rdma(struct maker *maker, const struct spec_resources *resources)
{
	for (size_t i = 0; i < resources->rdma_len; i++) {
		const struct spec_rdma *rdma = &resources->rdma[i];
		char handles[40] = "", objects[40] = "";

		if (rdma->handles.set)
			snprintf(handles, sizeof(handles), " hca_handle=%" PRIu64, rdma->handles.value);
		if (rdma->objects.set)
			snprintf(objects, sizeof(objects), " hca_object=%" PRIu64, rdma->objects.value);
		put(maker, "rdma", "rdma.max", "%s%s%s", rdma->device, handles, objects);
	}
}

static void put_unified(struct maker *maker, const struct spec_resources *resources)
{
	for (size_t i = 0; i < resources->unified_len; i++) {
		const char *file = resources->unified[i].key;

		/* A name, not a path; and "cgroup.*" steers the group itself, which is krun's. */
		if (strchr(file, '/') || !strchr(file, '.') || file[0] == '.' ||
		    strncmp(file, "cgroup.", 7) == 0)
			refuse(maker, "unified", "'%s' is not a file of a controller", file);
		else
			put(maker, "unified", file, "%s", resources->unified[i].value);
	}
}

/* ctr always sends the kernel's default shares, 1024; others send -1 for "no limit". Documentation/admin-guide/cgroup-v2.rst. */
static bool is_default(const struct cgroup_write *write)
{
	static const struct {
		const char *file, *text;
	} defaults[] = {
		{ "cpu.weight", "100" }, { "cpu.max", "max 100000" },  { "cpu.idle", "0" },
		{ "memory.max", "max" }, { "memory.swap.max", "max" }, { "pids.max", "max" },
	};

	for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++)
		if (strcmp(write->file, defaults[i].file) == 0 && strcmp(write->text, defaults[i].text) == 0)
			return true;
	return false;
}

/* "memory.max" -> "memory": the part before the first dot is the controller's name. */
static void set_controllers(struct cgroup_writes *writes)
{
	static const char *const known[] = { "memory", "cpu",	  "cpuset", "io",
					     "pids",   "hugetlb", "rdma",   "misc" };

	for (size_t i = 0; i < writes->len; i++) {
		size_t len = strcspn(writes->items[i].file, ".");

		writes->items[i].is_default = is_default(&writes->items[i]);
		for (size_t j = 0; j < sizeof(known) / sizeof(known[0]); j++)
			if (strlen(known[j]) == len && strncmp(known[j], writes->items[i].file, len) == 0)
				writes->items[i].controller = known[j];
	}
}

int cgroup_writes_make(const struct spec_resources *resources, struct cgroup_writes *ret, struct error *err)
{
	struct maker maker = { .err = err };

	put_memory(&maker, &resources->memory);
	put_cpu(&maker, &resources->cpu);
	if (resources->pids_limit.set)
		put_limit(&maker, "pids/limit", "pids.max", resources->pids_limit.value);
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
	set_controllers(&maker.writes);
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

bool cgroup_wants_limits(const struct spec_resources *resources)
{
	struct cgroup_writes writes;
	struct error ignored;
	bool wants;

	/* What cannot be translated is wanted all the same. */
	if (cgroup_writes_make(resources, &writes, &ignored) < 0)
		return true;
	wants = false;
	for (size_t i = 0; i < writes.len; i++)
		wants = wants || !writes.items[i].is_default;
	cgroup_writes_done(&writes);
	return wants;
}
