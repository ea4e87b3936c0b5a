/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <stdlib.h>

#include "util/array.h"
#include "util/utf8.h"

static void test_length_of_a_character(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} rows[] = {
		{ "a", 1 },
		{ "\x7f", 1 },
		{ "", 0 },
		{ "\xc3\xa4", 2 },
		{ "\xe2\x82\xac", 3 },
		{ "\xf0\x9f\x90\xa7", 4 },
		{ "\xf4\x8f\xbf\xbf", 4 },
		/* a lone continuation byte, incomplete, overlong, a surrogate, too large */
		{ "\x80", 0 },
		{ "\xc3", 0 },
		{ "\xc3(", 0 },
		{ "\xe2\x82", 0 },
		{ "\xf0\x9f\x90", 0 },
		{ "\xc0\x80", 0 },
		{ "\xc1\xbf", 0 },
		{ "\xe0\x9f\xbf", 0 },
		{ "\xed\xa0\x80", 0 },
		{ "\xf0\x8f\xbf\xbf", 0 },
		{ "\xf4\x90\x80\x80", 0 },
		{ "\xf5\x80\x80\x80", 0 },
		{ "\xff", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (utf8_length(rows[i].text) != rows[i].len)
			fail_msg("row %zu", i);
}

static void test_repair(void **state)
{
	static const char *const rows[][2] = {
		{ "", "" },
		{ "eth0", "eth0" },
		{ "\xc3\xa4"
		  "0",
		  "\xc3\xa4"
		  "0" },
		{ "\xff", "\xef\xbf\xbd" },
		{ "a\xe2\x82z", "a\xef\xbf\xbd\xef\xbf\xbdz" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *text = utf8_repair(rows[i][0]);

		assert_string_equal(text, rows[i][1]);
		free(text);
	}
}

static void test_valid_text(void **state)
{
	(void)state;
	assert_true(utf8_is_valid(""));
	assert_true(utf8_is_valid("/b\xc3\xa4r"));
	assert_false(utf8_is_valid("/b\xe4r"));
	assert_false(utf8_is_valid("/b\xc3"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_valid_text),
		cmocka_unit_test(test_length_of_a_character),
		cmocka_unit_test(test_repair),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
