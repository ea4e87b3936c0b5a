/* SPDX-License-Identifier: Apache-2.0 */

/* Reads, writes and restores the limits of a container. */

#include "cgroup/change.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "cgroup/limit.h"
#include "spec/spec.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"
#include "util/log.h"
#include "util/parse.h"

/* Maximal size of a file that is read to be restored. */
enum { FILE_MAX = 256 * 1024 };

int cgroup_missing_controller(const struct cgroup_write *write, const char *path, struct error *err)
{
	const char *place = error_pointer("/linux/resources/%s", write->property);
	const enum cgroup_host kind = cgroup_host_kind();

	if (kind == CGROUP_HOST_HYBRID || kind == CGROUP_HOST_V1)
		return error_at(
			err, -EOPNOTSUPP, place,
			"the %s controller is on cgroup v1 on this%s host, where "
			"krun sets no limits: boot with systemd.unified_cgroup_hierarchy=1, or drop the "
			"limit",
			write->controller, kind == CGROUP_HOST_HYBRID ? " (hybrid)" : "");
	return error_at(err, -EOPNOTSUPP, place, "the %s controller is not available in cgroup '%s'",
			write->controller, path);
}

/* ---- what is in force ---------------------------------------------------------------------------------- */

static bool is_asked(const struct opt_i64 *value)
{
	return value->set && value->value != 0;
}

/* Reads a number or "max"; *ret is unchanged if the file is missing. */
static void read_limit(int dir_fd, const char *file, int64_t *ret)
{
	char text[32];
	int64_t value;

	if (io_read_small(dir_fd, file, text, sizeof(text)) < 0)
		return;
	if (strcmp(text, "max") == 0)
		*ret = -1;
	else if (parse_i64(text, 0, INT64_MAX, &value) == 0)
		*ret = value;
}

static void read_memory(int dir_fd, const struct spec_memory *memory, const struct spec_memory *before,
			struct cgroup_present *present)
{
	const bool check = memory->check_before_update.set ? memory->check_before_update.value :
			   before			   ? before->check_before_update.value :
							     false;

	if (!is_asked(&memory->limit) && !is_asked(&memory->swap))
		return;
	read_limit(dir_fd, "memory.max", &present->memory_max);
	read_limit(dir_fd, "memory.swap.max", &present->swap_max);
	if (!check)
		return;
	read_limit(dir_fd, "memory.current", &present->memory_usage);
	read_limit(dir_fd, "memory.swap.current", &present->swap_usage);
}

/*
 * Returns the weight of an earlier request, because the kernel forgets it while the cgroup is idle. 0: none.
 */
static unsigned int weight_of(const struct spec_resources *before)
{
	uint64_t weight;

	for (size_t i = before->unified_len; i-- > 0;)
		if (strcmp(before->unified[i].key, "cpu.weight") == 0 &&
		    parse_u64(before->unified[i].value, 10000, &weight) == 0)
			return (unsigned int)weight;
	return before->cpu.shares.set && before->cpu.shares.value > 0 ?
		       cgroup_weight_from_shares(before->cpu.shares.value) :
		       0;
}

/* Parses "QUOTA PERIOD" or "max PERIOD". A period that is missing or no number is left unchanged. */
static void parse_bandwidth(const char *text, struct cgroup_present *present)
{
	const char *period = strchr(text, ' ');
	char quota[24];

	snprintf(quota, sizeof(quota), "%.*s", (int)strcspn(text, " "), text);
	if (strcmp(quota, "max") == 0 || parse_i64(quota, 0, INT64_MAX, &present->quota) < 0)
		present->quota = -1;
	if (period)
		parse_u64(period + 1, UINT64_MAX, &present->period);
}

/* Takes quota and period as earlier requests asked for them. "unified" overrides (spec_merge_resources()). */
static void recall_bandwidth(const struct spec_resources *before, struct cgroup_present *present)
{
	if (before->cpu.quota.set && before->cpu.quota.value != 0)
		present->quota = before->cpu.quota.value < 0 ? -1 : before->cpu.quota.value;
	if (before->cpu.period.set && before->cpu.period.value != 0)
		present->period = before->cpu.period.value;
	for (size_t i = 0; i < before->unified_len; i++)
		if (strcmp(before->unified[i].key, "cpu.max") == 0)
			parse_bandwidth(before->unified[i].value, present);
}

