/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* For tests: what a filter answers. */

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>

/* Interprets the classic BPF that libseccomp makes, as the kernel would; the test fails for any other. */
static inline uint32_t bpf_run(const struct sock_filter *code, size_t len, const struct seccomp_data *data)
{
	uint32_t a = 0, scratch[BPF_MEMWORDS] = { 0 };

	for (size_t at = 0; at < len; at++) {
		const struct sock_filter *i = &code[at];
		const uint32_t k = i->k;

		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			memcpy(&a, (const char *)data + k, sizeof(a));
			break;
		case BPF_ST:
			scratch[k] = a;
			break;
		case BPF_LD | BPF_MEM:
			a = scratch[k];
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= k;
			break;
		case BPF_JMP | BPF_JA:
			at += k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			at += a == k ? i->jt : i->jf;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			at += a >= k ? i->jt : i->jf;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			at += a > k ? i->jt : i->jf;
			break;
		case BPF_RET | BPF_K:
			return k;
		default:
			fail_msg("instruction %zu: unknown code %x", at, i->code);
		}
	}
	fail_msg("the filter has no end");
	return 0;
}
