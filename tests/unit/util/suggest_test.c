/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <string.h>

#include "util/array.h"
#include "util/suggest.h"

static const char *meant(const char *word)
{
	static const char *const words[] = { "create",	 "start",	"state", "prestart",
					     "readonly", "memory-swap", "rm",	 "update" };
	struct suggestion suggestion = suggest_for(word, strlen(word));

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		suggest_consider(&suggestion, words[i]);
	return suggestion.best ? suggestion.best : "";
}

static void test_what_is_near(void **state)
{
	(void)state;
	assert_string_equal(meant("crate"), "create");
	assert_string_equal(meant("creeate"), "create");
	assert_string_equal(meant("craete"), "create");
	assert_string_equal(meant("strat"), "start");
	assert_string_equal(meant("statte"), "state");
	assert_string_equal(meant("preStart"), "prestart");
	assert_string_equal(meant("read-only"), "readonly");
	assert_string_equal(meant("memory_swap"), "memory-swap");
	assert_string_equal(meant("mr"), "rm");
}

static void test_what_is_far(void **state)
{
	(void)state;
	assert_string_equal(meant(""), "");
	assert_string_equal(meant("frobnicate"), "");
	assert_string_equal(meant("x"), "");
	assert_string_equal(meant("delete-all-of-it-and-more-than-forty-letters"), "");
}

/* The word need not end where its text does. */
static void test_a_part_of_a_text(void **state)
{
	struct suggestion suggestion = suggest_for("updat=5", 5);

	(void)state;
	suggest_consider(&suggestion, "update");
	assert_string_equal(suggestion.best, "update");
	assert_int_equal(suggestion.distance, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_near),
		cmocka_unit_test(test_what_is_far),
		cmocka_unit_test(test_a_part_of_a_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
