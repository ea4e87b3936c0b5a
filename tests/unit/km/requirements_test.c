/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include "km/requirements.h"
#include "km/settings.h"
#include "spec/spec.h"
#include "util/array.h"
#include "util/error.h"
#include "util/strv.h"

#define PROC "\"mounts\":[{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"}]"

struct outcome {
	int status;
	struct error err;
	char warnings[2048];
};

static void add_warnings(struct outcome *outcome, const struct json_findings *warnings)
{
	for (size_t i = 0; i < warnings->len; i++)
		snprintf(outcome->warnings + strlen(outcome->warnings),
			 sizeof(outcome->warnings) - strlen(outcome->warnings), "%s: %s\n",
			 warnings->items[i].pointer, warnings->items[i].reason);
}

/* Checks a minimal config.json with the members @config, and with those of @process in its process. */
static struct outcome check(const char *config, const char *process, struct km_requirements needs)
{
	struct km_settings settings = { .start = KM_START_PAYLOAD };
	struct json_findings warnings = { 0 };
	struct outcome outcome = { 0 };
	struct spec *spec;
	char text[4096];

	snprintf(text, sizeof(text),
		 "{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},\"process\":{\"args\":[\"x\"],\"cwd\":"
		 "\"/\","
		 "\"user\":{\"uid\":0,\"gid\":0}%s%s},%s%s}",
		 *process ? "," : "", process, config, strstr(config, "\"linux\"") ? "" : ",\"linux\":{}");
	if (spec_parse(text, strlen(text), "config.json", &spec, &outcome.err) < 0)
		fail_msg("%s", outcome.err.text);
	needs.spec = spec;
	needs.process = spec->process;
	if (!needs.settings)
		needs.settings = &settings;
	if (needs.nofile == 0)
		needs.nofile = 4096;
	outcome.status = km_requirements_check(&needs, &warnings, &outcome.err);
	add_warnings(&outcome, &warnings);
	json_findings_done(&warnings);
	spec_free(spec);
	return outcome;
}

static void expect_error(const struct outcome *outcome, const char *text)
{
	if (outcome->status >= 0 || !strstr(outcome->err.text, text))
		fail_msg("%d '%s' instead of '%s'", outcome->status, outcome->err.text, text);
}

static void expect_fine(const struct outcome *outcome, const char *warning)
{
	if (outcome->status < 0)
		fail_msg("%s", outcome->err.text);
	if (warning ? !strstr(outcome->warnings, warning) : outcome->warnings[0] != '\0')
		fail_msg("'%s' instead of '%s'", outcome->warnings, warning ? warning : "");
}

