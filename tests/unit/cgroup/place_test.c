/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup/cgroup.h"
#include "util/array.h"
#include "util/error.h"

static void test_path_of_a_request(void **state)
{
	static const struct {
		const char *asked, *path, *error;
	} rows[] = {
		{ NULL, "/krun-box", NULL },
		{ "/docker/abc", "/docker/abc", NULL },
		{ "relative/x", "/relative/x", NULL },
		{ "//a///b/", "/a/b", NULL },
		{ "/a/..b/...", "/a/..b/...", NULL },
		{ "/", NULL, "is the root cgroup" },
		{ "//", NULL, "is the root cgroup" },
		{ "/a/../b", NULL, "'.' or '..'" },
		{ "..", NULL, "'.' or '..'" },
		{ "a/.", NULL, "'.' or '..'" },
		{ "system.slice:docker:abc", NULL, "--systemd-cgroup" },
		{ "::abc", NULL, "--systemd-cgroup" },
		{ "/a:b:c", "/a:b:c", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct cgroup_request request = { .id = "box", .spec_path = rows[i].asked };
		struct error err = { 0 };
		struct cgroup_place place = { 0 };
		char *slice;
		int r = cgroup_place_make(&request, &place, &slice, &err);

		if (rows[i].error) {
			assert_true(r < 0);
			if (!strstr(err.text, rows[i].error))
				fail_msg("%s: '%s'", rows[i].asked, err.text);
		} else {
			assert_int_equal(r, 0);
			assert_string_equal(place.path, rows[i].path);
			assert_null(place.unit);
			assert_null(slice);
		}
		cgroup_place_done(&place);
	}
}

/* The name of a cgroup has 255 bytes at most, as an id has. */
static void test_long_ids(void **state)
{
	static const size_t lens[] = { 250, 251, 255 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
		char id[256], expected[300];
		const struct cgroup_request request = { .id = id };
		struct cgroup_place place = { 0 };
		struct error err = { 0 };

		memset(id, 'x', lens[i]);
		id[lens[i]] = '\0';
		snprintf(expected, sizeof(expected), "/%s%s", lens[i] <= 250 ? "krun-" : "", id);
		assert_int_equal(cgroup_place_make(&request, &place, NULL, &err), 0);
		assert_string_equal(place.path, expected);
		assert_null(cgroup_name_trouble(place.path));
		cgroup_place_done(&place);
	}
}

static void test_manager_words(void **state)
{
	static const enum cgroup_manager managers[] = { CGROUP_CGROUPFS, CGROUP_SYSTEMD, CGROUP_DISABLED };
	enum cgroup_manager manager;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(managers); i++) {
		assert_int_equal(cgroup_manager_parse(cgroup_manager_name(managers[i]), &manager), 0);
		assert_int_equal(manager, managers[i]);
	}
	assert_true(cgroup_manager_parse("systemdd", &manager) < 0);
	assert_true(cgroup_manager_parse("", &manager) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_path_of_a_request),
		cmocka_unit_test(test_long_ids),
		cmocka_unit_test(test_manager_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
