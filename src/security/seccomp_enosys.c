/* SPDX-License-Identifier: Apache-2.0 */
#include "security/seccomp_enosys.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "security/security.h"
#include "spec/spec.h"
#include "util/array.h"
#include "util/error.h"

enum {
	LAST_OLD_CALL = 423,  /* from 424 on (Linux 5.1) all architectures use the same numbers */
	X32_BIT = 0x40000000, /* set in x32 system calls, whose architecture is that of x86_64 */
	INSTRUCTIONS_PER_ARCH = 6,
	ARCHES_MAX = 32,
};

/* Converts "SCMP_ARCH_X86_64" to libseccomp's "x86_64". */
uint32_t seccomp_architecture(const char *word)
{
	char name[32];
	size_t len = 0;

	for (const char *c = word + strlen("SCMP_ARCH_"); *c && len < sizeof(name) - 1; c++)
		name[len++] = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
	name[len] = '\0';
	return seccomp_arch_resolve_name(name);
}

/*
 * Returns whether the architecture's numbers have a bit set or begin at an offset, so that they cannot be
 * compared.
 */
static bool is_offset(uint32_t arch)
{
	return arch == SCMP_ARCH_X32 || arch == SCMP_ARCH_MIPS || arch == SCMP_ARCH_MIPS64 ||
	       arch == SCMP_ARCH_MIPS64N32 || arch == SCMP_ARCH_MIPSEL || arch == SCMP_ARCH_MIPSEL64 ||
	       arch == SCMP_ARCH_MIPSEL64N32;
}

static bool refuses(uint32_t action)
{
	const uint32_t kind = action & SECCOMP_RET_ACTION_FULL;

	if (kind == SECCOMP_RET_ERRNO)
		return (action & SECCOMP_RET_DATA) != ENOSYS;
	return kind == SECCOMP_RET_KILL_THREAD || kind == SECCOMP_RET_KILL_PROCESS ||
	       kind == SECCOMP_RET_TRAP;
}

static uint32_t last_call(const struct spec_seccomp *seccomp, uint32_t arch)
{
	int last = LAST_OLD_CALL;

	for (size_t i = 0; i < seccomp->rules_len; i++)
		for (char *const *name = seccomp->rules[i].names; *name; name++) {
			int number = seccomp_syscall_resolve_name_arch(arch, *name);

			if (number > last)
				last = number;
		}
	return (uint32_t)last;
}

static size_t list_architectures(const struct spec_seccomp *seccomp, uint32_t *ret)
{
	size_t len = 0;

	ret[len++] = seccomp_arch_native();
	for (char *const *word = seccomp->architectures; word && *word && len < ARCHES_MAX; word++) {
		uint32_t arch = seccomp_architecture(*word);

		if (arch != 0 && arch != ret[0] && !is_offset(arch))
			ret[len++] = arch;
	}
	return len;
}

/* Emits the test for one architecture. Falls through if the call is of another one or is not new. */
static size_t emit(struct sock_filter *out, uint32_t arch, uint32_t last)
{
	const struct sock_filter code[INSTRUCTIONS_PER_ARCH] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, arch, 0, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, last, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
	};

	memcpy(out, code, sizeof(code));
	return ARRAY_LEN(code);
}

int seccomp_answer_newer_calls(const struct spec_seccomp *seccomp, uint32_t default_action,
			       struct seccomp_program *program, struct error *err)
{
	uint32_t arches[ARCHES_MAX];
	struct sock_filter *longer;
	size_t count, len = 0;

	if (!refuses(default_action))
		return 0;
	count = list_architectures(seccomp, arches);
	if (program->len + count * INSTRUCTIONS_PER_ARCH > BPF_MAXINSNS)
		return 0;
	longer = malloc((program->len + count * INSTRUCTIONS_PER_ARCH) * sizeof(*longer));
	if (!longer)
		return error_oom(err);
	for (size_t i = 0; i < count; i++)
		len += emit(longer + len, arches[i], last_call(seccomp, arches[i]));
	memcpy(longer + len, program->instructions, program->len * sizeof(*longer));
	free(program->instructions);
	program->instructions = longer;
	program->len = (unsigned short)(program->len + len);
	return 0;
}
