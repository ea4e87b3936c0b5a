/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Pure: from linux.resources to the files of cgroup v2 that have to be written, in order. */

#include <stdbool.h>
#include <stddef.h>

struct error;
struct spec_resources;

struct cgroup_write {
	char *file; /* "memory.max" */
	char *text;
	const char *controller; /* "memory": has to be enabled for the file to exist */
	const char *property;	/* "memory/limit": below /linux/resources, for errors */
	char *bfq_text; /* for "io.weight": the text for "io.bfq.weight", where the kernel has that instead; else NULL */
	bool is_default; /* what a new group has anyway: asks nothing of a controller that is not there */
};

struct cgroup_writes {
	struct cgroup_write *items;
	size_t len;
};

/*
 * Zero and absent values, which engines always send, mean "leave alone"; pids.limit alone takes 0 as a number. What
 * cgroup v2 has no file for is an error that names the property.
 */
int cgroup_writes_make(const struct spec_resources *resources, struct cgroup_writes *ret, struct error *err);
void cgroup_writes_done(struct cgroup_writes *writes);

/* cpu.shares (2..262144, default 1024) to cpu.weight (1..10000, default 100), defaults and ends meeting. */
unsigned int cgroup_weight_from_shares(unsigned long long shares);
