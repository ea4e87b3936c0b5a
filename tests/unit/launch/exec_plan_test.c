/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <errno.h>
#include <string.h>

#include "launch/exec_plan.h"
#include "launch/request.h"
#include "util/array.h"
#include "util/error.h"

static struct spec_process base_process(void)
{
	static char sh[] = "sh", path[] = "PATH=/bin", a[] = "A=1";
	static char *args[] = { sh, NULL };
	static char *env[] = { path, a, NULL };
	static gid_t gids[] = { 10 };

	return (struct spec_process){
		.args = args,
		.env = env,
		.cwd = "/",
		.user = { .uid = 5, .gid = 6, .additional_gids = gids, .additional_gids_len = 1 },
		.no_new_privileges = true,
	};
}

static void test_exec_process_takes_the_options(void **state)
{
	struct spec_process base = base_process();
	char *args[] = { (char[]){ "id" }, NULL };
	char *env[] = { (char[]){ "A=2" }, (char[]){ "B=3" }, NULL };
	char *gids[] = { (char[]){ "20" }, NULL };
	char *caps[] = { (char[]){ "CAP_CHOWN" }, NULL };
	const struct exec_request request = {
		.args = args,
		.env = env,
		.additional_gids = gids,
		.caps = caps,
		.user = "7:8",
		.cwd = "//tmp/./",
		.tty = true,
		.no_new_privs = 0,
	};
	struct exec_process exec;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(exec_process_make(&request, &base, &exec, &err), 0);
	assert_string_equal(exec.process.args[0], "id");
	assert_true(exec.process.terminal);
	assert_string_equal(exec.process.cwd, "/tmp");
	assert_int_equal(exec.process.user.uid, 7);
	assert_int_equal(exec.process.user.gid, 8);
	assert_int_equal(exec.process.user.additional_gids_len, 2);
	assert_int_equal(exec.process.user.additional_gids[1], 20);
	assert_int_equal(exec.process.capabilities->sets[CAP_SET_EFFECTIVE], 1);
	assert_int_equal(exec.process.capabilities->sets[CAP_SET_PERMITTED], 1);
	assert_int_equal(exec.process.capabilities->sets[CAP_SET_BOUNDING], 1);
	/* The sets that a later program would inherit do not change. */
	assert_int_equal(exec.process.capabilities->sets[CAP_SET_INHERITABLE], 0);
	assert_int_equal(exec.process.capabilities->sets[CAP_SET_AMBIENT], 0);
	assert_false(exec.process.no_new_privileges);
	assert_string_equal(exec.process.env[0], "PATH=/bin");
	assert_string_equal(exec.process.env[1], "A=2");
	assert_string_equal(exec.process.env[2], "B=3");
	assert_null(exec.process.env[3]);
	exec_process_done(&exec);
}

static void test_exec_process_of_a_process_file_is_complete_in_itself(void **state)
{
	struct spec_process base = base_process();
	const struct exec_request request = { .tty = true, .no_new_privs = -1 };
	struct exec_process exec;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(exec_process_make(&request, &base, &exec, &err), 0);
	assert_string_equal(exec.process.args[0], "sh");
	assert_false(exec.process.terminal);
	assert_true(exec.process.no_new_privileges);
	exec_process_done(&exec);
}

static void test_exec_process_names_a_bad_option(void **state)
{
	char *bad_gids[] = { (char[]){ "x" }, NULL };
	char *bad_caps[] = { (char[]){ "CAP_BOGUS" }, NULL };
	char *bad_env[] = { (char[]){ "NOVALUE" }, NULL };
	const struct {
		struct exec_request request;
		const char *text;
	} rows[] = {
		{ { .user = "root" }, "--user 'root'" },
		{ { .user = "1:" }, "--user ''" },
		{ { .user = "4294967295" }, "--user '4294967295'" },
		{ { .cwd = "tmp" }, "--cwd 'tmp'" },
		{ { .additional_gids = bad_gids }, "--additional-gids 'x'" },
		{ { .caps = bad_caps }, "--cap 'CAP_BOGUS'" },
		{ { .env = bad_env }, "--env 'NOVALUE'" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct spec_process base = base_process();
		struct exec_process exec;
		struct error err = { 0 };

		assert_int_equal(exec_process_make(&rows[i].request, &base, &exec, &err), -EINVAL);
		assert_non_null(strstr(err.text, rows[i].text));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exec_process_takes_the_options),
		cmocka_unit_test(test_exec_process_of_a_process_file_is_complete_in_itself),
		cmocka_unit_test(test_exec_process_names_a_bad_option),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
