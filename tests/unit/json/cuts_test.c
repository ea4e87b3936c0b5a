/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <stdlib.h>
#include <string.h>

#include "json/cuts.h"
#include "json/findings.h"
#include "json/make.h"
#include "json/parse.h"
#include "util/array.h"
#include "util/error.h"

static struct json_object *tree_of(const char *text)
{
	struct json_object *tree;
	struct error err;

	assert_int_equal(json_document_parse(text, strlen(text), &tree, &err), 0);
	return tree;
}

static const char *text_of(struct json_object *tree)
{
	return json_object_to_json_string_ext(tree, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
}

static void test_values_are_removed(void **state)
{
	auto_json tree = tree_of("{\"a\":[0,1,2,3,4],\"b/\":{\"c\":1,\"d\":2},\"e\":{\"f\":{}}}");
	struct json_cuts cuts = { 0 };

	(void)state;
	/* Indices are those of the text, in any order. */
	assert_int_equal(json_cuts_remove(&cuts, tree, "/a/3"), 1);
	assert_int_equal(json_cuts_remove(&cuts, tree, "/a/1"), 1);
	assert_int_equal(json_cuts_remove(&cuts, tree, "/a/4"), 1);
	assert_string_equal(text_of(tree), "{\"a\":[0,2],\"b/\":{\"c\":1,\"d\":2},\"e\":{\"f\":{}}}");
	/* What was removed just now, and what was in it, is not removed again. */
	assert_int_equal(json_cuts_remove(&cuts, tree, "/a/3"), 0);
	assert_int_equal(json_cuts_remove(&cuts, tree, "/a/3/x"), 0);
	/* The nearest one above. */
	assert_int_equal(json_cuts_remove(&cuts, tree, "/e/f/g"), 1);
	assert_int_equal(json_cuts_remove(&cuts, tree, "/b~1/c"), 1);
	assert_string_equal(text_of(tree), "{\"a\":[0,2],\"b/\":{\"d\":2},\"e\":{}}");
	/* It is still missed after the next reading: what is around it goes. */
	cuts.known = cuts.len;
	assert_int_equal(json_cuts_remove(&cuts, tree, "/b~1/c"), 1);
	assert_string_equal(text_of(tree), "{\"a\":[0,2],\"e\":{}}");
	/* A missing member of the root is known afterwards, the root itself stays. */
	assert_false(json_cuts_touch(&cuts, "/x/y"));
	assert_int_equal(json_cuts_remove(&cuts, tree, "/x"), 1);
	assert_true(json_cuts_touch(&cuts, "/x/y"));
	assert_int_equal(json_cuts_remove(&cuts, tree, ""), 0);
	assert_int_equal(json_cuts_remove(&cuts, tree, "/y/z"), 0);
	json_cuts_done(&cuts);
}

static void test_pointers_are_translated(void **state)
{
	static const struct {
		const char *tree, *text;
	} rows[] = {
		{ "", "" },
		{ "/b/0", "/b/0" },
		{ "/a/0", "/a/0" },
		{ "/a/1", "/a/3" },
		{ "/a/1/x~1/0", "/a/3/x~1/1" },
		{ "/a/2", "/a/5" },
		{ "/a/x", "/a/x" },
	};
	auto_json tree = tree_of("{\"a\":[0,1,2,{\"x/\":[7,8]},4,5],\"b\":[1]}");
	struct json_cuts cuts = { 0 };

	(void)state;
	json_cuts_remove(&cuts, tree, "/a/3/x~1/0");
	json_cuts_remove(&cuts, tree, "/a/4");
	json_cuts_remove(&cuts, tree, "/a/1");
	json_cuts_remove(&cuts, tree, "/a/2");
	assert_string_equal(text_of(tree), "{\"a\":[0,{\"x/\":[8]},5],\"b\":[1]}");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *text = json_cuts_translate(&cuts, rows[i].tree);

		assert_string_equal(text, rows[i].text);
		free(text);
	}
	json_cuts_done(&cuts);
}

static void test_what_is_told(void **state)
{
	auto_json tree = tree_of("{\"a\":[0,1,2],\"b\":{\"c\":1},\"ab\":1}");
	struct json_findings told = { 0 }, found = { 0 };
	struct json_cuts cuts = { 0 };

	(void)state;
	json_cuts_remove(&cuts, tree, "/a/0");
	json_cuts_remove(&cuts, tree, "/b/c");
	json_findings_add(&told, JSON_WARNING, "/ab", "there already");
	json_findings_add(&found, JSON_WARNING, "/ab", "there already");
	json_findings_add(&found, JSON_ERROR, "/ab", "another");
	json_findings_add(&found, JSON_ERROR, "/a/1", "the third");
	json_findings_add(&found, JSON_ERROR, "/b", "above a cut");
	json_findings_add(&found, JSON_ERROR, "/b/c/d", "below");
	json_findings_add(&found, JSON_ERROR, "", "about all");
	assert_int_equal(json_cuts_tell(&cuts, &found, &told), 0);
	assert_int_equal(told.len, 4);
	assert_string_equal(told.items[1].reason, "another");
	assert_string_equal(told.items[2].pointer, "/a/2");
	assert_string_equal(told.items[3].reason, "about all");
	/* The others stay where they were. */
	assert_int_equal(found.len, 6);
	assert_string_equal(found.items[3].reason, "above a cut");
	assert_null(found.items[1].pointer);
	json_findings_done(&found);
	json_findings_done(&told);
	json_cuts_done(&cuts);
}

static void test_no_more_than_there_is_room_for(void **state)
{
	auto_json tree = json_object_new_object();
	struct json_cuts cuts = { 0 };
	int count = 0;

	(void)state;
	for (int i = 0; i < 2 * JSON_CUTS_MAX; i++)
		count += json_cuts_remove(&cuts, tree, error_pointer("/%d", i));
	assert_int_equal(count, JSON_CUTS_MAX);
	json_cuts_done(&cuts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values_are_removed),
		cmocka_unit_test(test_pointers_are_translated),
		cmocka_unit_test(test_what_is_told),
		cmocka_unit_test(test_no_more_than_there_is_room_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