static void read_cpu(int dir_fd, const struct spec_cpu *cpu, const struct spec_resources *before,
		     struct cgroup_present *present)
{
	char text[64];
	int64_t idle = 0, burst = 0;

	if (cpu->idle.set || (cpu->shares.set && cpu->shares.value > 0)) {
		read_limit(dir_fd, "cpu.idle", &idle);
		present->idle = idle != 0;
		present->weight = before ? weight_of(before) : 0;
	}
	if (!is_asked(&cpu->quota) && !(cpu->period.set && cpu->period.value > 0) && !cpu->burst.set)
		return;
	read_limit(dir_fd, "cpu.max.burst", &burst);
	present->burst = (uint64_t)burst;
	if (io_read_small(dir_fd, "cpu.max", text, sizeof(text)) >= 0)
		parse_bandwidth(text, present);
	if (before)
		recall_bandwidth(before, present);
}

/* Reads what the parent cgroup has; *ret is unchanged if that cannot be read. */
static int read_set(int dir_fd, const char *file, const char *asked, char **ret)
{
	int r;

	if (!asked || !*asked)
		return 0;
	r = io_read_file(dir_fd, file, FILE_MAX, ret, NULL);
	if (r == 0)
		(*ret)[strcspn(*ret, "\n")] = '\0';
	return r == -ENOMEM ? r : 0;
}

int cgroup_present_read(int dir_fd, const struct spec_resources *resources,
			const struct spec_resources *before, struct cgroup_present *ret, struct error *err)
{
	struct cgroup_present present = cgroup_present_new;
	int r;

	read_memory(dir_fd, &resources->memory, before ? &before->memory : NULL, &present);
	read_cpu(dir_fd, &resources->cpu, before, &present);
	r = read_set(dir_fd, "../cpuset.cpus.effective", resources->cpu.cpus, &present.cpus);
	if (r == 0)
		r = read_set(dir_fd, "../cpuset.mems.effective", resources->cpu.mems, &present.mems);
	*ret = present;
	return r < 0 ? error_oom(err) : 0;
}

/* ---- undo ---------------------------------------------------------------------------------------------- */

/* Returns a copy of the line of @text whose first word is that of @line; NULL: none, or out of memory. */
static char *find_line(const char *text, const char *line)
{
	const size_t key = strcspn(line, " ");

	for (; *text; text += strcspn(text, "\n"), text += *text == '\n')
		if (strncmp(text, line, key) == 0 && text[key] == ' ')
			return strndup(text, strcspn(text, "\n"));
	return NULL;
}

/* Returns the line that restores the default for a device without a line; NULL: none. */
static char *make_default_line(const char *file, const char *line)
{
	static const struct {
		const char *file, *rest;
	} defaults[] = {
		{ "io.max", "rbps=max wbps=max riops=max wiops=max" },
		{ "io.weight", "default" },
		{ "io.bfq.weight", "default" },
		{ "io.latency", "target=0" },
	};
	char *text;

	for (size_t i = 0; i < ARRAY_LEN(defaults); i++)
		if (strcmp(file, defaults[i].file) == 0)
			return asprintf(&text, "%.*s %s", (int)strcspn(line, " "), line, defaults[i].rest) <
					       0 ?
				       NULL :
				       text;
	return NULL;
}

static int add_earlier(struct cgroup_undo *undo, const char *file, char *text /* moved */)
{
	struct cgroup_earlier *items = realloc(undo->items, (undo->len + 1) * sizeof(*items));
	char *copy = strdup(file);

	if (items)
		undo->items = items;
	if (!items || !copy || !text) {
		free(copy);
		free(text);
		return -ENOMEM;
	}
	undo->items[undo->len++] = (struct cgroup_earlier){ copy, text };
	return 0;
}

