/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/array.h"
#include "util/screen.h"

/* NULL: the variable is not set. */
static void set(const char *name, const char *value)
{
	if (value)
		setenv(name, value, 1);
	else
		unsetenv(name);
}

static void test_terminals_and_variables(void **state)
{
	static const struct {
		const char *term, *no_color;
		bool draws, colours;
	} cases[] = {
		{ "xterm", NULL, true, true }, { "xterm", "", true, true },    { "xterm", "1", true, false },
		{ "xterm", "0", true, false }, { "dumb", NULL, false, false }, { "", NULL, false, false },
		{ NULL, NULL, false, false },
	};
	const int terminal = posix_openpt(O_RDWR | O_NOCTTY), file = open("/dev/null", O_WRONLY);

	(void)state;
	assert_true(terminal >= 0 && file >= 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		set("TERM", cases[i].term);
		set("NO_COLOR", cases[i].no_color);
		assert_int_equal(screen_can_draw(terminal), cases[i].draws);
		assert_string_equal(screen_colour(terminal, COLOUR_YELLOW),
				    cases[i].colours ? "\033[33m" : "");
		assert_string_equal(screen_plain(terminal), cases[i].colours ? "\033[m" : "");
		assert_false(screen_can_draw(file));
		assert_string_equal(screen_colour(file, COLOUR_RED), "");
		assert_string_equal(screen_plain(file), "");
	}
	close(terminal);
	close(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_terminals_and_variables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
