/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>

#include "util/array.h"
#include "util/parse.h"

static void test_parse_u64_takes_digits_only(void **state)
{
	static const struct {
		const char *text;
		uint64_t max;
		int expect;
		uint64_t value;
	} rows[] = {
		{ "0", 10, 0, 0 },
		{ "10", 10, 0, 10 },
		{ "11", 10, -ERANGE, 77 },
		{ "18446744073709551615", UINT64_MAX, 0, UINT64_MAX },
		{ "18446744073709551616", UINT64_MAX, -ERANGE, 77 },
		{ "", 10, -EINVAL, 77 },
		{ " 1", 10, -EINVAL, 77 },
		{ "1 ", 10, -EINVAL, 77 },
		{ "-1", 10, -EINVAL, 77 },
		{ "+1", 10, -EINVAL, 77 },
		{ "0x1", 10, -EINVAL, 77 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t value = 77;

		assert_int_equal(parse_u64(rows[i].text, rows[i].max, &value), rows[i].expect);
		assert_int_equal(value, rows[i].value);
	}
}

static void test_parse_i64_checks_both_ends(void **state)
{
	int64_t value = 77;

	(void)state;
	assert_int_equal(parse_i64("-5", -5, 5, &value), 0);
	assert_int_equal(value, -5);
	assert_int_equal(parse_i64("-6", -5, 5, &value), -ERANGE);
	assert_int_equal(parse_i64("6", -5, 5, &value), -ERANGE);
	assert_int_equal(parse_i64("-", -5, 5, &value), -EINVAL);
	assert_int_equal(value, -5);
}

static void test_parse_bool_words(void **state)
{
	bool value = false;

	(void)state;
	assert_int_equal(parse_bool("True", &value), 0);
	assert_true(value);
	assert_int_equal(parse_bool("0", &value), 0);
	assert_false(value);
	assert_int_equal(parse_bool("maybe", &value), -EINVAL);
}

static void test_parse_signal_forms(void **state)
{
	static const struct {
		const char *text;
		int expect;
	} rows[] = {
		{ "15", SIGTERM },   { "TERM", SIGTERM },   { "SIGTERM", SIGTERM }, { "sigkill", SIGKILL },
		{ "USR1", SIGUSR1 }, { "SIGIOT", SIGABRT }, { "CLD", SIGCHLD },	    { "SIGBOGUS", -EINVAL },
		{ "65", -EINVAL },   { "-1", -EINVAL },	    { "", -EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(parse_signal(rows[i].text), rows[i].expect);
	assert_int_equal(parse_signal("RTMIN+3"), SIGRTMIN + 3);
	assert_int_equal(parse_signal("SIGRTMAX-1"), SIGRTMAX - 1);
	assert_int_equal(parse_signal("RTMIN"), SIGRTMIN);
	assert_int_equal(parse_signal("RTMIN-1"), -EINVAL);
	assert_int_equal(parse_signal("RTMAX+1"), -EINVAL);
	assert_int_equal(parse_signal("RTMIN+99"), -EINVAL);
}

static void test_bit_lists(void **state)
{
	static const struct {
		const char *text;
		int r;
		unsigned long first;
	} rows[] = {
		{ "0", 0, 1 },	       { "0-3,7", 0, 0x8f },	{ "5-5", 0, 0x20 },
		{ "7,0", 0, 0x81 },    { "", -EINVAL, 0 },	{ ",", -EINVAL, 0 },
		{ "0,", -EINVAL, 0 },  { "3-1", -EINVAL, 0 },	{ "-1", -EINVAL, 0 },
		{ "1-", -EINVAL, 0 },  { "0 1", -EINVAL, 0 },	{ "0x1", -EINVAL, 0 },
		{ "128", -ERANGE, 0 }, { "0-128", -ERANGE, 0 }, { "99999999999999999999", -ERANGE, 0 },
	};
	unsigned long mask[2];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(parse_bit_list(rows[i].text, mask, 128), rows[i].r);
		if (rows[i].r == 0)
			assert_int_equal(mask[0], rows[i].first);
	}
	assert_int_equal(parse_bit_list("63-64,127", mask, 128), 0);
	assert_int_equal(mask[0], 1UL << 63);
	assert_int_equal(mask[1], 1UL | 1UL << 63);
}

static void test_durations(void **state)
{
	static const struct {
		const char *text;
		int r;
		uint64_t ns;
	} rows[] = {
		{ "5s", 0, 5000000000 },
		{ "500ms", 0, 500000000 },
		{ "1m", 0, 60000000000 },
		{ "1h1m1s1ms1us1ns", 0, 3661001001001 },
		{ "1.5s", 0, 1500000000 },
		{ "0.0000000019s", 0, 1 },
		{ "1m0.5s", 0, 60500000000 },
		{ "0s", 0, 0 },
		{ "18446744073s", 0, UINT64_C(18446744073000000000) },
		{ "18446744074s", -ERANGE, 0 },
		{ "18446744073.8s", -ERANGE, 0 },
		{ "18446744073s1s", -ERANGE, 0 },
		{ "99999999999999999999s", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "5", -EINVAL, 0 },
		{ "s", -EINVAL, 0 },
		{ ".5s", -EINVAL, 0 },
		{ "-5s", -EINVAL, 0 },
		{ "+5s", -EINVAL, 0 },
		{ " 5s", -EINVAL, 0 },
		{ "5 s", -EINVAL, 0 },
		{ "5s ", -EINVAL, 0 },
		{ "5S", -EINVAL, 0 },
		{ "5d", -EINVAL, 0 },
		{ "1..5s", -EINVAL, 0 },
		{ "5s3", -EINVAL, 0 },
		{ "0x5s", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t ns = 77;

		if (parse_duration(rows[i].text, &ns) != rows[i].r)
			fail_msg("'%s'", rows[i].text);
		assert_int_equal(ns, rows[i].r == 0 ? rows[i].ns : 77);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_bit_lists),
		cmocka_unit_test(test_parse_u64_takes_digits_only),
		cmocka_unit_test(test_parse_i64_checks_both_ends),
		cmocka_unit_test(test_parse_bool_words),
		cmocka_unit_test(test_parse_signal_forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
