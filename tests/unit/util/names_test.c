/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <errno.h>
#include <signal.h>

#include "util/names.h"

/* Those for other C libraries, beside the ones of this build. */
#define errno_text other_errno_text
#define errno_name other_errno_name
#define signal_name other_signal_name
const char *errno_text(int code);
const char *errno_name(int code);
const char *signal_name(int signo);
#include "util/names_other.c"
#undef errno_text
#undef errno_name
#undef signal_name

/* Engines look for these texts in what krun says. */
static const struct {
	int code;
	const char *text;
} texts[] = {
	{ ENOENT, "No such file or directory" }, { EACCES, "Permission denied" },
	{ ENOTDIR, "Not a directory" },		 { EISDIR, "Is a directory" },
	{ ENOEXEC, "Exec format error" },
};

static void test_texts_that_engines_look_for(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_string_equal(errno_text(texts[i].code), texts[i].text);
		assert_string_equal(other_errno_text(texts[i].code), texts[i].text);
	}
}

static void test_an_unknown_errno_has_no_text(void **state)
{
	(void)state;
	assert_null(errno_text(4000));
}

static void test_names_of_errors(void **state)
{
	(void)state;
#ifdef __GLIBC__
	assert_string_equal(errno_name(ENOENT), "ENOENT");
	assert_string_equal(errno_name(4000), "unknown errno");
#endif
	assert_string_equal(other_errno_name(ENOENT), "errno 2");
}

static void test_every_signal_has_the_same_name(void **state)
{
	(void)state;
	for (int signo = 1; signo <= SIGSYS; signo++) {
		assert_non_null(signal_name(signo));
		assert_string_equal(other_signal_name(signo), signal_name(signo));
	}
	assert_string_equal(signal_name(SIGTERM), "TERM");
	for (int signo = SIGRTMIN; signo <= SIGRTMAX; signo++) {
		assert_null(signal_name(signo));
		assert_null(other_signal_name(signo));
	}
	assert_null(other_signal_name(0));
	assert_null(other_signal_name(-1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts_that_engines_look_for),
		cmocka_unit_test(test_an_unknown_errno_has_no_text),
		cmocka_unit_test(test_names_of_errors),
		cmocka_unit_test(test_every_signal_has_the_same_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
