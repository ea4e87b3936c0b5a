/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <string.h>

#include "json/locate.h"
#include "json/pointer.h"
#include "util/array.h"

static const char text[] = "\n{ \"a\": [1, {\"b\\u00e4/~\":\t\"x\\\"]}\"}, [[]]], \"e\": {}, \"\": null,\n"
			   "\"twice\": 1, \"twice\": {\"z\": -1.5e3}, \"\xc3\xa4\" : true }\n";

static void test_places(void **state)
{
	static const struct {
		const char *pointer, *key, *value;
		bool exact;
	} rows[] = {
		{ "", "", "{", true },
		{ "/a", "\"a\"", "[", true },
		{ "/a/0", "", "1", true },
		{ "/a/1", "", "{", true },
		{ "/a/1/b\xc3\xa4~1~0", "\"b\\u00e4/~\"", "\"x\\\"]}\"", true },
		{ "/a/2/0", "", "[", true },
		{ "/", "\"\"", "null", true },
		{ "/twice/z", "\"z\"", "-1.5e3", true },
		{ "/\xc3\xa4", "\"\xc3\xa4\"", "true", true },
		/* What leads nowhere is the nearest value above. */
		{ "/x", "", "{", false },
		{ "/a/3", "\"a\"", "[", false },
		{ "/a/01", "\"a\"", "[", false },
		{ "/a/-", "\"a\"", "[", false },
		{ "/a/0/x/y", "", "1", false },
		{ "/e/x", "\"e\"", "{", false },
		{ "/a/2/0/0", "", "[", false },
		{ "/a/18446744073709551616", "\"a\"", "[", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct json_location place;

		assert_true(json_locate(text, strlen(text), rows[i].pointer, &place));
		if (place.exact != rows[i].exact || place.key_len != strlen(rows[i].key) ||
		    place.value_len != strlen(rows[i].value) ||
		    memcmp(text + place.key, rows[i].key, place.key_len) != 0 ||
		    memcmp(text + place.value, rows[i].value, place.value_len) != 0)
			fail_msg("%s: '%.*s' '%.*s' %d", rows[i].pointer, (int)place.key_len,
				 text + place.key, (int)place.value_len, text + place.value, place.exact);
	}
}

/* In a text that ends anywhere a place inside of it is found, or none. */
static void test_whole_values(void **state)
{
	static const struct {
		const char *pointer, *value; /* NULL: there is none */
	} rows[] = {
		{ "/a", "[1, {\"b\\u00e4/~\":\t\"x\\\"]}\"}, [[]]]" },
		{ "/a/1", "{\"b\\u00e4/~\":\t\"x\\\"]}\"}" },
		{ "/a/0", "1" },
		{ "/e", "{}" },
		{ "/twice", "{\"z\": -1.5e3}" },
		{ "/\xc3\xa4", "true" },
		{ "/x", NULL },
		{ "/a/3", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *value = NULL;
		size_t len = 0;
		const bool found = json_locate_value(text, strlen(text), rows[i].pointer, &value, &len);

		if (found != !!rows[i].value ||
		    (found && (len != strlen(rows[i].value) || memcmp(value, rows[i].value, len) != 0)))
			fail_msg("%s: '%.*s'", rows[i].pointer, (int)len, found ? value : "");
	}
	/* It never reaches beyond the text, wherever that ends. */
	for (size_t size = 0; size <= strlen(text); size++) {
		const char *value;
		size_t len;

		if (json_locate_value(text, size, "/a", &value, &len))
			assert_true(value >= text && value + len <= text + size);
	}
}

static void test_broken_texts(void **state)
{
	struct json_location place;

	(void)state;
	assert_false(json_locate("", 0, "/a", &place));
	assert_false(json_locate(" \n", 2, "", &place));
	for (size_t size = 0; size < strlen(text); size++)
		if (json_locate(text, size, "/a/1/b\xc3\xa4~1~0", &place))
			assert_true(place.value < size && place.value + place.value_len <= size &&
				    place.key + place.key_len <= size);
}

static void test_pointers(void **state)
{
	char out[JSON_POINTER_MAX], part[JSON_POINTER_MAX], small[30];
	const char *rest = out;
	size_t len, index;

	(void)state;
	len = json_pointer_add(out, sizeof(out), "a/b~", 0);
	len += json_pointer_add(out + len, sizeof(out) - len, NULL, 12);
	len += json_pointer_add(out + len, sizeof(out) - len, "", 0);
	assert_string_equal(out, "/a~1b~0/12/");
	assert_int_equal(len, strlen(out));
	assert_int_equal(json_pointer_take(&rest, part), 4);
	assert_string_equal(part, "a/b~");
	json_pointer_take(&rest, part);
	assert_true(json_pointer_index(part, &index));
	assert_int_equal(index, 12);
	assert_int_equal(json_pointer_take(&rest, part), 0);
	assert_string_equal(rest, "");
	assert_false(json_pointer_index("", &index));
	assert_false(json_pointer_index("012", &index));
	assert_false(json_pointer_index("-1", &index));
	assert_true(json_pointer_index("0", &index));
	/* What does not fit is left out. */
	assert_true(json_pointer_add(small, sizeof(small), "a very long key that does not fit ////", 0) < 30);
	assert_int_equal(json_pointer_add(small, 24, NULL, 1), 0);
	assert_string_equal(small, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_whole_values),
		cmocka_unit_test(test_broken_texts),
		cmocka_unit_test(test_pointers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