static void test_proc(void **state)
{
	static const struct {
		const char *config, *expect;
	} rows[] = {
		{ PROC, NULL },
		{ "\"mounts\":[{\"destination\":\"/proc/\",\"type\":\"proc\",\"source\":\"proc\"}]", NULL },
		{ "\"mounts\":[{\"destination\":\"/proc\",\"source\":\"/proc\",\"options\":[\"rbind\"]}]",
		  NULL },
		{ "\"mounts\":[]", "/mounts: km needs /proc, and nothing is mounted there: add" },
		{ "\"mounts\":[{\"destination\":\"/procs\",\"type\":\"proc\",\"source\":\"proc\"}]",
		  "nothing is mounted there" },
		{ "\"mounts\":[{\"destination\":\"/proc\",\"type\":\"tmpfs\",\"source\":\"t\"}]",
		  "/mounts/0: km needs /proc to be a mount of type proc, and it is of type tmpfs" },
		/* The last mount at a path is the visible one. */
		{ "\"mounts\":[{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},"
		  "{\"destination\":\"//proc//\",\"type\":\"tmpfs\",\"source\":\"t\"}]",
		  "/mounts/1: km needs /proc" },
		{ PROC ",\"linux\":{\"maskedPaths\":[\"/proc/kcore\",\"/proc\"]}",
		  "/linux/maskedPaths: km needs" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct outcome outcome = check(rows[i].config, "", (struct km_requirements){ 0 });

		if (rows[i].expect)
			expect_error(&outcome, rows[i].expect);
		else
			expect_fine(&outcome, NULL);
	}
}

#define LIMIT(name, number) \
	"\"rlimits\":[{\"type\":\"RLIMIT_" name "\",\"soft\":" number ",\"hard\":" number "}]"

static void test_limits_of_the_process(void **state)
{
	static const struct {
		const char *process, *error, *warning;
	} rows[] = {
		{ LIMIT("NOFILE", "1024"), NULL, NULL },
		{ LIMIT("NOFILE", "736"),
		  "/process/rlimits/0: RLIMIT_NOFILE: km needs a hard limit of at least 737", NULL },
		{ LIMIT("NOFILE", "737"), NULL, "no more than 1 threads" },
		{ LIMIT("NOFILE", "1023"), NULL, "no more than 287 threads" },
		{ LIMIT("AS", "8388608"),
		  "/process/rlimits/0: RLIMIT_AS of 8388608 bytes: km needs more than 20971520", NULL },
		{ LIMIT("AS", "1073741824"), NULL, NULL },
		{ LIMIT("DATA", "1048576"), "/process/rlimits/0: RLIMIT_DATA of 1048576 bytes", NULL },
		{ LIMIT("DATA", "8388608"), NULL, NULL },
		{ LIMIT("STACK", "65536"), NULL, NULL },
	};
	struct outcome outcome;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		outcome = check(PROC, rows[i].process, (struct km_requirements){ 0 });
		if (rows[i].error)
			expect_error(&outcome, rows[i].error);
		else
			expect_fine(&outcome, rows[i].warning);
	}
	outcome = check(PROC, "", (struct km_requirements){ .nofile = 512 });
	expect_error(&outcome, "the caller's RLIMIT_NOFILE");
	outcome = check(PROC, LIMIT("NOFILE", "2048"), (struct km_requirements){ .nofile = 512 });
	expect_fine(&outcome, NULL);
}

static void test_preserved_descriptors(void **state)
{
	struct outcome outcome = check(PROC, "", (struct km_requirements){ .preserve_fds = 724 });

	(void)state;
	expect_fine(&outcome, "its payload cannot use them");
	outcome = check(PROC, "", (struct km_requirements){ .preserve_fds = 725 });
	expect_error(&outcome, "--preserve-fds 725: km has its own descriptors from 727: at most 724");
}

#define RESOURCES(text) PROC ",\"linux\":{\"resources\":{" text "}}"

