/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Pure: compiles device rules to an eBPF program of type BPF_PROG_TYPE_CGROUP_DEVICE (Linux 4.15). The kernel
 * runs it for every open and mknod of a device by a process in the cgroup; 1 allows, 0 refuses.
 *
 * Of all rules that match, the last one decides; so the program tests them backwards and stops at the first
 * match. A request for several kinds of access is allowed if each of them is.
 */

#include <stddef.h>

struct bpf_insn;
struct error;
struct spec_device_rule;

struct device_program {
	struct bpf_insn *instructions; /* owned */
	size_t len;
	size_t capacity; /* used while it is made */
	int status;
};

/*
 * @rules in the order of config.json, then @extra, then the devices that every container has. *ret stays
 * empty, and nothing has to be attached, when there is no rule or the last one allows everything. -ENOMEM.
 * Released with device_program_done().
 */
int device_program_make(const struct spec_device_rule *rules, size_t len,
			const struct spec_device_rule *extra, size_t extra_len, struct device_program *ret,
			struct error *err);
void device_program_done(struct device_program *program);