/*
 * Records the contents of @file before @text is written to it. A file that cannot be read ("memory.reclaim")
 * is a command without a state, and a missing file will not be written.
 */
static int remember(int dir_fd, const char *file, const char *text, bool is_line, struct cgroup_undo *undo)
{
	auto_free char *content = NULL;
	char *line;

	if (io_read_file(dir_fd, file, FILE_MAX, &content, NULL) < 0)
		return 0;
	if (!is_line) {
		content[strcspn(content, "\n")] = '\0';
		return add_earlier(undo, file, take_pointer(content));
	}
	/* A number without a device in io.weight is the default. */
	line = find_line(content, strchr(text, ' ') ? text : "default ");
	if (!line)
		line = make_default_line(file, text);
	return line ? add_earlier(undo, file, line) : 0;
}

static int write_file(int dir_fd, const char *file, const char *text)
{
	log_debug("write '%s' to %s", text, file);
	/* A write(2) of 0 bytes would not reach the kernel's file. */
	return io_write_existing(dir_fd, file, *text ? text : "\n");
}

static int restore(int dir_fd, const struct cgroup_earlier *earlier)
{
	int r = write_file(dir_fd, earlier->file, earlier->text);
	auto_free char *all = NULL;
	char path[64];

	/*
	 * While it has processes, the kernel does not let a cpuset become empty ("inherit") again: it gets
	 * the parent's.
	 */
	if (r != -ENOSPC || *earlier->text || strncmp(earlier->file, "cpuset.", 7) != 0)
		return r;
	snprintf(path, sizeof(path), "../%s.effective", earlier->file);
	r = io_read_file(dir_fd, path, FILE_MAX, &all, NULL);
	return r < 0 ? r : write_file(dir_fd, earlier->file, all);
}

/* Drops all but the first @len. */
static void forget(struct cgroup_undo *undo, size_t len)
{
	while (undo->len > len) {
		undo->len--;
		free(undo->items[undo->len].file);
		free(undo->items[undo->len].text);
	}
}

static void undo_done(struct cgroup_undo *undo)
{
	forget(undo, 0);
	free(undo->items);
	*undo = (struct cgroup_undo){ 0 };
}

void cgroup_change_undo(const struct cgroup *cgroup, const struct cgroup_change *change)
{
	const struct cgroup_undo *undo = &change->undo;

	for (size_t i = undo->len; i-- > 0;) {
		int r = restore(cgroup->dir_fd, &undo->items[i]);

		if (r < 0)
			log_warning("put '%s' back into '%s' of cgroup '%s': %s", undo->items[i].text,
				    undo->items[i].file, cgroup->place.path, error_reason(r));
	}
}

void cgroup_change_done(struct cgroup_change *change)
{
	cgroup_present_done(&change->present);
	cgroup_writes_done(&change->writes);
	undo_done(&change->undo);
}

/* ---- writing ------------------------------------------------------------------------------------------- */

/* An idle cgroup has lost its weight, so the weight is recorded before. */
static int remember_weight(int dir_fd, struct cgroup_undo *undo)
{
	char idle[8];

	if (io_read_small(dir_fd, "cpu.idle", idle, sizeof(idle)) <= 0 || idle[0] != '0')
		return 0;
	return remember(dir_fd, "cpu.weight", "", false, undo);
}

/* @undo: NULL at create, because a failure removes the cgroup. */
static int write_remembered(int dir_fd, const char *file, const char *text, bool is_line,
			    struct cgroup_undo *undo)
{
	const size_t len = undo ? undo->len : 0;
	int r = 0;

	if (undo && strcmp(file, "cpu.idle") == 0)
		r = remember_weight(dir_fd, undo);
	if (undo && r == 0)
		r = remember(dir_fd, file, text, is_line, undo);
	if (r == 0)
		r = write_file(dir_fd, file, text);
	if (undo && r < 0)
		forget(undo, len);
	return r;
}

/*
 * The device's I/O scheduler decides which of the two weights is used. The other one may be refused or
 * missing, so one successful write is enough.
 */
