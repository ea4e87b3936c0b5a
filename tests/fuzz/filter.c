/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "km/requirements.h"
#include "security/seccomp_shrink.h"
#include "security/security.h"
#include "util/error.h"

/* Numbers and architectures that the program names, and others. */
static struct seccomp_data call_of(const struct seccomp_program *program, size_t i)
{
	const struct sock_filter *instructions = program->instructions;
	const uint32_t k = instructions[i / 8 % program->len].k;
	struct seccomp_data call = { .nr = (int)(k + i % 2),
				     .arch = 0xc000003e,
				     .args = { 1, k, 3, 4, 5, 6 } };

	if (i / 2 % 2)
		call.arch = instructions[i * 7 % program->len].k;
	if (i / 4 % 2)
		call.nr = SYS_openat;
	return call;
}

/* A compiled filter in a file, which is run on calls, also when it is shorter. */
void fuzz_one(const uint8_t *data, size_t size)
{
	struct seccomp_program program = { 0 }, shorter = { 0 };
	struct error err;
	int r;

	fuzz_file("seccomp.bpf", data, size);
	r = seccomp_program_load(fuzz_directory(), "seccomp.bpf", &program, &err);
	fuzz_require_error(r, &err);
	if (r < 0)
		return;
	fuzz_require(program.len > 0 && program.len <= BPF_MAXINSNS);
	fuzz_require(seccomp_program_load(fuzz_directory(), "seccomp.bpf", &shorter, &err) == 0);
	seccomp_shrink(&shorter);
	fuzz_require(shorter.len > 0 && shorter.len <= program.len);
	for (size_t i = 0; i < 8U * program.len && i < 2000; i++) {
		const struct seccomp_data call = call_of(&program, i);
		uint32_t action = 0, same = 0;

		if (km_filter_run(program.instructions, program.len, &call, &action) < 0)
			continue;
		fuzz_require(km_filter_run(shorter.instructions, shorter.len, &call, &same) == 0);
		fuzz_require(same == action);
	}
	seccomp_program_done(&program);
	seccomp_program_done(&shorter);
}
