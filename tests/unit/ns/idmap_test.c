/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <stdlib.h>

#include "ns/idmap.h"
#include "spec/spec.h"
#include "util/array.h"

static void test_idmap_text_is_one_line_a_mapping(void **state)
{
	static const struct spec_id_mapping mappings[] = { { 0, 1000, 1 }, { 1, 4294967294, 65536 } };
	char *text = idmap_text(mappings, 2);

	(void)state;
	assert_string_equal(text, "0 1000 1\n1 4294967294 65536\n");
	free(text);
	text = idmap_text(NULL, 0);
	assert_string_equal(text, "");
	free(text);
}

static void test_idmap_has_root(void **state)
{
	static const struct spec_id_mapping with[] = { { 5, 1000, 1 }, { 0, 2000, 1 } };
	static const struct spec_id_mapping without[] = { { 1, 0, 10 }, { 0, 2000, 0 } };

	(void)state;
	assert_true(idmap_has_root(with, 2));
	assert_false(idmap_has_root(without, 2));
}

static void test_idmap_to_host(void **state)
{
	const struct spec_id_mapping mappings[] = { { 0, 1000, 1 }, { 1, 100000, 65535 } };
	uint32_t id;

	(void)state;
	assert_true(idmap_to_host(mappings, 2, 0, &id));
	assert_int_equal(id, 1000);
	assert_true(idmap_to_host(mappings, 2, 65535, &id));
	assert_int_equal(id, 165534);
	assert_false(idmap_to_host(mappings, 2, 65536, &id));
	assert_true(idmap_to_host(NULL, 0, 7, &id));
	assert_int_equal(id, 7);
}

static void test_ids_in_a_map_file(void **state)
{
	static const char text[] = "         0     100000      65536\n     70000       5000          1\n";
	static const struct {
		uint32_t id, expect;
		bool found;
	} rows[] = {
		{ 0, 100000, true },   { 65535, 165535, true }, { 65536, 0, false },
		{ 70000, 5000, true }, { 70001, 0, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint32_t got = 0;

		assert_int_equal(idmap_find(text, rows[i].id, &got), rows[i].found);
		assert_int_equal(got, rows[i].expect);
	}
	assert_false(idmap_find("", 0, &(uint32_t){ 0 }));
	assert_true(idmap_find("0 0 4294967295", 4294967294u, &(uint32_t){ 0 }));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ids_in_a_map_file),
		cmocka_unit_test(test_idmap_to_host),
		cmocka_unit_test(test_idmap_text_is_one_line_a_mapping),
		cmocka_unit_test(test_idmap_has_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
