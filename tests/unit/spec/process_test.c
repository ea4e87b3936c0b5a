/* SPDX-License-Identifier: Apache-2.0 */
#include "parse.h"

#include <linux/capability.h>
#include <sys/resource.h>
#include <unistd.h>

static void test_process_good_and_bad(void **state)
{
	static const struct spec_row rows[] = {
		{ "\"env\":[\"A=b\",\"C=\"]", NULL },
		{ "\"env\":[\"A\"]", "/process/env/0: 'A' is not NAME=VALUE" },
		{ "\"env\":[\"=b\"]", "/process/env/0" },
		{ "\"terminal\":1", "/process/terminal: expected boolean" },
		{ "\"consoleSize\":{\"height\":1}", "/process/consoleSize/width: missing" },
		{ "\"consoleSize\":{\"height\":1,\"width\":65536}",
		  "/process/consoleSize/width: out of range" },
		{ "\"user\":{\"uid\":0}", "/process/user/gid: missing" },
		{ "\"user\":{\"uid\":-1,\"gid\":0}", "/process/user/uid: out of range" },
		{ "\"user\":{\"uid\":4294967295,\"gid\":0}", "/process/user/uid: out of range" },
		{ "\"user\":{\"uid\":0,\"gid\":0,\"umask\":512}", "/process/user/umask: out of range" },
		{ "\"user\":{\"uid\":0,\"gid\":0,\"additionalGids\":[0,\"x\"]}",
		  "/process/user/additionalGids/1: expected an integer" },
		{ "\"oomScoreAdj\":1001", "/process/oomScoreAdj: out of range (-1000 to 1000)" },
		{ "\"rlimits\":[{\"type\":\"RLIMIT_X\",\"soft\":1,\"hard\":1}]",
		  "unknown rlimit 'RLIMIT_X'" },
		{ "\"rlimits\":[{\"type\":\"RLIMIT_CPU\",\"soft\":2,\"hard\":1}]", "above the hard one" },
		{ "\"rlimits\":[{\"type\":\"RLIMIT_CPU\",\"soft\":1}]", "/process/rlimits/0/hard: missing" },
		{ "\"rlimits\":[{\"type\":\"RLIMIT_CPU\",\"soft\":1,\"hard\":1},"
		  "{\"type\":\"RLIMIT_CPU\",\"soft\":1,\"hard\":1}]",
		  "RLIMIT_CPU is given twice" },
		{ "\"capabilities\":{\"bounding\":{}}", "/process/capabilities/bounding: expected array" },
		{ "\"capabilities\":{\"bounding\":[1]}",
		  "/process/capabilities/bounding/0: expected string" },
		{ "\"ioPriority\":{\"class\":\"IOPRIO_CLASS_RT\",\"priority\":7}", NULL },
		{ "\"ioPriority\":{\"class\":\"IOPRIO_CLASS_X\"}",
		  "/process/ioPriority/class: unknown value" },
		{ "\"ioPriority\":{\"priority\":7}", "/process/ioPriority/class: missing" },
		{ "\"ioPriority\":{\"class\":\"IOPRIO_CLASS_RT\",\"priority\":8}",
		  "/process/ioPriority/priority: out of range" },
		{ "\"scheduler\":{}", NULL },
		{ "\"scheduler\":{\"policy\":\"SCHED_X\"}", "/process/scheduler/policy: unknown value" },
		{ "\"scheduler\":{\"policy\":\"SCHED_FIFO\"}",
		  "/process/scheduler: SCHED_FIFO needs a priority" },
		{ "\"scheduler\":{\"policy\":\"SCHED_OTHER\",\"priority\":5}", "not for SCHED_OTHER" },
		{ "\"scheduler\":{\"policy\":\"SCHED_OTHER\",\"nice\":20}",
		  "/process/scheduler/nice: out of range" },
		{ "\"scheduler\":{\"policy\":\"SCHED_FIFO\",\"priority\":5,\"nice\":1}", NULL },
		{ "\"scheduler\":{\"policy\":\"SCHED_RR\",\"priority\":5,\"nice\":-1}", NULL },
		{ "\"scheduler\":{\"policy\":\"SCHED_DEADLINE\",\"runtime\":1,\"deadline\":1,\"nice\":1}",
		  NULL },
		{ "\"scheduler\":{\"policy\":\"SCHED_DEADLINE\",\"runtime\":1}",
		  "needs runtime and deadline" },
		{ "\"scheduler\":{\"policy\":\"SCHED_IDLE\",\"period\":1}", "not for SCHED_IDLE" },
		{ "\"scheduler\":{\"policy\":\"SCHED_IDLE\",\"flags\":[\"X\"]}",
		  "/process/scheduler/flags/0: unknown value 'X'" },
		{ "\"execCPUAffinity\":{\"initial\":\"0-3,7\",\"final\":\"\"}", NULL },
		{ "\"execCPUAffinity\":{\"initial\":\"3-0\"}",
		  "/process/execCPUAffinity/initial: '3-0' is not a list" },
		{ "\"execCPUAffinity\":{\"final\":\"0,\"}", "/process/execCPUAffinity/final" },
		{ "\"execCPUAffinity\":{\"final\":\"8192\"}", "/process/execCPUAffinity/final" },
	};

	static const struct spec_row whole[] = {
		{ "\"cwd\":\"/\",\"args\":[]", "/process/args: empty" },
		{ "\"cwd\":\"tmp\",\"args\":[\"a\"]", "/process/cwd" },
		{ "\"cwd\":\"/\",\"args\":[\"a\"],\"cwd\":\"/x\"",
		  "config.json:1:88: the key 'cwd' is there twice" },
	};

	(void)state;
	CHECK_ROWS(WITH_PROCESS("%s"), rows);
	CHECK_ROWS(WITH_TOP("\"process\":{%s}"), whole);
}

