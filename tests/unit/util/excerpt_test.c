/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <stdlib.h>
#include <string.h>

#include "util/array.h"
#include "util/excerpt.h"

static void check(const char *text, size_t offset, size_t len, const char *expect)
{
	char *excerpt = excerpt_make(text, strlen(text), offset, len);

	assert_non_null(excerpt);
	assert_string_equal(excerpt, expect);
	free(excerpt);
}

static void test_places(void **state)
{
	static const char text[] = "a\n\tb\xc3\xa4\xf0\x9f\x98\x80z\xff\x1bq\n";
	static const struct {
		size_t offset, line, column;
	} rows[] = {
		{ 0, 1, 1 },  { 1, 1, 2 },  { 2, 2, 1 },  { 3, 2, 2 },	{ 4, 2, 3 },  { 6, 2, 4 },
		{ 10, 2, 5 }, { 11, 2, 6 }, { 12, 2, 7 }, { 13, 2, 8 }, { 15, 3, 1 }, { 99, 3, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct excerpt_place place = excerpt_place_of(text, strlen(text), rows[i].offset);

		if (place.line != rows[i].line || place.column != rows[i].column)
			fail_msg("%zu: %zu:%zu", rows[i].offset, place.line, place.column);
	}
}

static void test_lines(void **state)
{
	(void)state;
	check("{\n  \"a\": 12,\r\n}", 9, 2, "    2 |   \"a\": 12,\n      |        ^~\n");
	check("", 0, 1, "    1 | \n      | ^\n");
	check("ab", 2, 1, "    1 | ab\n      |   ^\n");
	/* What is meant ends with its line. */
	check("[1,\n2]", 0, 6, "    1 | [1,\n      | ^~~\n");
	check("[1,\n", 5, 1, "    2 | \n      | ^\n");
}

/* Nothing of the file is acted on by a terminal, and the mark stays below the place. */
static void test_characters(void **state)
{
	(void)state;
	check("\t\"\t\", x", 6, 1, "    1 |  \" \", x\n      |       ^\n");
	check("\x1b[2J\r\x7f\xc2\x9b x", 9, 1,
	      "    1 | \\x1b[2J\\r\\x7f\\xc2\\x9b x\n      |                       ^\n");
	check("\xe2\x80\xae\xff x", 5, 1, "    1 | \\xe2\\x80\\xae\\xff x\n      |                  ^\n");
	/* Wide characters have two columns, combining ones none. */
	check("\xe6\x97\xa5\xc3\xa4"
	      "a\xcc\x81 x",
	      9, 1,
	      "    1 | \xe6\x97\xa5\xc3\xa4"
	      "a\xcc\x81 x\n      |      ^\n");
	check("\"\xe6\x97\xa5\" x", 0, 5, "    1 | \"\xe6\x97\xa5\" x\n      | ^~~~\n");
}

static void test_long_lines(void **state)
{
	enum { SIZE = 100000, LINE_MAX_SHOWN = 120 };
	char *text = malloc(SIZE), *excerpt, *mark, *line;

	(void)state;
	assert_non_null(text);
	/* Of two bytes each, so that a cut could be inside of one. */
	for (size_t i = 0; i < SIZE; i += 2)
		memcpy(text + i, "\xc3\xa4", 2);
	text[50000] = 'x';
	text[50001] = 'y';
	excerpt = excerpt_make(text, SIZE, 50000, 2);
	line = strchr(excerpt, '|') + 2;
	mark = strchr(line, '|') + 2;
	assert_int_equal(strncmp(line, "...\xc3\xa4", 5), 0);
	assert_non_null(strstr(excerpt, "\xc3\xa4...\n"));
	assert_true(strlen(excerpt) < 4 * LINE_MAX_SHOWN);
	/* In front of the place: the mark of the cut, and forty characters. */
	assert_int_equal(strspn(mark, " "), 43);
	assert_int_equal(strncmp(line + 3 + 2 * 40, "xy", 2), 0);
	assert_string_equal(mark + 43, "^~\n");
	free(excerpt);
	/* Continuation bytes without a beginning do not make it search far. */
	memset(text, 0x80, SIZE);
	excerpt = excerpt_make(text, SIZE, SIZE - 1, 1);
	assert_true(strlen(excerpt) < 16 * LINE_MAX_SHOWN);
	free(excerpt);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_characters),
		cmocka_unit_test(test_long_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
