/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <errno.h>
#include <string.h>

#include "install/toml.h"
#include "util/array.h"
#include "util/error.h"

static const char *const key[] = { "a", "b.c", "d", NULL };
static const char *const table[] = { "a", "b.c", NULL };

static const char *const every_form = "# comment\n"
				      "bare_key-1 = 1_000 # more\n"
				      "\"quoted key\" = 'literal \\ # string'\n"
				      "dotted.\"in.side\" . x = 1979-05-27 07:32:00Z\n"
				      "float = -1.5e+3\n"
				      "array = [ 1, [2, 3], # comment\n"
				      "  \"]\",\n"
				      "]\n"
				      "inline = { x = 1, \"y\" = { z = [ ] } }\n"
				      "many = \"\"\"\n[not.a.header]\n\\\"\"\" \"\"\"\"\"\n"
				      "raw = '''\n[nor.this]'''\n"
				      "\n"
				      "[ a . \"b.c\" ] # header\n"
				      "\td = \"\\u00e4\\n\"\r\n"
				      "[[list]]\n"
				      "x = true\n"
				      "[[list]]\n"
				      "x = false";

static void test_every_form(void **state)
{
	const struct toml_entry *entry;
	char *string;
	struct toml toml;
	struct error err;

	(void)state;
	if (toml_parse("x.toml", every_form, &toml, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(toml.len, 14);
	entry = toml_find(&toml, key, false, NULL);
	assert_non_null(entry);
	string = toml_string(every_form, entry);
	assert_string_equal(string, "\xc3\xa4\n");
	free(string);
	assert_non_null(toml_find(&toml, table, true, NULL));
	assert_null(toml_find(&toml, table, false, NULL));
	entry = toml_find(&toml, (const char *const[]){ "many", NULL }, false, NULL);
	assert_non_null(entry);
	string = toml_string(every_form, entry);
	assert_string_equal(string, "[not.a.header]\n\"\"\" \"\"");
	free(string);
	toml_find(&toml, (const char *const[]){ "inline", "y", "z", NULL }, false, &entry);
	assert_non_null(entry);
	assert_string_equal(entry->path.items[0], "inline");
	toml_done(&toml);
}

static void test_strings(void **state)
{
	static const char text[] = "a = [ \"x\", # \"no\"\n 'y', [\"z\"] ]\n";
	struct strv strings = { 0 };
	struct toml toml;
	struct error err;

	(void)state;
	assert_int_equal(toml_parse("x", text, &toml, &err), 0);
	assert_int_equal(toml_strings(text, &toml.entries[0], &strings), 0);
	assert_int_equal(strings.len, 3);
	assert_string_equal(strings.items[1], "y");
	assert_null(toml_string(text, &toml.entries[0]));
	strv_done(&strings);
	toml_done(&toml);
}

static void test_errors(void **state)
{
	static const struct {
		const char *text, *expect;
	} rows[] = {
		{ "a = 1\n  b\n", "x.toml:2:4: expected '=' after a key" },
		{ "a = [1\n", "x.toml:2:1: unexpected end of the file" },
		{ "a = [1 2]\n", "x.toml:1:8: expected ',' or ']'" },
		{ "a = \"x\nb\"\n", "x.toml:1:7: the string does not end in its line" },
		{ "a = 1 b = 2\n", "x.toml:1:7: unexpected text behind the value" },
		{ "[a\n", "x.toml:1:3: expected ']'" },
		{ "= 1\n", "x.toml:1:1: expected a key" },
		{ "a = \"\\q\"\n", "x.toml:1:7: unknown escape sequence in a string" },
		{ "a = 1\na = 2\n", "x.toml:2:1: this was said before" },
		{ "[t]\n[u]\n[t]\n", "x.toml:3:1: this was said before" },
		{ "a =\n", "x.toml:1:4: expected a value" },
		{ "a = \"\xff\"\n", "x.toml:1:6: not UTF-8" },
		{ "\xef\xbb\xbf", "x.toml:1:1: a byte order mark" },
	};
	struct toml toml;
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(toml_parse("x.toml", rows[i].text, &toml, &err), -EINVAL);
		assert_string_equal(err.text, rows[i].expect);
	}
}

/* What is set in a new table, or in one that is there, and that removing it gives the text back. */
static void test_set_and_remove(void **state)
{
	static const struct {
		const char *text, *expect;
		bool table; /* the table is new */
	} rows[] = {
		{ "", "[a.\"b.c\"]\nd = 1\n", true },
		{ "x = 1\n", "x = 1\n\n[a.\"b.c\"]\nd = 1\n", true },
		{ "x = 1", "x = 1\n\n[a.\"b.c\"]\nd = 1", true },
		{ "x = 1\r\n", "x = 1\r\n\r\n[a.\"b.c\"]\r\nd = 1\r\n", true },
		{ "[a.\"b.c\".deeper]\ny = 1\n", "[a.\"b.c\".deeper]\ny = 1\n\n[a.\"b.c\"]\nd = 1\n", true },
		{ "[a]\n  [a.\"b.c\"]\n    y = 1 # y\n\n[z]\nz = 1\n",
		  "[a]\n  [a.\"b.c\"]\n    y = 1 # y\n    d = 1\n\n[z]\nz = 1\n", false },
		{ "[a.\"b.c\"]\ny = 1", "[a.\"b.c\"]\ny = 1\nd = 1", false },
		{ "[a.\"b.c\"]\n", "[a.\"b.c\"]\nd = 1\n", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *edited = strdup(rows[i].text);
		struct error err;

		assert_non_null(edited);
		assert_int_equal(toml_set("x.toml", &edited, key, "1", &err), 0);
		assert_string_equal(edited, rows[i].expect);
		if (rows[i].table && !strstr(rows[i].text, "deeper"))
			assert_int_equal(toml_remove("x.toml", &edited, table, true, &err), 0);
		else
			assert_int_equal(toml_remove("x.toml", &edited, key, false, &err), 0);
		if (!strstr(rows[i].text, "deeper"))
			assert_string_equal(edited, rows[i].text);
		free(edited);
	}
}

static void test_replace(void **state)
{
	char *edited = strdup("[a.\"b.c\"]\nd   =  [\n 1,\n]  # why\ne = 2\n");
	struct error err;

	(void)state;
	assert_non_null(edited);
	assert_int_equal(toml_set("x.toml", &edited, key, "\"new\"", &err), 0);
	assert_string_equal(edited, "[a.\"b.c\"]\nd   =  \"new\"  # why\ne = 2\n");
	free(edited);
}

static void test_root_key(void **state)
{
	static const char *const version[] = { "version", NULL };
	char *edited = strdup("[a]\nx = 1\n");
	struct error err;

	(void)state;
	assert_non_null(edited);
	assert_int_equal(toml_set("x.toml", &edited, version, "2", &err), 0);
	assert_string_equal(edited, "version = 2\n[a]\nx = 1\n");
	free(edited);
}

static void test_removing_a_table_with_those_below(void **state)
{
	static const char *const path[] = { "a", NULL };
	char *edited = strdup("[x]\nx = 1\n\n[a]\nb = 1\n\n[a.c]\nd = 1\n\n# about y\n[y]\ny = 1\n\n[a.e]\n");
	struct error err;

	(void)state;
	assert_non_null(edited);
	assert_int_equal(toml_remove("x.toml", &edited, path, true, &err), 0);
	assert_string_equal(edited, "[x]\nx = 1\n\n# about y\n[y]\ny = 1\n");
	free(edited);
}

/* Only the header goes: tables below it do not need it. */
static void test_removing_an_empty_table(void **state)
{
	static const char *const a[] = { "a", NULL }, *const x[] = { "x", NULL };
	char *edited = strdup("[a.b]\nb = 1\n\n[a]\n\n[x]\ny = 1\n");
	struct error err;

	(void)state;
	assert_non_null(edited);
	assert_int_equal(toml_remove_empty("x.toml", &edited, x, &err), 0);
	assert_int_equal(toml_remove_empty("x.toml", &edited, a, &err), 0);
	assert_string_equal(edited, "[a.b]\nb = 1\n\n[x]\ny = 1\n");
	free(edited);
}

static void test_forms_to_which_nothing_is_added(void **state)
{
	static const struct {
		const char *text, *expect;
	} rows[] = {
		{ "a = { x = 1 }\n",
		  "x.toml:1:1: krun cannot add to a table in this form; write it with a [header]" },
		{ "[a]\n\"b.c\".x = 1\n",
		  "x.toml:2:1: krun cannot add to a table in this form; write it with a [header]" },
		{ "[[a]]\nx = 1\n",
		  "x.toml:1:1: krun cannot add to a table in this form; write it with a [header]" },
		{ "[a.\"b.c\".d]\nx = 1\n",
		  "x.toml:1:1: this makes 'd' a table, and krun would set it to 1" },
		{ "[a.\"b.c\"]\nd.x = 1\n",
		  "x.toml:2:1: this makes 'd' a table, and krun would set it to 1" },
		{ "[a.\"b.c\"]\nd = { x = 1 }\n",
		  "x.toml:2:1: this makes 'd' a table, and krun would set it to 1" },
		{ "[[a.\"b.c\".d.x]]\n", "x.toml:1:1: this makes 'd' a table, and krun would set it to 1" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *edited = strdup(rows[i].text);
		struct error err;

		assert_non_null(edited);
		assert_int_equal(toml_set("x.toml", &edited, key, "1", &err), -EINVAL);
		assert_string_equal(err.text, rows[i].expect);
		assert_string_equal(edited, rows[i].text);
		free(edited);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_form),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_set_and_remove),
		cmocka_unit_test(test_replace),
		cmocka_unit_test(test_root_key),
		cmocka_unit_test(test_removing_a_table_with_those_below),
		cmocka_unit_test(test_removing_an_empty_table),
		cmocka_unit_test(test_forms_to_which_nothing_is_added),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
