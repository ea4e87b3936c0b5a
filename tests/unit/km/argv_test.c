/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "km/km.h"
#include "util/array.h"
#include "util/error.h"

static void test_command_line(void **state)
{
	static const struct {
		bool wait;
		int log_fd;
		const char *options[3];
		const char *argv[4];
		const char *expect;
	} rows[] = {
		{ true,
		  1024,
		  { NULL },
		  { "sh", "-c", "x y" },
		  "/km --wait-for-signal --km-log-to=/proc/self/fd/1024 -- /bin/sh -c x y" },
		{ false, -1, { NULL }, { "sh" }, "/km -- /bin/sh" },
		{ true, -1, { "--a", "--b=c" }, { "sh" }, "/km --wait-for-signal --a --b=c -- /bin/sh" },
		{ false,
		  726,
		  { "--x" },
		  { "--help", "--version" },
		  "/km --km-log-to=/proc/self/fd/726 --x -- /bin/sh --version" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct km_payload payload = { "/bin/sh", (char *const *)rows[i].argv };
		struct error err = { 0 };
		struct strv argv = { 0 };
		char line[256] = "";

		assert_int_equal(km_argv_make("/km", rows[i].wait, rows[i].log_fd,
					      (char *const *)rows[i].options, &payload, &argv, &err),
				 0);
		for (size_t j = 0; j < argv.len; j++) {
			if (j > 0)
				strcat(line, " ");
			strcat(line, argv.items[j]);
		}
		assert_string_equal(line, rows[i].expect);
		assert_null(argv.items[argv.len]);
		strv_done(&argv);
	}
}

static void test_init_helpers_of_engines(void **state)
{
	static const struct {
		const char *argv[7];
		size_t expect;
	} rows[] = {
		{ { "/sbin/docker-init", "--", "sh", "-c" }, 2 },
		{ { "/run/podman-init", "--", "sh" }, 2 },
		{ { "/dev/init", "-s", "--", "sh" }, 3 },
		{ { "/sbin/docker-init", "-s", "-p", "SIGTERM", "--", "sh" }, 5 },
		{ { "/dev/init", "sh" }, 1 },
		{ { "/sbin/docker-init" }, 1 },
		{ { "docker-init", "--", "sh" }, 0 },
		{ { "/bin/sh", "--", "sh" }, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(km_init_helper_len((char *const *)rows[i].argv), rows[i].expect);
}

static void test_environment_of_another_km_is_dropped(void **state)
{
	for (int exec = 0; exec <= 1; exec++) {
		char *env[] = { strdup("A=b"),
				strdup("KM_EXEC_VERS=1"),
				strdup("KM_MGTPIPE=/x"),
				strdup("KM_EXECUTE=1"),
				strdup("XKM_EXEC_A=1"),
				strdup("KM_MGTDIR=/x"),
				strdup("KM_VERBOSE=x"),
				strdup("KM_GDB_CHILD_FORK_WAIT=1"),
				NULL };
		size_t left = 0;

		(void)state;
		assert_int_equal(km_environment_clean(env, exec), exec ? 4 : 2);
		assert_string_equal(env[0], "A=b");
		for (; env[left]; left++)
			assert_null(strstr(env[left], "KM_EXEC_V"));
		assert_int_equal(left, exec ? 4 : 6);
		for (size_t i = 0; i < left; i++)
			free(env[i]);
	}
	assert_int_equal(km_environment_clean(NULL, true), 0);
}

static void test_who_listens_first(void **state)
{
	static const struct {
		const char *env[3];
		bool expect;
	} rows[] = {
		{ { "A=b", NULL }, false },
		{ { "SNAP_LISTEN_TIMEOUT=1000", "A=b", NULL }, true },
		{ { "SNAP_LISTEN_TIMEOUT=-1", NULL }, true },
		{ { "SNAP_LISTEN_TIMEOUT=0", NULL }, false },
		{ { "SNAP_LISTEN_TIMEOUT=", NULL }, false },
		{ { "SNAP_LISTEN_TIMEOUT=no", NULL }, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(km_listens_first((char *const *)rows[i].env), rows[i].expect);
}

static void test_an_entry_point_that_is_km(void **state)
{
	static const struct {
		bool wait;
		int log_fd;
		const char *words[5];
		const char *expect;
	} rows[] = {
		{ true,
		  1024,
		  { "km", "/a", "b" },
		  "km --wait-for-signal --km-log-to=/proc/self/fd/1024 /a b" },
		{ true, -1, { "/km", "-V", "--", "/a" }, "/km --wait-for-signal -V -- /a" },
		{ false, 726, { "km" }, "km --km-log-to=/proc/self/fd/726" },
		{ false, -1, { "km", "x" }, "km x" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct strv argv;
		struct error err = { 0 };
		char text[256] = "";

		assert_int_equal(km_argv_extend((char *const *)rows[i].words, rows[i].wait, rows[i].log_fd,
						NULL, &argv, &err),
				 0);
		for (size_t j = 0; j < argv.len; j++)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", j ? " " : "",
				 argv.items[j]);
		assert_string_equal(text, rows[i].expect);
		strv_done(&argv);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_entry_point_that_is_km),
		cmocka_unit_test(test_command_line),
		cmocka_unit_test(test_init_helpers_of_engines),
		cmocka_unit_test(test_environment_of_another_km_is_dropped),
		cmocka_unit_test(test_who_listens_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
