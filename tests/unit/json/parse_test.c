/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <errno.h>
#include <string.h>

#include "../allocations.h"
#include "json/findings.h"
#include "json/make.h"
#include "json/parse.h"
#include "util/array.h"
#include "util/error.h"

/* Parses @text, and makes the text of the tree. NULL: an error; the caller frees the text. */
static char *through(const char *text, struct error *err)
{
	struct json_maker maker = { 0 };
	auto_json tree = NULL;

	if (json_document_parse(text, strlen(text), &tree, err) < 0)
		return NULL;
	return json_make_text(&maker, tree, JSON_COMPACT);
}

static void test_good_documents(void **state)
{
	static const struct {
		const char *text, *expect;
	} rows[] = {
		{ " { \"a\" :\t[ ] ,\r\n\"b\": { } } ", "{\"a\":[],\"b\":{}}" },
		{ "[0,-0,7,-7,9223372036854775807,9223372036854775808]",
		  "[0,0,7,-7,9223372036854775807,9223372036854775808]" },
		{ "[18446744073709551615,18446744073709551616,-9223372036854775808,-9223372036854775809]",
		  "[18446744073709551615,18446744073709551616,-9223372036854775808,-9223372036854775809]" },
		{ "[1.0,1e2,1E+2,-1.5e-3,1e999]", "[1.0,1e2,1E+2,-1.5e-3,1e999]" },
		{ "[true,false,null]", "[true,false,null]" },
		{ "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\\"\\\\/\\b\\f\\n\\r\\t\"" },
		{ "\"\\u0041\\u00e4\\u20AC\\ud83d\\ude00\"", "\"A\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"" },
		{ "\"\\ud83d\\u0041\\ude00\\ud83d\"", "\"\xef\xbf\xbd"
						      "A\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ "\"\xc3\xa4\x7f\"", "\"\xc3\xa4\x7f\"" },
		{ "{\"b\":2,\"a\":{\"a\":{\"d\":[3]}}}", "{\"b\":2,\"a\":{\"a\":{\"d\":[3]}}}" },
		{ "{\"k\\u0000\":\"v\\u0000\"}", "{\"k\xef\xbf\xbd\":\"v\\u0000\"}" },
		{ "{\"\":{\"\":[\"\",{\"\":\"\"}]}}", "{\"\":{\"\":[\"\",{\"\":\"\"}]}}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct error err = { 0 };
		char *text = through(rows[i].text, &err);

		if (!text || strcmp(text, rows[i].expect) != 0)
			fail_msg("%s: %s: %s", rows[i].text, text ? text : "", err.text);
		free(text);
	}
}

static void test_what_is_not_json(void **state)
{
	static const struct {
		const char *text, *expect;
	} rows[] = {
		{ "", "end of data" },
		{ " \n", "not JSON: unexpected end of data" },
		{ "[1,\n2", "not JSON: unexpected end of data" },
		{ "{\"a\"", "end of data" },
		{ "\"abc", "end of data" },
		{ "\"\\u12", "end of data" },
		{ "1 2", "text after the end" },
		{ "{}]", "text after the end" },
		{ "[1,]", "unexpected character" },
		{ "[1 2]", "unexpected character" },
		{ "{\"a\":1 \"b\":2}", "unexpected character" },
		{ "{\"a\":1,}", "expected a key" },
		{ "{a:1}", "expected a key" },
		{ "{\"a\" 1}", "expected ':'" },
		{ "['a']", "unexpected character" },
		{ "[nul]", "unexpected character" },
		{ "[truee]", "unexpected character" },
		{ "[+1]", "unexpected character" },
		{ "[.5]", "unexpected character" },
		{ "[01]", "unexpected character" },
		{ "[0x1]", "unexpected character" },
		{ "[-]", "not a number" },
		{ "[1.]", "not a number" },
		{ "[1e]", "not a number" },
		{ "[1e+]", "not a number" },
		{ "\"\\x41\"", "escape" },
		{ "\"\\u00g0\"", "hexadecimal" },
		{ "\"\\ud83d\\u00g0\"", "hexadecimal" },
		{ "\"a\nb\"", "control character" },
		{ "\"\xff\"", "UTF-8" },
		{ "\"\xc3\"", "UTF-8" },
		{ "\"\xed\xa0\x80\"", "UTF-8" },
		{ "{\"\xc0\x80\":1}", "UTF-8" },
		{ "\xef\xbb\xbf{}", "byte order mark" },
		{ "{\"a\":1,\"a\":1}", "the key 'a' is there twice in one object" },
		{ "[{\"a\":{\"\\u0061\":1,\"a\":1}}]", "the key 'a' is there twice in one object" },
		{ "[1,/* c */2]", "unexpected character" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct error err = { 0 };

		if (through(rows[i].text, &err) || !strstr(err.text, rows[i].expect) || err.code != -EINVAL)
			fail_msg("%s: '%s'", rows[i].text, err.text);
	}
}

static void test_the_place_of_an_error(void **state)
{
	static const struct {
		const char *text;
		size_t line, column;
	} rows[] = {
		{ "", 1, 1 },
		{ " \n", 2, 1 },
		{ "{\n\n\"a\": }", 3, 6 },
		{ "[1,\r\n\t2", 2, 3 },
		{ "[\"\xc3\xa4\xf0\x9f\x98\x80\", x]", 1, 8 },
		{ "[\"ab\x01\"]", 1, 5 },
		{ "{\"a\":1,\n \"a\":2}", 2, 2 },
		{ "\xef\xbb\xbf{}", 1, 1 },
		{ "[\"\xff\"]", 1, 3 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct error err = { 0 };
		struct json_object *tree;

		assert_int_equal(json_document_parse(rows[i].text, strlen(rows[i].text), &tree, &err),
				 -EINVAL);
		if (err.line != rows[i].line || err.column != rows[i].column)
			fail_msg("%s: %zu:%zu: %s", rows[i].text, err.line, err.column, err.text);
		error_document(&err, "a.json");
		assert_int_equal(strncmp(err.text, "a.json:", 7), 0);
		assert_int_equal(err.line, 0);
	}
}

/*
 * For `validate`: keys that are there twice are told, and the reading goes on; with the last one, as
 * before.
 */
static void test_check(void **state)
{
	static const char text[] =
		"{\"a\":{\"b/\":[0,{\"c\":1,\n\"c\":2}]},\"a\":7,\"d\":[{\"e\":1,\"e\":2}]}";
	struct json_findings findings = { 0 };
	auto_json tree = NULL;
	struct json_object *broken;
	struct error err;

	(void)state;
	assert_int_equal(json_document_check(text, strlen(text), &findings, &tree, &err), 0);
	assert_int_equal(findings.len, 3);
	assert_string_equal(findings.items[0].pointer, "/a/b~1/1/c");
	assert_int_equal(findings.items[0].offset, strchr(text, '\n') + 1 - text);
	assert_string_equal(findings.items[1].pointer, "/a");
	assert_string_equal(findings.items[2].pointer, "/d/0/e");
	assert_string_equal(json_object_to_json_string_ext(tree, JSON_C_TO_STRING_PLAIN),
			    "{\"a\":7,\"d\":[{\"e\":2}]}");
	json_findings_done(&findings);

	assert_int_equal(json_document_check("{\"a\":1,\"a\":2,}", 14, &findings, &broken, &err), -EINVAL);
	assert_null(broken);
	assert_int_equal(findings.len, 2);
	assert_string_equal(findings.items[1].reason, "not JSON: expected a key");
	assert_int_equal(findings.items[1].offset, 13);
	assert_true(json_findings_have_error(&findings));
	json_findings_done(&findings);
}

/* The document ends where its size says, whatever comes behind it. */
static void test_size_is_the_end(void **state)
{
	struct json_object *tree;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(json_document_parse("123", 2, &tree, &err), 0);
	assert_int_equal(json_object_get_int64(tree), 12);
	json_object_put(tree);
	assert_int_equal(json_document_parse("\"\xc3\xa4\"", 2, &tree, &err), -EINVAL);
	assert_int_equal(json_document_parse("true", 3, &tree, &err), -EINVAL);
	assert_int_equal(json_document_parse("null", 4, &tree, &err), 0);
	assert_null(tree);
}

/* The whole tree or -ENOMEM, whichever allocation fails; never a tree with less in it. */
static void test_every_allocation_fails(void **state)
{
	static const char text[] =
		"{\"a key that is longer than a buffer of json-c at first\":"
		"[\"a text that is longer, too, than a buffer of json-c at first\",1,2.5,true,null,"
		"{\"b\":{\"c\":[\"another\"]}}],\"last\":1}";
	unsigned long number = 0, made;

	(void)state;
	if (!allocations_of_json())
		skip_because("the allocations of a shared json-c cannot be made to fail");
	do {
		auto_json tree = NULL;
		struct error err = { 0 };
		int r;

		allocations_fail(++number);
		r = json_document_parse(text, strlen(text), &tree, &err);
		made = allocations_made();
		allocations_fail(0);
		if (r == 0) {
			struct json_maker maker = { 0 };
			char *again = json_make_text(&maker, tree, JSON_COMPACT);

			assert_string_equal(again, text);
			free(again);
		} else {
			assert_int_equal(r, -ENOMEM);
			assert_string_equal(err.text, "out of memory");
			assert_null(tree);
		}
	} while (number <= made);
	assert_true(number > 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_documents),	      cmocka_unit_test(test_what_is_not_json),
		cmocka_unit_test(test_the_place_of_an_error), cmocka_unit_test(test_check),
		cmocka_unit_test(test_size_is_the_end),	      cmocka_unit_test(test_every_allocation_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
