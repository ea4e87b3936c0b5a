/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/printable.h"

static void test_what_is_printable_stays_and_the_rest_is_seen(void **state)
{
	static const struct {
		const char *text, *keep, *expected;
	} rows[] = {
		{ "exec: \"/no\": no such file or directory", "",
		  "exec: \"/no\": no such file or directory" },
		{ "C:\\x1b", "", "C:\\x1b" },
		{ "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x90\x8b", "", "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x90\x8b" },
		{ "\033[2J", "", "\\x1b[2J" },
		{ "a\nb\rc\td", "", "a\\nb\\rc\\td" },
		{ "a\nb\rc\td", "\n\t", "a\nb\\rc\td" },
		{ "\x7f\x01", "", "\\x7f\\x01" },
		/* The C1 control CSI, in UTF-8 and as a single byte, which is invalid. */
		{ "\xc2\x9b"
		  "2J",
		  "", "\\xc2\\x9b2J" },
		{ "\x9b"
		  "2J",
		  "", "\\x9b2J" },
		{ "\xc2\xa0", "", "\xc2\xa0" },
		/* Incomplete, overlong, and a surrogate. */
		{ "\xc3", "", "\\xc3" },
		{ "\xe2\x82", "", "\\xe2\\x82" },
		{ "\xc0\xaf", "", "\\xc0\\xaf" },
		{ "\xed\xa0\x80", "", "\\xed\\xa0\\x80" },
		/* Right-to-left override, isolate, line separator. */
		{ "txt.\xe2\x80\xae"
		  "exe",
		  "", "txt.\\xe2\\x80\\xaeexe" },
		{ "\xe2\x81\xa6", "", "\\xe2\\x81\\xa6" },
		{ "\xe2\x80\xa8", "", "\\xe2\\x80\\xa8" },
		{ "\xe2\x80\x9c", "", "\xe2\x80\x9c" },
		{ "", "", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		auto_free char *text = printable_text(rows[i].text, rows[i].keep);

		assert_string_equal(text, rows[i].expected);
	}
}

static void test_copies_end_in_whole_characters(void **state)
{
	char out[8];

	(void)state;
	assert_int_equal(printable_copy(out, 6, "abc\xe2\x82\xac", 6, ""), 3);
	assert_string_equal(out, "abc");
	assert_int_equal(printable_copy(out, 7, "abc\xe2\x82\xac", 6, ""), 6);
	assert_int_equal(printable_copy(out, 7, "abc\033", 4, ""), 3);
	assert_int_equal(printable_copy(out, 8, "abc\033", 4, ""), 7);
	/* Bytes after the length are not read, and a NUL does not end the text. */
	assert_int_equal(printable_copy(out, 8, "\xe2\x82\xac", 1, ""), 4);
	assert_string_equal(out, "\\xe2");
	assert_int_equal(printable_copy(out, 8, "\0a", 2, "\n"), 5);
	assert_string_equal(out, "\\x00a");
}

static void test_json_stays_json(void **state)
{
	auto_free char *text = printable_json("{\"a\":\"\\u001b\x7f\xc2\x9b\xc2\xa0\"}\n");

	(void)state;
	assert_string_equal(text, "{\"a\":\"\\u001b\\u007f\\u009b\xc2\xa0\"}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_printable_stays_and_the_rest_is_seen),
		cmocka_unit_test(test_copies_end_in_whole_characters),
		cmocka_unit_test(test_json_stays_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