static void test_limits_of_the_cgroup(void **state)
{
	static const struct {
		const char *config;
		bool management;
		const char *error, *warning;
	} rows[] = {
		{ RESOURCES("\"memory\":{\"limit\":1048576}"), true,
		  "/linux/resources/memory/limit: km itself needs more than 1048576", NULL },
		{ RESOURCES("\"memory\":{\"limit\":1179648}"), true, NULL, "most of 1179648 bytes" },
		{ RESOURCES("\"memory\":{\"limit\":2097152}"), true, NULL, NULL },
		{ RESOURCES("\"memory\":{\"limit\":-1}"), true, NULL, NULL },
		{ RESOURCES("\"memory\":{\"limit\":0}"), true, NULL, NULL },
		{ RESOURCES("\"pids\":{\"limit\":3}"), true,
		  "/linux/resources/pids/limit: km needs 4 threads and processes", NULL },
		{ RESOURCES("\"pids\":{\"limit\":4}"), true, NULL, "/linux/resources/pids/limit: 4 is what" },
		{ RESOURCES("\"pids\":{\"limit\":5}"), true, NULL, NULL },
		{ RESOURCES("\"pids\":{\"limit\":2}"), false, "km needs 3 threads", NULL },
		{ RESOURCES("\"pids\":{\"limit\":4}"), false, NULL, NULL },
		{ RESOURCES("\"pids\":{\"limit\":0}"), true, NULL, NULL },
		{ RESOURCES("\"pids\":{\"limit\":-1}"), true, NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct outcome outcome = check(rows[i].config, "",
					       (struct km_requirements){ .management = rows[i].management });

		if (rows[i].error)
			expect_error(&outcome, rows[i].error);
		else
			expect_fine(&outcome, rows[i].warning);
	}
}

static void test_a_snapshot_path_and_kms_directory(void **state)
{
	struct km_settings settings = { .snapshot_path = (char[]){ "/s" } };
	struct outcome outcome =
		check(PROC, "\"env\":[\"KM_MGTDIR=/x\"]", (struct km_requirements){ .settings = &settings });

	(void)state;
	expect_error(&outcome, "/process/env: KM_MGTDIR excludes the setting \"snapshotPath\"");
	outcome = check(PROC, "\"env\":[\"A=KM_MGTDIR=/x\"]",
			(struct km_requirements){ .settings = &settings });
	expect_fine(&outcome, NULL);
}

/* ---- filters ----------------------------------------------------------------------------------------- */

static unsigned int refuse(struct sock_filter filter[8], unsigned int number, uint32_t action)
{
	const struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	memcpy(filter, program, sizeof(program));
	return ARRAY_LEN(program);
}

static void test_filters(void **state)
{
	static const struct {
		unsigned int number;
		uint32_t action;
		const char *error, *warning;
	} rows[] = {
		{ __NR_ioctl, SECCOMP_RET_ERRNO | EPERM, "/linux/seccomp: km cannot run without ioctl, which",
		  NULL },
		{ __NR_mprotect, SECCOMP_RET_KILL_PROCESS, "km cannot run without mprotect", NULL },
		{ __NR_eventfd2, SECCOMP_RET_TRAP, "km cannot run without eventfd2", NULL },
		{ __NR_rt_sigtimedwait, SECCOMP_RET_ERRNO | EPERM, "km cannot run without rt_sigtimedwait",
		  NULL },
		{ __NR_clone3, SECCOMP_RET_ERRNO | EPERM, "km cannot run without clone3", NULL },
		{ __NR_clone3, SECCOMP_RET_ERRNO | ENOSYS, NULL, NULL },
		{ __NR_futex, SECCOMP_RET_ERRNO | ENOSYS, "km cannot run without futex", NULL },
		{ __NR_read, SECCOMP_RET_LOG, NULL, NULL },
		{ __NR_read, SECCOMP_RET_USER_NOTIF, NULL, NULL },
		{ __NR_read, SECCOMP_RET_TRACE, NULL, NULL },
		{ __NR_listen, SECCOMP_RET_ERRNO | EPERM, NULL,
		  "refuses listen: there will be no checkpoint" },
		{ __NR_rt_sigreturn, SECCOMP_RET_ERRNO | EPERM, NULL, "refuses rt_sigreturn" },
		/* pid1 has the same filter. */
		{ __NR_kill, SECCOMP_RET_ERRNO | EPERM, NULL,
		  "refuses kill: signals reach the payload late, or not at all" },
		{ __NR_rt_tgsigqueueinfo, SECCOMP_RET_ERRNO | EPERM, NULL,
		  "refuses rt_tgsigqueueinfo: signals reach" },
		{ __NR_tgkill, SECCOMP_RET_ERRNO | EPERM, NULL, NULL },
		{ __NR_swapon, SECCOMP_RET_ERRNO | EPERM, NULL, NULL },
	};
	struct km_settings at_exec = { .start = KM_START_EXEC };
	struct sock_filter filter[8];
	struct outcome outcome;

	(void)state;
	if (km_check_processor(&outcome.err) < 0)
		skip_because("this is for x86_64, as km is");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		outcome = check(PROC, "",
				(struct km_requirements){
					.filter = filter,
					.filter_len = refuse(filter, rows[i].number, rows[i].action),
					.management = true,
				});
		if (rows[i].error)
			expect_error(&outcome, rows[i].error);
		else
			expect_fine(&outcome, rows[i].warning);
	}
	/* Also if km does not wait for its release, because pid1 makes the call, too. */
	outcome = check(PROC, "",
			(struct km_requirements){
				.filter = filter,
				.filter_len = refuse(filter, __NR_rt_sigtimedwait, SECCOMP_RET_ERRNO | EPERM),
				.settings = &at_exec,
			});
	expect_error(&outcome, "km cannot run without rt_sigtimedwait,");
	outcome = check(PROC, "",
			(struct km_requirements){
				.filter = filter,
				.filter_len = refuse(filter, __NR_listen, SECCOMP_RET_ERRNO | EPERM),
			});
	expect_fine(&outcome, NULL);
}

