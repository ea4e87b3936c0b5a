/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/clock.h"

/* What the C library makes of the same time. */
static void check(long long seconds)
{
	const struct timespec time = { .tv_sec = seconds, .tv_nsec = 12345678 };
	char text[64], expected[64], name[64], expected_name[64];
	struct tm tm;

	assert_non_null(gmtime_r(&time.tv_sec, &tm));
	/* Not %Y: the libraries disagree about a year of fewer than four digits. */
	snprintf(expected, sizeof(expected), "%04d-%02d-%02dT%02d:%02d:%02d.012345678Z", tm.tm_year + 1900,
		 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	snprintf(expected_name, sizeof(expected_name), "%04d%02d%02dT%02d%02d%02d.012345Z", tm.tm_year + 1900,
		 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	clock_text(&time, text, sizeof(text));
	clock_name(&time, name, sizeof(name));
	assert_string_equal(text, expected);
	assert_string_equal(name, expected_name);
}

static void test_known_times(void **state)
{
	static const struct {
		long long seconds;
		const char *text;
	} rows[] = {
		{ 0, "1970-01-01T00:00:00.000000000Z" },
		{ -1, "1969-12-31T23:59:59.000000000Z" },
		{ 951782400, "2000-02-29T00:00:00.000000000Z" },
		{ 951868799, "2000-02-29T23:59:59.000000000Z" },
		{ 1796047849, "2026-11-30T14:10:49.000000000Z" },
		{ 4107542400, "2100-03-01T00:00:00.000000000Z" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[64];

		clock_text(&(struct timespec){ .tv_sec = rows[i].seconds }, text, sizeof(text));
		assert_string_equal(text, rows[i].text);
	}
}

static void test_every_day_is_the_librarys(void **state)
{
	(void)state;
	/* 1700 to 2500: each kind of century, on both sides of 1970. */
	for (long long day = -98615; day < 193600; day++) {
		check(day * 86400);
		check(day * 86400 + 86399);
	}
	for (int i = 0; i < 100000; i++)
		check((long long)random() * 37 - 20000000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_times),
		cmocka_unit_test(test_every_day_is_the_librarys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
