/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "km/requirements.h"
#include "security/security.h"
#include "spec/spec.h"
#include "util/error.h"

#define BEFORE "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"r\"},\"linux\":{\"seccomp\":"

/* True if @word is an action of the profile. */
static bool has_action(const struct spec_seccomp *seccomp, const char *word)
{
	bool found = strcmp(seccomp->default_action, word) == 0;

	for (size_t i = 0; i < seccomp->rules_len; i++)
		found |= strcmp(seccomp->rules[i].action, word) == 0;
	return found;
}

/* The profile has an action that becomes @action; or it is the answer to unknown calls and architectures. */
static bool is_explained(const struct spec_seccomp *seccomp, uint32_t action)
{
	switch (action & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ALLOW:
		return has_action(seccomp, "SCMP_ACT_ALLOW");
	case SECCOMP_RET_ERRNO:
		return has_action(seccomp, "SCMP_ACT_ERRNO") || (action & SECCOMP_RET_DATA) == ENOSYS;
	case SECCOMP_RET_TRACE:
		return has_action(seccomp, "SCMP_ACT_TRACE");
	case SECCOMP_RET_TRAP:
		return has_action(seccomp, "SCMP_ACT_TRAP");
	case SECCOMP_RET_LOG:
		return has_action(seccomp, "SCMP_ACT_LOG");
	case SECCOMP_RET_USER_NOTIF:
		return has_action(seccomp, "SCMP_ACT_NOTIFY");
	case SECCOMP_RET_KILL_PROCESS:
		return has_action(seccomp, "SCMP_ACT_KILL_PROCESS");
	default:
		/* libseccomp's answer to an architecture that the profile does not name. */
		return action == SECCOMP_RET_KILL_THREAD;
	}
}

static void check_program(const struct spec_seccomp *seccomp, const struct seccomp_program *program)
{
	/* x86-64's numbers of read, openat, clone and mkdir, x32's of read, and one without a call. */
	static const int calls[] = { 0, 257, 56, 83, 0x40000000, 500 };

	fuzz_require(program->notifies == has_action(seccomp, "SCMP_ACT_NOTIFY"));
	for (size_t i = 0; i < 2 * sizeof(calls) / sizeof(calls[0]); i++) {
		const struct seccomp_data call = { .nr = calls[i / 2],
						   .arch = AUDIT_ARCH_X86_64,
						   .args = { i % 2, 2, 0x7e020000, UINT64_MAX } };
		uint32_t action;

		fuzz_require(km_filter_run(program->instructions, program->len, &call, &action) == 0);
		fuzz_require(is_explained(seccomp, action));
	}
}

/* The object of /linux/seccomp. */
void fuzz_one(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *config = NULL;
	struct seccomp_program program = { 0 };
	struct spec *spec = NULL;
	struct error err;
	int len = asprintf(&config, BEFORE "%s}}", text);

	if (len < 0)
		abort();
	if (spec_parse(config, (size_t)len, "config.json", &spec, &err) == 0 && spec->seccomp) {
		int r = seccomp_compile_here(spec->seccomp, &program, &err);

		fuzz_require_error(r, &err);
		if (r == 0) {
			check_program(spec->seccomp, &program);
			seccomp_program_done(&program);
		}
	}
	spec_free(spec);
	free(config);
	free(text);
}
