/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "util/array.h"
#include "util/error.h"
#include "util/log_name.h"

/* 2026-11-30T14:30:15.123456Z */
static const struct log_name name = {
	.id = "web",
	.command = "create",
	.pid = 123,
	.time = { 1796049015, 123456789 },
};

static void test_placeholders(void **state)
{
	static const struct {
		const char *pattern, *expanded;
	} rows[] = {
		{ "/l", "/l" },
		{ "/l/%ID%-%COMMAND%.%PID%.%TIME%", "/l/web-create.123.20261130T143015.123456Z" },
		{ "%ID%%ID%", "webweb" },
		/* Not in capitals, or not between two of them: a name like any other. */
		{ "/l/50%.log", "/l/50%.log" },
		{ "/l/%id%", "/l/%id%" },
		{ "/l/%ID", "/l/%ID" },
		{ "/l/%%", "/l/%%" },
	};
	char out[PATH_MAX];
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(log_name_expand(rows[i].pattern, &name, out, sizeof(out), &err), 0);
		assert_string_equal(out, rows[i].expanded);
	}
	assert_int_equal(log_name_expand("/l/%NAME%", &name, out, sizeof(out), &err), -EINVAL);
	assert_non_null(strstr(err.text, "%NAME% is none of %ID%, %COMMAND%, %PID%, %TIME%"));
	assert_int_equal(log_name_expand("/l/%ID%", &name, out, strlen("/l/web"), &err), -ENAMETOOLONG);
	assert_int_equal(log_name_expand("/l/%ID%", &name, out, strlen("/l/web") + 1, &err), 0);
}

/* The id is checked by nobody yet. */
static void test_an_id_stays_one_name(void **state)
{
	static const struct {
		const char *id, *expanded;
	} rows[] = {
		{ "..", "/l/_./x" },
		{ ".", "/l/_/x" },
		{ "../../etc/x", "/l/_._.._etc_x/x" },
		{ "a\nb\x9b", "/l/a_b_/x" },
		{ "a+b-c_d.e", "/l/a+b-c_d.e/x" },
		{ "", "/l/-/x" },
		{ NULL, "/l/-/x" },
	};
	char out[PATH_MAX], longest[2 * NAME_MAX];
	struct log_name other = name;
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		other.id = rows[i].id;
		assert_int_equal(log_name_expand("/l/%ID%/x", &other, out, sizeof(out), &err), 0);
		assert_string_equal(out, rows[i].expanded);
	}
	memset(longest, 'a', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	other.id = longest;
	assert_int_equal(log_name_expand("%ID%", &other, out, sizeof(out), &err), 0);
	assert_int_equal(strlen(out), NAME_MAX);
}

static void test_directories(void **state)
{
	static const struct {
		const char *pattern, *expanded;
	} rows[] = {
		{ "/tmp", "/tmp/krun.20261130T143015.123456Z.create.web.123.log" },
		{ "/tmp/", "/tmp//krun.20261130T143015.123456Z.create.web.123.log" },
		{ "file:/tmp", "file:/tmp/krun.20261130T143015.123456Z.create.web.123.log" },
		/* What it should be is said: whether it is there shows when it is opened. */
		{ "/no/%ID%/", "/no/web//krun.20261130T143015.123456Z.create.web.123.log" },
		{ "/tmp/x", "/tmp/x" },
		{ "syslog:/tmp", "syslog:/tmp" },
		{ "journald:", "journald:" },
	};
	char out[PATH_MAX];
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(log_name_file(rows[i].pattern, ".log", &name, out, sizeof(out), &err), 0);
		assert_string_equal(out, rows[i].expanded);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_placeholders),
		cmocka_unit_test(test_an_id_stays_one_name),
		cmocka_unit_test(test_directories),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
