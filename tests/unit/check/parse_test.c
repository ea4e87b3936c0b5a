/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <stdlib.h>
#include <string.h>

#include "check/internal.h"
#include "util/array.h"
#include "util/cleanup.h"

static void test_releases(void **state)
{
	(void)state;
	assert_true(check_release_is("5.14.0-427.el9.x86_64", 5, 14));
	assert_true(check_release_is("6.1.0-13-amd64", 5, 14));
	assert_true(check_release_is("10.0", 5, 14));
	assert_false(check_release_is("5.13.19", 5, 14));
	assert_false(check_release_is("4.18.0", 5, 14));
	assert_false(check_release_is("", 5, 14));
	assert_false(check_release_is("rolling", 5, 14));
}

static void test_flags_of_the_processor(void **state)
{
	static const char text[] = "processor\t: 0\nflags\t\t: fpu vmxnet svm hypervisor\nbugs\t: vmx\n"
				   "processor\t: 1\nflags\t\t: vmx\n";

	(void)state;
	assert_true(check_has_flag(text, "fpu"));
	assert_true(check_has_flag(text, "svm"));
	assert_true(check_has_flag(text, "hypervisor"));
	assert_false(check_has_flag(text, "vmx"));
	assert_false(check_has_flag(text, "hyper"));
	assert_false(check_has_flag("flags\t\t:", "vmx"));
	assert_true(check_has_flag("flags\t\t: vmx", "vmx"));
	assert_false(check_has_flag("", "vmx"));
}

static void test_ranges_of_ids(void **state)
{
	static const char text[] =
		"root:1:5\nalice:100000:65536\n1000:300000:1000\nalice:x\n:::\nbob:1:many\n";

	(void)state;
	assert_int_equal(check_sub_ids(text, 1000, "alice"), 66536);
	assert_int_equal(check_sub_ids(text, 1000, NULL), 1000);
	assert_int_equal(check_sub_ids(text, 1001, "bob"), 0);
	assert_int_equal(check_sub_ids(text, 1001, "carol"), 0);
	assert_int_equal(check_sub_ids("alice:1:7", 5, "alice"), 7);
	assert_int_equal(check_sub_ids("", 1000, "alice"), 0);
}

static void test_parts_of_lists(void **state)
{
	(void)state;
	assert_true(check_list_has("cpu memory pids", ' ', "cpu"));
	assert_true(check_list_has("cpu memory pids", ' ', "pids"));
	assert_true(check_list_has("lockdown,selinux", ',', "selinux"));
	assert_false(check_list_has("cpuset memory", ' ', "cpu"));
	assert_false(check_list_has("lockdown,selinux", ',', "linux"));
	assert_false(check_list_has("cpu,memory", ' ', "cpu"));
	assert_false(check_list_has("", ' ', "cpu"));
}

static void test_paths_in_configurations(void **state)
{
	static const struct {
		const char *text, *paths;
	} rows[] = {
		{ "{\"runtimes\": {\"krun\": {\"path\": \"/usr/bin/krun\"}}}", "/usr/bin/krun " },
		{ "[engine.runtimes]\nkrun = [\"/a/krun\", \"/b/krun-plain\"]\n", "/a/krun /b/krun-plain " },
		{ "# BinaryName = \"/usr/bin/krun\"\n", "" },
		{ "BinaryName = \"/x/krun\" # \"/y/krun\"\nruntime_path = \"/z/krun\"", "/x/krun /z/krun " },
		{ "name = \"krun\"\npath = \"/usr/bin/crun\"\nother = \"/krun/runc\"", "" },
		{ "\"a\\\"/b/krun\" \"/c/krun\"", "/c/krun " },
		{ "\"/open/krun\n\"/d/krun\"", "/open/krun /d/krun " },
		{ "\"", "" },
		{ "\"\\", "" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct strv found = { 0 };
		char joined[256] = "";

		assert_int_equal(check_paths_in(rows[i].text, &found), 0);
		for (size_t j = 0; j < found.len; j++)
			strcat(strcat(joined, found.items[j]), " ");
		assert_string_equal(joined, rows[i].paths);
		strv_done(&found);
	}
}

static void test_words_of_programs(void **state)
{
	char version[] =
		"01:27:56.85 show_version  128  km      Kontain Monitor version 0.1-beta\nBranch: x\n";
	char plain[] = "kmsim 1\nmore\n", nothing[] = "", lines[] = "one\ntwo\n\n", newline[] = "\n";

	(void)state;
	assert_string_equal(check_version_of(version), "Kontain Monitor version 0.1-beta");
	assert_string_equal(check_version_of(plain), "kmsim 1");
	assert_string_equal(check_version_of(nothing), "(no version)");
	assert_string_equal(check_last_line(lines), "two");
	assert_string_equal(check_last_line(newline), "(none)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_releases),
		cmocka_unit_test(test_flags_of_the_processor),
		cmocka_unit_test(test_ranges_of_ids),
		cmocka_unit_test(test_parts_of_lists),
		cmocka_unit_test(test_paths_in_configurations),
		cmocka_unit_test(test_words_of_programs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
