/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "launch/activation.h"
#include "util/error.h"
#include "util/strv.h"

static void set_owner(pid_t pid)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", pid);
	setenv("LISTEN_PID", text, 1);
}

/* LISTEN_PID says whose the sockets are; without it they are those of the process that has LISTEN_FDS. */
static void test_sockets_of_another_process_are_none(void **state)
{
	static const char *const bad[] = { "", "x", "-1", "4294967296" };

	(void)state;
	unsetenv("LISTEN_FDS");
	assert_int_equal(activation_preserved(2), 2);
	setenv("LISTEN_FDS", "3", 1);
	unsetenv("LISTEN_PID");
	assert_int_equal(activation_preserved(2), 5);
	set_owner(getpid());
	assert_int_equal(activation_preserved(2), 5);
	set_owner(getpid() + 1);
	assert_int_equal(activation_preserved(2), 2);
	setenv("LISTEN_PID", "x", 1);
	assert_int_equal(activation_preserved(2), 2);
	set_owner(getpid());
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		setenv("LISTEN_FDS", bad[i], 1);
		assert_int_equal(activation_preserved(2), 2);
	}
	setenv("LISTEN_FDS", "3", 1);
	assert_int_equal(activation_preserved(INT_MAX - 1), INT_MAX);
}

static void test_environment(void **state)
{
	struct error err = { 0 };
	struct strv env = { 0 };
	bool adds_pid;

	(void)state;
	setenv("LISTEN_FDS", "3", 1);
	setenv("LISTEN_FDNAMES", "a:b:c", 1);
	set_owner(getpid());
	assert_int_equal(activation_environment(&env, &adds_pid, &err), 0);
	assert_true(adds_pid);
	assert_string_equal(strv_env_get(env.items, "LISTEN_FDS"), "3");
	assert_string_equal(strv_env_get(env.items, "LISTEN_FDNAMES"), "a:b:c");
	strv_done(&env);
	env = (struct strv){ 0 };
	assert_int_equal(strv_add(&env, "LISTEN_FDS=1"), 0);
	assert_int_equal(activation_environment(&env, &adds_pid, &err), 0);
	assert_false(adds_pid);
	assert_int_equal(env.len, 1);
	strv_done(&env);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sockets_of_another_process_are_none),
		cmocka_unit_test(test_environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