static void test_process_values(void **state)
{
	struct error err = { 0 };
	const struct spec_process *process;
	struct spec *spec;

	(void)state;
	assert_int_equal(
		spec_of(WITH_PROCESS("%s"),
			"\"terminal\":true,\"consoleSize\":{\"height\":24,\"width\":80},\"noNewPrivileges\":"
			"true,"
			"\"user\":{\"uid\":7,\"gid\":8,\"umask\":18,\"additionalGids\":[9,10]},"
			"\"oomScoreAdj\":-5,"
			"\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"soft\":5,\"hard\":18446744073709551615}],"
			"\"apparmorProfile\":\"\",\"selinuxLabel\":\"l\"",
			&spec, &err),
		0);
	process = spec->process;
	assert_true(process->terminal && process->no_new_privileges && process->console_size.set);
	assert_int_equal(process->console_size.width, 80);
	assert_int_equal(process->user.uid, 7);
	assert_int_equal(process->user.umask.value, 18);
	assert_int_equal(process->user.additional_gids_len, 2);
	assert_int_equal(process->user.additional_gids[1], 10);
	assert_int_equal(process->oom_score_adj.value, -5);
	assert_int_equal(process->rlimits[0].resource, RLIMIT_NOFILE);
	assert_true(process->rlimits[0].hard == RLIM_INFINITY);
	assert_null(process->apparmor_profile);
	assert_string_equal(process->selinux_label, "l");
	assert_null(process->capabilities);
	assert_null(process->env);
	spec_free(spec);
}

static void test_capability_sets(void **state)
{
	struct error err = { 0 };
	struct spec *spec;

	(void)state;
	assert_int_equal(
		spec_of(WITH_PROCESS("\"capabilities\":{%s}"),
			"\"bounding\":[\"CAP_KILL\",\"CAP_FLY\",\"CAP_CHOWN\"],\"ambient\":[\"CAP_KILL\"]",
			&spec, &err),
		0);
	assert_int_equal(spec->process->capabilities->sets[CAP_SET_BOUNDING], 1 << CAP_KILL | 1 << CAP_CHOWN);
	assert_int_equal(spec->process->capabilities->sets[CAP_SET_AMBIENT], 1 << CAP_KILL);
	assert_int_equal(spec->process->capabilities->sets[CAP_SET_EFFECTIVE], 0);
	assert_string_equal(spec->process->capabilities->unknown[0], "CAP_FLY");
	assert_null(spec->process->capabilities->unknown[1]);
	spec_free(spec);
}

static void test_process_file_of_exec(void **state)
{
	char path[] = "/tmp/krun-unit-XXXXXX";
	static const char text[] = "{\"cwd\":\"/\",\"args\":[\"a\"],\"user\":{\"uid\":1,\"gid\":2}}";
	struct error err = { 0 };
	struct spec *spec;
	int fd = mkstemp(path);

	(void)state;
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(spec_load_process(path, &spec, &err), 0);
	assert_int_equal(spec->process->user.gid, 2);
	spec_free(spec);
	assert_int_equal(ftruncate(fd, 10), 0);
	assert_true(spec_load_process(path, &spec, &err) < 0);
	assert_non_null(strstr(err.text, path));
	close(fd);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_process_good_and_bad),
		cmocka_unit_test(test_process_values),
		cmocka_unit_test(test_capability_sets),
		cmocka_unit_test(test_process_file_of_exec),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
