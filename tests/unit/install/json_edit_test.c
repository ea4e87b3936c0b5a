/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <errno.h>
#include <string.h>

#include "install/json_edit.h"
#include "util/array.h"
#include "util/error.h"

static const char *const keys[] = { "runtimes", "krun", "path", NULL };
static const char *const runtime_keys[] = { "runtimes", "krun", NULL };
static const char *const first[] = { "a", NULL };

static char *set(const char *text, const char *const *path, const char *value)
{
	char *edited = strdup(text);
	struct error err;

	assert_non_null(edited);
	if (json_edit_set("x.json", &edited, path, value, &err) < 0)
		fail_msg("%s", err.text);
	return edited;
}

/* A new member has the form of what is around it; all else stays, and removing it gives it back. */
static void test_insert(void **state)
{
	static const struct {
		const char *text, *expect;
	} rows[] = {
		{ "{\n    \"a\": 1\n}\n",
		  "{\n    \"a\": 1,\n    \"runtimes\": {\n        \"krun\": {\n            \"path\": \"/k\"\n"
		  "        }\n    }\n}\n" },
		/* Tabs, and no newline at the end. */
		{ "{\n\t\"a\":1,\n\t\"b\" : [1,  2]\n}",
		  "{\n\t\"a\":1,\n\t\"b\" : [1,  2],\n\t\"runtimes\": {\n\t\t\"krun\": {\n\t\t\t\"path\": "
		  "\"/k\"\n\t\t}\n\t}\n}" },
		{ "{\r\n  \"a\": \"}{\\\"\"\r\n}\r\n", "{\r\n  \"a\": \"}{\\\"\",\r\n  \"runtimes\": {\r\n   "
						       " \"krun\": {\r\n      \"path\": \"/k\"\r\n"
						       "    }\r\n  }\r\n}\r\n" },
		{ "{ \"a\": 1 }", "{ \"a\": 1, \"runtimes\": { \"krun\": { \"path\": \"/k\" } } }" },
		{ "{\n  \"runtimes\": {\n    \"x\": {\"path\": \"/x\"}\n  },\n  \"a\": 1\n}\n",
		  "{\n  \"runtimes\": {\n    \"x\": {\"path\": \"/x\"},\n    \"krun\": {\n      \"path\": "
		  "\"/k\"\n"
		  "    }\n  },\n  \"a\": 1\n}\n" },
		{ "{\n  \"runtimes\": {\"x\": {}},\n  \"a\": 1\n}\n",
		  "{\n  \"runtimes\": {\"x\": {}, \"krun\": { \"path\": \"/k\" }},\n  \"a\": 1\n}\n" },
		{ "{\n  \"runtimes\": {}\n}\n",
		  "{\n  \"runtimes\": {\n    \"krun\": {\n      \"path\": \"/k\"\n    }\n  }\n}\n" },
		{ "{}", "{\n  \"runtimes\": {\n    \"krun\": {\n      \"path\": \"/k\"\n    }\n  }\n}" },
		/* A key is the same when it is written with escape sequences. */
		{ "{\"\\u0072untimes\": {}, \"a\": 1}",
		  "{\"\\u0072untimes\": { \"krun\": { \"path\": \"/k\" } }, \"a\": 1}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *edited = set(rows[i].text, keys, "\"/k\"");
		const char *const *added = strstr(rows[i].text, "untimes") ? runtime_keys : keys;
		const char *const all[] = { "runtimes", NULL };
		struct error err;

		assert_string_equal(edited, rows[i].expect);
		assert_int_equal(
			json_edit_remove("x.json", &edited, added == keys ? all : runtime_keys, &err), 0);
		assert_string_equal(edited, rows[i].text);
		free(edited);
	}
}

static void test_empty_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		char *edited = set(i ? " \n" : "", first, "true");

		assert_string_equal(edited, "{\n  \"a\": true\n}\n");
		free(edited);
	}
}

static void test_replace(void **state)
{
	char *edited =
		set("{ \"b\": [1,\n2] ,\n  \"a\" : {\"x\": 1},\n  \"c\": 3}", first, "[\n\t1,\n\t2\n]");

	(void)state;
	assert_string_equal(edited, "{ \"b\": [1,\n2] ,\n  \"a\" : [ 1, 2 ],\n  \"c\": 3}");
	free(edited);
	edited = set("{\n    \"a\": 1,\n    \"c\": 3\n}\n", first, "[\n\t1,\n\t2\n]");
	assert_string_equal(edited, "{\n    \"a\": [\n        1,\n        2\n    ],\n    \"c\": 3\n}\n");
	free(edited);
}

