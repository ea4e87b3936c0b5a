/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <errno.h>
#include <string.h>

#include "cgroup/cgroup.h"
#include "cli/command.h"
#include "cli/forms.h"
#include "util/array.h"
#include "util/error.h"
#include "util/log.h"

static void test_arguments(void **state)
{
	static const struct {
		const char *arguments;
		size_t index;
		const char *expect; /* NULL: there is none */
		bool optional, repeated;
	} cases[] = {
		{ NULL, 0, NULL, false, false },
		{ "", 0, NULL, false, false },
		{ "ID", 0, "ID", false, false },
		{ "ID", 1, NULL, false, false },
		{ "ID [SIGNAL]", 1, "SIGNAL", true, false },
		{ "[ID...]", 0, "ID", true, true },
		{ "[ID...]", 7, "ID", true, true },
		{ "ID [COMMAND [ARGUMENT...]]", 1, "COMMAND", true, false },
		{ "ID [COMMAND [ARGUMENT...]]", 9, "ARGUMENT", true, true },
		{ "add|list ID|ROOTFS [REGEX PROGRAM]", 1, "ID|ROOTFS", false, false },
		{ "add|list ID|ROOTFS [REGEX PROGRAM]", 3, "PROGRAM", false, false },
		{ "add|list ID|ROOTFS [REGEX PROGRAM]", 4, NULL, false, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct form form = { 0 };
		const bool found = form_of_argument(cases[i].arguments, cases[i].index, &form);

		if (found != (cases[i].expect != NULL))
			fail_msg("'%s' %zu: %d", cases[i].arguments, cases[i].index, found);
		if (found && (strlen(cases[i].expect) != form.len ||
			      strncmp(cases[i].expect, form.text, form.len) != 0 ||
			      form.repeated != cases[i].repeated || form.optional != cases[i].optional))
			fail_msg("'%s' %zu: %.*s", cases[i].arguments, cases[i].index, (int)form.len,
				 form.text);
	}
}

static void test_words(void **state)
{
	static const struct {
		const char *form, *value, *expect; /* NULL: no error */
	} cases[] = {
		{ "table|json", "json", NULL },
		{ "table|json", "xml", "'xml' is neither table nor json" },
		{ "table|json", "tabel", "'tabel' is neither table nor json; did you mean 'table'?" },
		{ "table|json", "", "'' is neither table nor json" },
		{ "table|json", "table|json", "'table|json' is neither table nor json" },
		{ "0|1", "2", "'2' is neither 0 nor 1" },
		{ "soft|full|strict", "x", "'x' is none of soft, full, strict" },
		{ "network", "ipc", NULL },
		{ "FILE", "x", NULL },
		{ "ID|ROOTFS", "x", NULL },
		{ "list|ID", "x", NULL },
		{ "", "x", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct form form = { .text = cases[i].form, .len = strlen(cases[i].form) };
		struct error err = { 0 };
		const int r = form_check(&form, cases[i].value, &err);

		if (r != (cases[i].expect ? -EINVAL : 0) || strcmp(err.text, cases[i].expect ?: "") != 0)
			fail_msg("%s, '%s': %d '%s'", cases[i].form, cases[i].value, r, err.text);
	}
}

/* Calls @accepts for each word of an option of krun, and returns their number. */
static size_t each_word(const char *option, bool (*accepts)(const char *word))
{
	const struct option_row *row = global_rows;
	struct form rest, part;
	size_t count = 0;
	bool word;

	while (strcmp(row->name, option) != 0)
		row++;
	rest = (struct form){ .text = row->argument, .len = strlen(row->argument) };
	for (; form_next_part(&rest, &part, &word); count++) {
		char text[32];

		assert_true(word && part.len < sizeof(text));
		memcpy(text, part.text, part.len);
		text[part.len] = '\0';
		if (!accepts(text))
			fail_msg("--%s: %s", option, text);
	}
	return count;
}

static bool is_level(const char *word)
{
	return log_parse_level(word, &(enum log_level){ 0 }) == 0;
}

static bool is_format(const char *word)
{
	return log_parse_format(word, &(enum log_format){ 0 }) == 0;
}

static bool is_manager(const char *word)
{
	return cgroup_manager_parse(word, &(enum cgroup_manager){ 0 }) == 0;
}

/* cli.c relies on this: it does not look at what these functions return. */
static void test_words_of_krun_are_understood(void **state)
{
	(void)state;
	assert_int_equal(each_word("log-level", is_level), 5);
	assert_int_equal(each_word("debug-level", is_level), 5);
	assert_int_equal(each_word("log-format", is_format), 2);
	assert_int_equal(each_word("cgroup-manager", is_manager), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_words_of_krun_are_understood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
