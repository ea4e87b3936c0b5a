/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <string.h>

#include "cli/command.h"
#include "cli/options.h"
#include "util/array.h"
#include "util/error.h"
#include "util/strv.h"

struct target {
	bool tty, all;
	const char *bundle, *word;
	struct strv env;
	unsigned int number;
};

static const struct option_row rows[] = {
	{ "tty", 't', OPTION_FLAG, offsetof(struct target, tty), NULL, "t" },
	{ "all", 'a', OPTION_FLAG, offsetof(struct target, all), NULL, "a" },
	{ "bundle", 'b', OPTION_TEXT, offsetof(struct target, bundle), "DIR", "b" },
	{ "env", 'e', OPTION_LIST, offsetof(struct target, env), "X", "e" },
	{ "preserve-fds", 0, OPTION_NUMBER, offsetof(struct target, number), "N", "n" },
	{ "maybe", 0, OPTION_WORD, offsetof(struct target, word), NULL, NULL },
	{ 0 },
};

/* Returns the number of words that were options, or -1 with the error in @err. */
static long parse(const char *const *argv, struct target *ret, struct error *err)
{
	size_t len;

	*ret = (struct target){ 0 };
	return options_parse(rows, (char *const *)argv, ret, &len, err) < 0 ? -1 : (long)len;
}

static void test_all_forms(void **state)
{
	static const struct {
		const char *argv[6];
		long used;
		bool tty, all;
		const char *bundle;
		size_t env_len;
		unsigned int number;
	} cases[] = {
		{ { "id" }, 0, false, false, NULL, 0, 0 },
		{ { "--tty", "id" }, 1, true, false, NULL, 0, 0 },
		{ { "-t", "-a", "id" }, 2, true, true, NULL, 0, 0 },
		{ { "-ta", "id" }, 1, true, true, NULL, 0, 0 },
		{ { "--tty=false", "--all=true" }, 2, false, true, NULL, 0, 0 },
		{ { "--bundle", "d", "id" }, 2, false, false, "d", 0, 0 },
		{ { "--bundle=d=e", "id" }, 1, false, false, "d=e", 0, 0 },
		{ { "-b", "d", "id" }, 2, false, false, "d", 0, 0 },
		{ { "-bd", "id" }, 1, false, false, "d", 0, 0 },
		{ { "-tbd", "id" }, 1, true, false, "d", 0, 0 },
		{ { "-bundle", "d", "id" }, 2, false, false, "d", 0, 0 },
		{ { "--bundle", "x", "--bundle", "y" }, 4, false, false, "y", 0, 0 },
		{ { "-e", "A=1", "--env", "B=2" }, 4, false, false, NULL, 2, 0 },
		{ { "--preserve-fds", "3", "id" }, 2, false, false, NULL, 0, 3 },
		{ { "--", "--tty" }, 1, false, false, NULL, 0, 0 },
		{ { "id", "--tty" }, 0, false, false, NULL, 0, 0 },
		{ { "-", "--tty" }, 0, false, false, NULL, 0, 0 },
		{ { "--bundle", "--tty", "id" }, 2, false, false, "--tty", 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct error err = { 0 };
		struct target got;
		long used = parse(cases[i].argv, &got, &err);

		if (used != cases[i].used || got.tty != cases[i].tty || got.all != cases[i].all ||
		    got.env.len != cases[i].env_len || got.number != cases[i].number ||
		    strcmp(got.bundle ? got.bundle : "", cases[i].bundle ? cases[i].bundle : "") != 0)
			fail_msg("case %zu ('%s'): used %ld, '%s'", i, cases[i].argv[0], used, err.text);
		options_done(rows, &got);
	}
}

static void test_errors_name_the_flag(void **state)
{
	static const struct {
		const char *argv[3], *expect;
	} cases[] = {
		{ { "--nope" }, "unknown flag: --nope" },
		{ { "--nope=1" }, "unknown flag: --nope" },
		{ { "--bundl", "x" }, "unknown flag: --bundl" },
		{ { "-x" }, "unknown flag: -x in '-x'" },
		{ { "-tx" }, "unknown flag: -x in '-tx'" },
		{ { "--bundle" }, "flag needs an argument: --bundle" },
		{ { "-b" }, "flag needs an argument: -b (--bundle)" },
		{ { "--tty=maybe" }, "--tty: 'maybe' is neither true nor false" },
		{ { "--preserve-fds", "-1" }, "--preserve-fds: '-1' is not a number from 0 to 2147483647" },
		{ { "--preserve-fds=3x" }, "--preserve-fds: '3x' is not a number" },
		{ { "--preserve-fds=" }, "--preserve-fds: '' is not a number" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct error err = { 0 };
		struct target got;

		if (parse(cases[i].argv, &got, &err) != -1 ||
		    strncmp(err.text, cases[i].expect, strlen(cases[i].expect)) != 0)
			fail_msg("'%s': '%s'", cases[i].argv[0], err.text);
		options_done(rows, &got);
	}
}

static void test_every_command_is_found_and_explained(void **state)
{
	(void)state;
	for (size_t i = 0; commands[i]; i++) {
		assert_ptr_equal(command_find(commands[i]->name), commands[i]);
		assert_true(strlen(commands[i]->summary) > 5);
		assert_true(commands[i]->args_min <= commands[i]->args_max);
		for (const struct option_row *row = commands[i]->options; row && row->name; row++)
			for (const struct option_row *other = row + 1; other->name; other++)
				if (strcmp(row->name, other->name) == 0 ||
				    (row->letter && row->letter == other->letter))
					fail_msg("%s: --%s and --%s", commands[i]->name, row->name,
						 other->name);
	}
	assert_null(command_find("creat"));
	assert_null(command_find(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_forms),
		cmocka_unit_test(test_errors_name_the_flag),
		cmocka_unit_test(test_every_command_is_found_and_explained),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
