/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <errno.h>
#include <string.h>

#include "json/fields.h"
#include "json/parse.h"
#include "util/array.h"
#include "util/error.h"

/* Parses a whole document. Returns 0 or the error's code. */
static int parse(const char *text, size_t size, struct error *err)
{
	struct json_object *object = NULL;
	int r = json_document_parse(text, size, &object, err);

	if (r == 0)
		json_object_put(object);
	return r;
}

static void test_document_takes_json_and_nothing_else(void **state)
{
	static const char *const good[] = { "{}",
					    " [1, -2.5e3, true, null, \"\\u00e4\"]\n",
					    "\"text\"",
					    "7",
					    "18446744073709551615",
					    "-9223372036854775808",
					    "[18446744073709551616, -9223372036854775809]",
					    "{\"a\\u0000b\": \"a\\u0000b\"}" };
	static const struct {
		const char *text, *expect;
	} bad[] = {
		{ "", "end of data" },
		{ "{", "end of data" },
		{ "{} x", "not JSON" },
		{ "{}{}", "not JSON" },
		{ "{\"a\":1,}", "not JSON" },
		{ "{'a':1}", "not JSON" },
		{ "// c\n{}", "not JSON" },
		{ "[01]", "not JSON" },
		{ "[NaN]", "not JSON" },
		{ "[-Infinity]", "not JSON" },
		{ "[True]", "not JSON" },
		{ "\"\xff\"", "not JSON" },
		{ "[123456789012345678901234567890x]", "not JSON" },
		{ "[12345678901234567890e]", "not JSON" },
		{ "\"a\\u000\"", "not JSON" },
		{ "\"a\\", "not JSON" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct error err = { 0 };

		if (parse(good[i], strlen(good[i]), &err) != 0)
			fail_msg("%s: %s", good[i], err.text);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct error err = { 0 };

		if (parse(bad[i].text, strlen(bad[i].text), &err) >= 0 || !strstr(err.text, bad[i].expect) ||
		    err.pointer_len != 0)
			fail_msg("%s: '%s'", bad[i].text, err.text);
	}
}

static void test_document_cut_anywhere_is_an_error(void **state)
{
	static const char text[] = "{ \"a\": [ 1, 2.5, { \"b\": \"c\\n\" } ], \"d\": null, \"e\": true }";

	(void)state;
	for (size_t size = 0; size < strlen(text); size++) {
		struct error err = { 0 };
		char copy[sizeof(text)];

		memcpy(copy, text, size);
		copy[size] = '\0';
		assert_true(parse(copy, size, &err) < 0);
		assert_int_not_equal(err.text[0], '\0');
	}
}

static void test_document_with_a_nul_byte_or_too_deep(void **state)
{
	struct error err = { 0 };
	enum { DEEP = 20000 };
	char deep[2 * DEEP + 1] = "";

	(void)state;
	assert_true(parse("{}\0{}", 5, &err) < 0);
	assert_non_null(strstr(err.text, "NUL"));
	memset(deep, '[', DEEP);
	memset(deep + DEEP, ']', DEEP);
	assert_true(parse(deep, 2 * DEEP, &err) < 0);
	assert_int_equal(parse(deep + DEEP - 9000, 18000, &err), 0);
}

/* Ignored properties must not be changed, and an unknown key must not become a known one. */
static void test_document_keeps_what_nobody_reads(void **state)
{
	static const struct {
		const char *text, *expect;
	} rows[] = {
		{ "{\"x\":123456789012345678901234567890}", "{\"x\":123456789012345678901234567890}" },
		{ "{\"x\":-9223372036854775809 , \"y\":1}", "{\"x\":-9223372036854775809,\"y\":1}" },
		{ "{\"x\":12345678901234567890.5}", "{\"x\":12345678901234567890.5}" },
		{ "{\"x\\u0000\" : \"v\\u0000\\u0041\"}", "{\"x\xef\xbf\xbd\":\"v\\u0000A\"}" },
		{ "{\"x\\\\u0000\":\"99999999999999999999\"}", "{\"x\\\\u0000\":\"99999999999999999999\"}" },
		{ "{\"\\\"\\u0000\":[\"\\u0000\",\"\\u0000:\"]}",
		  "{\"\\\"\xef\xbf\xbd\":[\"\\u0000\",\"\\u0000:\"]}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct json_object *object = NULL;
		struct error err = { 0 };

		assert_int_equal(json_document_parse(rows[i].text, strlen(rows[i].text), &object, &err), 0);
		assert_string_equal(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN),
				    rows[i].expect);
		json_object_put(object);
	}
}

/* ---- tables -------------------------------------------------------------------------------- */

struct point {
	int64_t x;
	uint64_t y;
	uint32_t small;
	const char *name;
	bool flag;
	char **words;
	struct point *children;
	size_t children_len;
};

static const struct json_range small_range = { 2, 5 };

static const struct json_field child_fields[] = {
	{ "x", json_type_int, true, offsetof(struct point, x), json_read_i64, NULL },
	{ 0 },
};

static const struct json_array_shape children_shape = {
	.size = sizeof(struct point),
	.len_offset = offsetof(struct point, children_len) - offsetof(struct point, children),
	.type = json_type_object,
	.read = json_read_object,
	.arg = child_fields,
};

static const struct json_field point_fields[] = {
	{ "x", json_type_int, true, offsetof(struct point, x), json_read_i64, NULL },
	{ "y", json_type_int, false, offsetof(struct point, y), json_read_u64, NULL },
	{ "small", json_type_int, false, offsetof(struct point, small), json_read_u32, &small_range },
	{ "a/b~c", json_type_string, false, offsetof(struct point, name), json_read_string, NULL },
	{ "flag", json_type_boolean, false, offsetof(struct point, flag), json_read_bool, NULL },
	{ "words", json_type_array, false, offsetof(struct point, words), json_read_strings, NULL },
	{ "children", json_type_array, false, offsetof(struct point, children), json_read_array,
	  &children_shape },
	{ 0 },
};

/* *ret_object owns the strings of the result, @arena the arrays. */
static int read_point(const char *text, struct point *ret, struct arena *arena,
		      struct json_object **ret_object, struct error *err)
{
	struct json_reader reader = { .arena = arena, .err = err };
	int r = json_document_parse(text, strlen(text), ret_object, err);

	*ret = (struct point){ 0 };
	if (r == 0)
		r = json_read_fields(&reader, *ret_object, point_fields, ret);
	return r < 0 ? json_name_document(err, "doc") : 0;
}

static void test_fields_go_where_the_table_says(void **state)
{
	struct json_object *object = NULL;
	struct arena arena = { 0 };
	struct error err = { 0 };
	struct point point;

	(void)state;
	assert_int_equal(
		read_point("{\"x\":-7,\"y\":18446744073709551615,\"small\":5,\"a/b~c\":\"n\",\"flag\":true,"
			   "\"words\":[\"p\",\"q\"],\"children\":[{\"x\":1},{\"x\":2}],\"unknown\":{}}",
			   &point, &arena, &object, &err),
		0);
	assert_int_equal(point.x, -7);
	assert_true(point.y == UINT64_MAX);
	assert_int_equal(point.small, 5);
	assert_string_equal(point.name, "n");
	assert_true(point.flag);
	assert_string_equal(point.words[1], "q");
	assert_null(point.words[2]);
	assert_int_equal(point.children_len, 2);
	assert_int_equal(point.children[1].x, 2);
	json_object_put(object);
	arena_done(&arena);
}

static void test_null_is_absent(void **state)
{
	struct json_object *object = NULL;
	struct arena arena = { 0 };
	struct error err = { 0 };
	struct point point;

	(void)state;
	assert_int_equal(read_point("{\"x\":1,\"y\":null,\"words\":null}", &point, &arena, &object, &err), 0);
	assert_int_equal(point.y, 0);
	assert_null(point.words);
	json_object_put(object);
	arena_done(&arena);
	assert_true(read_point("{\"x\":null}", &point, &arena, &object, &err) < 0);
	assert_string_equal(err.text, "doc: /x: missing");
	json_object_put(object);
	arena_done(&arena);
}

static void test_errors_carry_the_pointer(void **state)
{
	static const struct {
		const char *text, *expect;
	} rows[] = {
		{ "{}", "doc: /x: missing" },
		{ "{\"x\":\"1\"}", "doc: /x: expected an integer, got string" },
		{ "{\"x\":1.5}", "doc: /x: expected an integer, got double" },
		{ "{\"x\":18446744073709551615}", "doc: /x: out of range" },
		{ "{\"x\":18446744073709551616}", "doc: /x: the number does not fit in 64 bits" },
		{ "{\"x\":1,\"y\":-123456789012345678901234567890}",
		  "doc: /y: the number does not fit in 64 bits" },
		{ "{\"x\":1,\"a/b~c\":\"n\\u0000\"}", "doc: /a~1b~0c: contains a NUL character (\\u0000)" },
		{ "{\"x\":1,\"words\":[\"\",\"\\u0000\"]}", "doc: /words/1: contains a NUL character" },
		{ "{\"x\\u0000\":1}", "doc: /x: missing" },
		{ "{\"x\":1,\"y\":-1}", "doc: /y: negative" },
		{ "{\"x\":1,\"small\":6}", "doc: /small: out of range (2 to 5)" },
		{ "{\"x\":1,\"a/b~c\":1}", "doc: /a~1b~0c: expected string, got int" },
		{ "{\"x\":1,\"flag\":\"true\"}", "doc: /flag: expected boolean, got string" },
		{ "{\"x\":1,\"words\":[\"a\",2]}", "doc: /words/1: expected string, got int" },
		{ "{\"x\":1,\"words\":[null]}", "doc: /words/0: expected string, got null" },
		{ "{\"x\":1,\"children\":[{\"x\":1},{}]}", "doc: /children/1/x: missing" },
		{ "{\"x\":1,\"children\":{}}", "doc: /children: expected array, got object" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct json_object *object = NULL;
		struct arena arena = { 0 };
		struct error err = { 0 };
		struct point point;

		if (read_point(rows[i].text, &point, &arena, &object, &err) >= 0 ||
		    strncmp(err.text, rows[i].expect, strlen(rows[i].expect)) != 0)
			fail_msg("%s: '%s'", rows[i].text, err.text);
		json_object_put(object);
		arena_done(&arena);
	}
}

static int read_short_of_memory(struct json_reader *reader, struct json_object *value, void *target,
				const void *arg)
{
	(void)value;
	(void)target;
	(void)arg;
	return error_oom(reader->err);
}

/* A document whose faults are collected. */
struct reading {
	struct json_findings findings;
	struct error err;
	struct arena arena;
	struct json_reader reader;
	struct json_object *object;
};

static void begin_reading(struct reading *reading, const char *text)
{
	*reading = (struct reading){ 0 };
	reading->reader = (struct json_reader){
		.err = &reading->err,
		.findings = &reading->findings,
		.arena = &reading->arena,
	};
	assert_int_equal(json_document_parse(text, strlen(text), &reading->object, &reading->err), 0);
}

static void end_reading(struct reading *reading)
{
	json_object_put(reading->object);
	json_findings_done(&reading->findings);
	arena_done(&reading->arena);
}

/* Whoever takes what cannot be read for its default would take this for it, too. */
static void test_a_lack_of_memory_is_no_finding(void **state)
{
	static const struct json_field fields[] = {
		{ "x", json_type_int, true, 0, json_read_i64, NULL },
		{ "y", json_type_string, false, 0, read_short_of_memory, NULL },
		{ "z", json_type_int, true, 0, json_read_i64, NULL },
		{ 0 },
	};
	struct reading reading;
	int64_t number;

	(void)state;
	begin_reading(&reading, "{\"y\":\"t\"}");
	assert_int_equal(json_read_fields(&reading.reader, reading.object, fields, &number), -ENOMEM);
	end_reading(&reading);
}

static void test_a_lack_of_memory_in_an_array_is_no_finding(void **state)
{
	static const struct json_array_shape shape = {
		.size = sizeof(int64_t),
		.len_offset = sizeof(void *),
		.type = json_type_string,
		.read = read_short_of_memory,
	};
	struct reading reading;
	struct {
		int64_t *items;
		size_t len;
	} list = { 0 };

	(void)state;
	begin_reading(&reading, "[\"a\",\"b\"]");
	assert_int_equal(json_read_array(&reading.reader, reading.object, &list, &shape), -ENOMEM);
	assert_int_equal(list.len, 0);
	end_reading(&reading);
}

/* Who reads a document by several tables, and only wants to go on behind what is wrong. */
static void test_any_key_makes_unknown_keys_no_finding(void **state)
{
	static const struct json_field fields[] = {
		{ "x", json_type_int, false, 0, json_read_i64, NULL },
		{ 0 },
	};
	struct reading reading;
	int64_t number;

	(void)state;
	begin_reading(&reading, "{\"x\":\"t\",\"xx\":1}");
	assert_true(json_read_fields(&reading.reader, reading.object, fields, &number) < 0);
	assert_int_equal(reading.findings.len, 2);
	reading.reader.any_key = true;
	assert_true(json_read_fields(&reading.reader, reading.object, fields, &number) < 0);
	assert_int_equal(reading.findings.len, 3);
	assert_string_equal(reading.findings.items[2].pointer, "/x");
	end_reading(&reading);
}

static void test_a_strict_document_has_no_unknown_key(void **state)
{
	static const struct json_field fields[] = {
		{ "x", json_type_int, false, 0, json_read_i64, NULL },
		{ 0 },
	};
	struct error err = { 0 };
	struct json_reader reader = { .err = &err, .strict = true };
	struct json_object *object = NULL;
	int64_t number;

	(void)state;
	assert_int_equal(json_document_parse("{\"x\":1,\"y\":2}", 13, &object, &err), 0);
	assert_int_equal(json_read_fields(&reader, object, fields, &number), -EINVAL);
	assert_string_equal(err.text, "/y: not in the specification");
	json_object_put(object);
}

static void test_pointer_of_a_long_key_is_cut(void **state)
{
	struct error err = { 0 };
	struct json_reader reader = { .err = &err };
	char key[2000];

	(void)state;
	memset(key, '/', sizeof(key) - 1);
	key[sizeof(key) - 1] = '\0';
	for (size_t i = 0; i < JSON_DEPTH_MAX; i++)
		assert_int_equal(json_enter_key(&reader, key), 0);
	assert_true(json_enter_key(&reader, key) < 0);
	assert_true(json_enter_index(&reader, 1) < 0);
	assert_non_null(strstr(err.text, "nested too deeply"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_document_takes_json_and_nothing_else),
		cmocka_unit_test(test_document_cut_anywhere_is_an_error),
		cmocka_unit_test(test_document_with_a_nul_byte_or_too_deep),
		cmocka_unit_test(test_document_keeps_what_nobody_reads),
		cmocka_unit_test(test_fields_go_where_the_table_says),
		cmocka_unit_test(test_null_is_absent),
		cmocka_unit_test(test_errors_carry_the_pointer),
		cmocka_unit_test(test_a_lack_of_memory_is_no_finding),
		cmocka_unit_test(test_a_lack_of_memory_in_an_array_is_no_finding),
		cmocka_unit_test(test_any_key_makes_unknown_keys_no_finding),
		cmocka_unit_test(test_a_strict_document_has_no_unknown_key),
		cmocka_unit_test(test_pointer_of_a_long_key_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