static int write_both(int dir_fd, const struct cgroup_write *write, struct cgroup_undo *undo)
{
	int r = write_remembered(dir_fd, write->file, write->text, write->is_line, undo);
	int bfq = write->bfq_text ? write_remembered(dir_fd, "io.bfq.weight", write->bfq_text, true, undo) :
				    -ENOENT;

	return bfq == 0 || (r == -ENOENT && bfq != -ENOENT) ? bfq : r;
}

/* Returns whether the limit is effective without this file. */
static bool may_be_missing(const char *file)
{
	/* Kernels before 5.7 do not count reservations of huge pages, only their use. */
	if (strncmp(file, "hugetlb.", 8) == 0 && strstr(file, ".rsvd."))
		return true;
	/* The kernel has no swap. */
	return strcmp(file, "memory.swap.max") == 0 && io_exists("/proc/swaps") == 0;
}

static bool has_controller(int dir_fd, const char *controller)
{
	char have[512], *rest = have, *word;

	if (io_read_small(dir_fd, "cgroup.controllers", have, sizeof(have)) < 0)
		return false;
	while ((word = strsep(&rest, " ")))
		if (strcmp(word, controller) == 0)
			return true;
	return false;
}

static int fail(const struct cgroup *cgroup, const struct cgroup_write *write, int code, struct error *err)
{
	const bool unified = strcmp(write->property, "unified") == 0;

	if (code == -ENOMEM)
		return error_oom(err);
	if (code == -ENOENT && write->controller && !has_controller(cgroup->dir_fd, write->controller))
		return cgroup_missing_controller(write, cgroup->place.path, err);
	return error_sys_at(err, code,
			    error_pointer("/linux/resources/%s%s%s", write->property, unified ? "/" : "",
					  unified ? write->file : ""),
			    "write '%s' to '%s'%s", write->text, write->file,
			    write->bfq_text ? " or the equivalent to 'io.bfq.weight'" : "");
}

static int apply(const struct cgroup *cgroup, const struct cgroup_writes *writes, struct cgroup_undo *undo,
		 struct error *err)
{
	for (size_t i = 0; i < writes->len; i++) {
		const struct cgroup_write *write = &writes->items[i];
		int r = write_both(cgroup->dir_fd, write, undo);

		if (r == -ENOENT && (write->is_default || may_be_missing(write->file)))
			continue;
		if (r < 0)
			return fail(cgroup, write, r, err);
	}
	return 0;
}

static bool has_file(const struct cgroup_writes *writes, const char *file)
{
	for (size_t i = 0; i < writes->len; i++)
		if (strcmp(writes->items[i].file, file) == 0)
			return true;
	return false;
}

static bool is_about(const struct cgroup_writes *writes, const char *controller)
{
	for (size_t i = 0; controller && i < writes->len; i++)
		if (writes->items[i].controller && strcmp(writes->items[i].controller, controller) == 0)
			return true;
	return false;
}

/* Repeats the writes of earlier requests to files of the controllers that this change is about. */
static void repeat_earlier(const struct cgroup *cgroup, const struct cgroup_change *change,
			   bool (*is_his)(const char *file))
{
	struct cgroup_writes writes = { 0 };
	struct error ignored;

	if (!change->before || cgroup_writes_make(change->before, NULL, &writes, &ignored) < 0)
		return;
	for (size_t i = 0; i < writes.len; i++) {
		const struct cgroup_write *write = &writes.items[i];
		int r;

		if (!is_his(write->file) || !is_about(&change->writes, write->controller) ||
		    has_file(&change->writes, write->file))
			continue;
		r = write_both(cgroup->dir_fd, write, NULL);
		if (r < 0 && r != -ENOENT)
			log_warning("write '%s' to '%s' of cgroup '%s' once more: %s", write->text,
				    write->file, cgroup->place.path, error_reason(r));
	}
	cgroup_writes_done(&writes);
}