static void test_remove(void **state)
{
	static const struct {
		const char *text, *expect;
	} rows[] = {
		{ "{\"a\": 1, \"b\": 2}", "{\"b\": 2}" },
		{ "{\"b\": 2, \"a\": {\"x\": [\"}\"]}}", "{\"b\": 2}" },
		{ "{\n  \"b\": 2,\n  \"a\": 1\n}\n", "{\n  \"b\": 2\n}\n" },
		{ "{\n  \"b\": 2,\n  \"a\": 1,\n  \"c\": 3\n}\n", "{\n  \"b\": 2,\n  \"c\": 3\n}\n" },
		{ "{\n  \"a\": 1\n}\n", "{}\n" },
		{ "{\n  \"b\": 1\n}\n", "{\n  \"b\": 1\n}\n" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *edited = strdup(rows[i].text);
		struct error err;

		assert_non_null(edited);
		assert_int_equal(json_edit_remove("x.json", &edited, first, &err), 0);
		assert_string_equal(edited, rows[i].expect);
		free(edited);
	}
}

static void test_errors(void **state)
{
	static const struct {
		const char *text, *expect;
	} rows[] = {
		{ "{\n  // no\n  \"a\": 1\n}\n", "x.json:2:3: not JSON: expected a key" },
		{ "{\n  \"\xc3\xa4\": 1,}", "x.json:2:10: not JSON: expected a key" },
		{ "{\"a\": 1", "x.json:1:8: not JSON: unexpected end of data" },
		{ "[]", "x.json:1:1: expected an object" },
		{ "{} x", "x.json:1:4: not JSON: text after the end" },
	};
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(json_edit_check("x.json", rows[i].text, &err), -EINVAL);
		assert_string_equal(err.text, rows[i].expect);
	}
}

static void test_refused_edits(void **state)
{
	static const struct {
		const char *text, *expect;
	} rows[] = {
		{ "{\"runtimes\": {},\n \"runtimes\": {}}",
		  "x.json:2:2: the key \"runtimes\" appears a second time" },
		{ "{\"runtimes\": []}", "x.json:1:14: the value of \"runtimes\" is not an object" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *edited = strdup(rows[i].text);
		struct error err;

		assert_non_null(edited);
		assert_int_equal(json_edit_set("x.json", &edited, keys, "1", &err), -EINVAL);
		assert_string_equal(err.text, rows[i].expect);
		assert_string_equal(edited, rows[i].text);
		assert_int_equal(json_edit_remove("x.json", &edited, keys, &err), -EINVAL);
		assert_string_equal(edited, rows[i].text);
		free(edited);
	}
}

static void test_find(void **state)
{
	struct error err;
	size_t at = 0;

	(void)state;
	assert_int_equal(json_edit_find("x", "{\"b\": {\"a\": 1}, \"a\": 2}", first, &at, &err), 1);
	assert_int_equal(at, 16);
	assert_int_equal(json_edit_find("x", "{\"b\": 1}", first, &at, &err), 0);
	assert_int_equal(json_edit_find("x", "", first, &at, &err), 0);
}

static void test_values(void **state)
{
	static const char text[] =
		"{\"a\": \"x\\n\\u00e4\", \"b\": [\"1\" , \"2]\"], \"c\": [1, \"3\", {\"4\": []}],"
		" \"d\": false, \"e\": { }}";
	static const char *const b[] = { "b", NULL }, *const c[] = { "c", NULL }, *const d[] = { "d", NULL },
				 *const e[] = { "e", NULL };
	struct strv strings = { 0 };
	struct error err;
	char *string;
	bool all;

	(void)state;
	assert_int_equal(json_edit_check("x", text, &err), 0);
	assert_int_equal(json_edit_string("x", text, first, &string, &err), 1);
	assert_string_equal(string, "x\n\xc3\xa4");
	free(string);
	assert_int_equal(json_edit_string("x", text, b, &string, &err), 1);
	assert_null(string);
	assert_int_equal(json_edit_strings("x", text, b, &strings, &all, &err), 1);
	assert_true(all);
	assert_int_equal(strings.len, 2);
	assert_string_equal(strings.items[1], "2]");
	assert_int_equal(json_edit_strings("x", text, c, &strings, &all, &err), 1);
	assert_false(all);
	assert_int_equal(strings.len, 3);
	strv_done(&strings);
	assert_true(json_edit_is(text, d, "false"));
	assert_false(json_edit_is(text, d, "true"));
	assert_true(json_edit_is(text, e, "{}"));
	assert_false(json_edit_is(text, b, "{}"));
	assert_false(json_edit_is(text, runtime_keys, "{}"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_insert),	cmocka_unit_test(test_empty_text),
		cmocka_unit_test(test_replace), cmocka_unit_test(test_remove),
		cmocka_unit_test(test_errors),	cmocka_unit_test(test_refused_edits),
		cmocka_unit_test(test_find),	cmocka_unit_test(test_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
