/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <stdlib.h>

#include "ns/idmap.h"
#include "spec/spec.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_idmap_to_host),
		cmocka_unit_test(test_idmap_text_is_one_line_a_mapping),
		cmocka_unit_test(test_idmap_has_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
