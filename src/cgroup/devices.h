/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Pure: device rules to an eBPF program of type BPF_PROG_TYPE_CGROUP_DEVICE (Linux 4.15), which the kernel asks for
 * every open and mknod of a device in the cgroup: 1 allows, 0 refuses.
 *
 * Rules are evaluated as if in order, the last that matches deciding; so the program tests them backwards and
 * stops at the first. A request for several kinds of access is allowed if all of them are.
 */

#include <stddef.h>

struct bpf_insn;
struct error;
struct spec_device_rule;

struct device_program {
	struct bpf_insn *instructions; /* owned */
	size_t len;
	size_t capacity;
	int status;
};

/*
 * @rules in the order of config.json, then @extra, then what every container has. *ret stays empty when
 * everything would be allowed: then there is nothing to attach.
 */
int device_program_make(const struct spec_device_rule *rules, size_t len,
			const struct spec_device_rule *extra, size_t extra_len, struct device_program *ret,
			struct error *err);
void device_program_done(struct device_program *program);
