/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../allocations.h"
#include "json/make.h"
#include "util/strv.h"

/* More than the 32 bytes with which json-c's buffers begin, so that each of them grows. */
#define LONG "a text that is longer than a buffer of json-c is at first, and in the text of a tree twice so"

/* Makes one of everything. The caller frees the text. */
static char *make(enum json_layout layout)
{
	static char x[] = "x", y[] = "y", *items[] = { x, y };
	const struct strv list = { .items = items, .len = 2 };
	struct json_maker maker = { 0 };
	auto_json tree = json_make_object(&maker);
	auto_json copy = NULL;
	struct json_object *array;

	json_put_text(&maker, tree, "text", LONG);
	json_put_i64(&maker, tree, "i64", INT64_MIN);
	json_put_u64(&maker, tree, "u64", UINT64_MAX);
	json_put_bool(&maker, tree, "bool", true);
	json_put_strings(&maker, tree, "strings", &list);
	array = json_put_array(&maker, tree, "array");
	json_append_text(&maker, array, "a/b");
	json_append_i64(&maker, array, 7);
	json_put_text(&maker, json_append_object(&maker, array), "k", "v");
	json_put_index(&maker, array, 1, json_make_text_value(&maker, "seven"));
	json_put_i64(&maker, json_get_or_put(&maker, tree, "array", json_type_object), "instead", 1);
	json_put_i64(&maker, json_get_or_put(&maker, tree, "array", json_type_object), "beside", 2);
	json_put(&maker, json_put_object(&maker, tree, "object"), "value",
		 json_make_text_value(&maker, LONG));
	copy = json_make_copy(&maker, tree);
	return json_make_text(&maker, copy, layout);
}

static const char expected[] = "{\"text\":\"" LONG "\",\"i64\":-9223372036854775808,"
			       "\"u64\":18446744073709551615,\"bool\":true,\"strings\":[\"x\",\"y\"],"
			       "\"array\":{\"instead\":1,\"beside\":2},\"object\":{\"value\":\"" LONG "\"}}";

static void test_one_of_everything(void **state)
{
	char *text = make(JSON_COMPACT), *line = make(JSON_LINE);

	(void)state;
	assert_string_equal(text, expected);
	assert_memory_equal(line, expected, strlen(expected));
	assert_string_equal(line + strlen(expected), "\n");
	free(text);
	free(line);
}

static void test_elements(void **state)
{
	struct json_maker maker = { 0 };
	auto_json array = json_make_array(&maker);
	char *text;

	(void)state;
	json_append_text(&maker, array, "a/b");
	json_append_i64(&maker, array, 7);
	json_put_text(&maker, json_append_object(&maker, array), "k", "v");
	json_put_index(&maker, array, 1, json_make_text_value(&maker, "seven"));
	json_put_index(&maker, array, 3, json_make_text_value(&maker, "end"));
	text = json_make_text(&maker, array, JSON_COMPACT);
	assert_string_equal(text, "[\"a/b\",\"seven\",{\"k\":\"v\"},\"end\"]");
	free(text);
	text = json_make_text(&maker, array, JSON_PRETTY);
	assert_non_null(strstr(text, "\n  \"a/b\",\n"));
	assert_string_equal(text + strlen(text) - 2, "]\n");
	free(text);
}

/* What comes from a container may have any bytes; the text is JSON. */
static void test_invalid_utf8_is_replaced(void **state)
{
	struct json_maker maker = { 0 };
	auto_json object = json_make_object(&maker);
	char *text;

	(void)state;
	json_put_text(&maker, object, "\xff", "\xc3(\xc3\xa4");
	json_append_text(&maker, json_put_array(&maker, object, "k"), "\xed\xa0\x80");
	text = json_make_text(&maker, object, JSON_COMPACT);
	assert_string_equal(text, "{\"\xef\xbf\xbd\":\"\xef\xbf\xbd(\xc3\xa4\","
				  "\"k\":[\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"]}");
	free(text);
}

/* A failure is never forgotten, and a value that could not be put anywhere is released. */
static void test_a_failure_stays(void **state)
{
	struct json_maker maker = { 0 };
	auto_json object = json_make_object(&maker);

	(void)state;
	json_put_text(&maker, NULL, "k", "v");
	assert_true(maker.failed);
	json_put_text(&maker, object, "k", "v");
	assert_true(maker.failed);
	assert_null(json_put_object(&maker, object, "o"));
	assert_null(json_make_text(&maker, object, JSON_COMPACT));
	maker.failed = false;
	json_put(&maker, object, "k", NULL);
	assert_true(maker.failed);
	maker.failed = false;
	json_append(&maker, NULL, json_make_text_value(&maker, "v"));
	assert_true(maker.failed);
}

/* The whole text or none, whichever allocation fails. */
static void test_every_allocation_fails(void **state)
{
	unsigned long all;

	(void)state;
	if (!allocations_of_json())
		skip_because("the allocations of a shared json-c cannot be made to fail");
	allocations_fail(0);
	free(make(JSON_PRETTY));
	all = allocations_made();
	assert_true(all > 40);
	for (unsigned long number = 1; number <= all; number++) {
		char *text;

		allocations_fail(number);
		text = make(JSON_COMPACT);
		allocations_fail(0);
		if (text)
			assert_string_equal(text, expected);
		free(text);
	}
	for (unsigned long number = 1; number <= all; number++) {
		char *text;

		allocations_fail(number);
		text = make(JSON_PRETTY);
		if (text)
			fail_msg("a text without allocation %lu of %lu", number, all);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_of_everything),	 cmocka_unit_test(test_elements),
		cmocka_unit_test(test_invalid_utf8_is_replaced), cmocka_unit_test(test_a_failure_stays),
		cmocka_unit_test(test_every_allocation_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
