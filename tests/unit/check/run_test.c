/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "check/internal.h"

static int sh(const char *script, int limit_ms, char words[CHECK_WORDS_MAX])
{
	char *const argv[] = { (char[]){ "/bin/sh" }, (char[]){ "-c" }, (char *)(uintptr_t)script, NULL };

	return check_run(argv, limit_ms, words);
}

static void test_ends_of_programs(void **state)
{
	char *const none[] = { (char[]){ "/no/such/program" }, NULL };
	char words[CHECK_WORDS_MAX];

	(void)state;
	assert_int_equal(sh("echo out; echo err >&2; exit 3", 60000, words), 3);
	assert_string_equal(words, "out\nerr");
	assert_int_equal(sh("kill -SEGV $$", 60000, words), 128 + SIGSEGV);
	assert_string_equal(words, "");
	assert_int_equal(check_run(none, 60000, words), 126);
	/* A program that hangs is killed, and what it said is kept. */
	assert_int_equal(sh("echo begun; exec sleep 1000", 300, words), -ETIME);
	assert_string_equal(words, "begun");
}

static void test_what_a_program_gets(void **state)
{
	char words[CHECK_WORDS_MAX];

	(void)state;
	/* No environment but the shell's own, no input, and few descriptors, as km needs it. */
	assert_int_equal(sh("echo ${HOME:-none}; read x; ulimit -n", 60000, words), 0);
	assert_string_equal(words, "none\n1024");
	/* Nothing that it prints controls a terminal. */
	assert_int_equal(sh("printf '\\033[2J\\n'", 60000, words), 0);
	assert_string_equal(words, "\\x1b[2J");
}

static void test_much_output_is_cut(void **state)
{
	char words[CHECK_WORDS_MAX];

	(void)state;
	assert_int_equal(sh("head -c 1000000 /dev/zero | tr '\\0' x", 60000, words), 0);
	assert_in_range(strlen(words), 100, CHECK_WORDS_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ends_of_programs),
		cmocka_unit_test(test_what_a_program_gets),
		cmocka_unit_test(test_much_output_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