static uint32_t run(const struct sock_filter *filter, unsigned int len, uint64_t arg)
{
	const struct seccomp_data data = { .nr = 7, .arch = AUDIT_ARCH_X86_64, .args = { arg } };
	uint32_t action;

	return km_filter_run(filter, len, &data, &action) < 0 ? UINT32_MAX : action;
}

static void test_instructions(void **state)
{
	enum { ARG = offsetof(struct seccomp_data, args) };
	const struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARG),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xff),
		BPF_STMT(BPF_ST, 3),
		BPF_STMT(BPF_LDX | BPF_IMM, 2),
		BPF_STMT(BPF_ALU | BPF_MUL | BPF_X, 0),
		BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 1),
		BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 4),
		BPF_STMT(BPF_ALU | BPF_OR | BPF_K, 8),
		BPF_STMT(BPF_ALU | BPF_SUB | BPF_K, 8),
		BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 3),
		BPF_STMT(BPF_ALU | BPF_XOR | BPF_K, 0x100),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_MEM, 3),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x80, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 1),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 5, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, 2),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 7, 0, 2),
		BPF_STMT(BPF_MISC | BPF_TXA, 0),
		BPF_STMT(BPF_RET | BPF_A, 0),
		BPF_STMT(BPF_JMP | BPF_JA, 1),
		BPF_STMT(BPF_RET | BPF_K, 3),
		BPF_STMT(BPF_RET | BPF_K, 4),
	};
	const struct sock_filter bad[][2] = {
		{ BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64), BPF_STMT(BPF_RET | BPF_K, 0) },
		{ BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2), BPF_STMT(BPF_RET | BPF_K, 0) },
		{ BPF_STMT(BPF_LD | BPF_MEM, 16), BPF_STMT(BPF_RET | BPF_K, 0) },
		{ BPF_STMT(BPF_ST, 16), BPF_STMT(BPF_RET | BPF_K, 0) },
		{ BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), BPF_STMT(BPF_RET | BPF_K, 0) },
		{ BPF_STMT(BPF_LD | BPF_IMM, 0), BPF_STMT(BPF_LD | BPF_IMM, 0) },
		{ BPF_STMT(BPF_JMP | BPF_JA, 0xffffffff), BPF_STMT(BPF_RET | BPF_K, 0) },
	};

	(void)state;
	assert_int_equal(run(program, ARRAY_LEN(program), 0x80), 1);
	assert_int_equal(run(program, ARRAY_LEN(program), 5), 2);
	assert_int_equal(run(program, ARRAY_LEN(program), 6), 4);
	/* ((7 * 2 + 1) << 4 | 8) - 8 >> 3 ^ 0x100 */
	assert_int_equal(run(program, ARRAY_LEN(program), 7), 0x11e);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(run(bad[i], 2, 0), UINT32_MAX);
	assert_int_equal(run(program, 0, 0), UINT32_MAX);
}

static void test_processor(void **state)
{
	struct error err = { 0 };
	struct utsname host;

	(void)state;
	assert_int_equal(uname(&host), 0);
	if (strcmp(host.machine, "x86_64") == 0) {
		assert_int_equal(km_check_processor(&err), 0);
		return;
	}
	assert_int_equal(km_check_processor(&err), -EOPNOTSUPP);
	assert_non_null(strstr(err.text, "km needs an x86_64 processor"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_proc),
		cmocka_unit_test(test_limits_of_the_process),
		cmocka_unit_test(test_preserved_descriptors),
		cmocka_unit_test(test_limits_of_the_cgroup),
		cmocka_unit_test(test_a_snapshot_path_and_kms_directory),
		cmocka_unit_test(test_filters),
		cmocka_unit_test(test_instructions),
		cmocka_unit_test(test_processor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