int cgroup_change_repeat(const struct cgroup *cgroup, const struct cgroup_change *change,
			 bool (*is_his)(const char *file), struct error *err)
{
	repeat_earlier(cgroup, change, is_his);
	for (size_t i = 0; i < change->writes.len; i++) {
		const struct cgroup_write *write = &change->writes.items[i];
		int r = is_his(write->file) ? write_both(cgroup->dir_fd, write, NULL) : 0;

		if (r < 0 && !(r == -ENOENT && (write->is_default || may_be_missing(write->file))))
			return fail(cgroup, write, r, err);
	}
	return 0;
}

static bool lacks_controller(int dir_fd, const struct cgroup_writes *writes)
{
	for (size_t i = 0; i < writes->len; i++)
		if (writes->items[i].controller && !writes->items[i].is_default &&
		    !has_controller(dir_fd, writes->items[i].controller))
			return true;
	return false;
}

static int plan(const struct cgroup *cgroup, const struct spec_resources *resources,
		struct cgroup_change *change, struct error *err)
{
	int r = cgroup_present_read(cgroup->dir_fd, resources, change->before, &change->present, err);

	return r < 0 ? r : cgroup_writes_make(resources, &change->present, &change->writes, err);
}

static int no_group(struct error *err)
{
	return error_at(err, -EOPNOTSUPP, "/linux/resources", "the container has no cgroup of its own");
}

/* The kernel refuses a weight for an idle cgroup. */
static void tell_waiting_share(const struct spec_cpu *cpu, const struct cgroup_present *present)
{
	const bool idle = cpu->idle.set ? cpu->idle.value != 0 : present->idle;

	if (idle && cpu->shares.set && cpu->shares.value > 0)
		log_warning("/linux/resources/cpu/shares: %llu changes nothing while the group is idle, and "
			    "holds when that ends",
			    (unsigned long long)cpu->shares.value);
}

/* A plan is made for a new cgroup without knowing its parent's cpuset. */
static bool fits_plan(const struct cgroup *cgroup, const struct spec_resources *resources)
{
	return cgroup->is_new && !resources->cpu.cpus && !resources->cpu.mems;
}

int cgroup_limit(const struct cgroup *cgroup, const struct cgroup_plan *limits, struct error *err)
{
	struct cgroup_change change = { .before = NULL };
	int r;

	if (cgroup->dir_fd < 0)
		return limits->has_limits ? no_group(err) : 0;
	if (fits_plan(cgroup, limits->resources)) {
		tell_waiting_share(&limits->resources->cpu, &cgroup_present_new);
		return apply(cgroup, &limits->writes, NULL, err);
	}
	r = plan(cgroup, limits->resources, &change, err);
	if (r == 0)
		tell_waiting_share(&limits->resources->cpu, &change.present);
	if (r == 0)
		r = apply(cgroup, &change.writes, NULL, err);
	cgroup_change_done(&change);
	return r;
}

/* Resources that cannot be translated count as limits. */
static bool wants_limits(const struct spec_resources *resources)
{
	struct cgroup_writes writes = { 0 };
	struct error ignored;
	const bool wants =
		cgroup_writes_make(resources, NULL, &writes, &ignored) < 0 || cgroup_writes_limit(&writes);

	cgroup_writes_done(&writes);
	return wants;
}

int cgroup_change_make(const struct cgroup *cgroup, const struct spec_resources *resources,
		       struct cgroup_change *change, struct error *err)
{
	int r;

	if (cgroup->dir_fd < 0)
		return wants_limits(resources) ? no_group(err) : 0;
	r = plan(cgroup, resources, change, err);
	/* The container may have been made without this controller, because it had no such limit. */
	if (r == 0 && lacks_controller(cgroup->dir_fd, &change->writes)) {
		r = cgroup_enable_controllers(cgroup, &change->writes, err);
		cgroup_change_done(change);
		if (r == 0)
			r = plan(cgroup, resources, change, err);
	}
	if (r == 0) {
		tell_waiting_share(&resources->cpu, &change->present);
		r = apply(cgroup, &change->writes, &change->undo, err);
		if (r < 0)
			cgroup_change_undo(cgroup, change);
	}
	return r;
}
