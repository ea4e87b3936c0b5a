/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "criu/log.h"

static void test_lines(void **state)
{
	(void)state;
	assert_string_equal(criu_log_message("(00.16) Error (criu/files-reg.c:1790): Can't lookup mount=27"),
			    "Can't lookup mount=27");
	assert_string_equal(criu_log_message("(00.16)      1: Error (criu/tty.c:10): tty: none"),
			    "tty: none");
	assert_string_equal(criu_log_message("Error (a.c:1): early"), "early");
	assert_null(criu_log_message("(00.16) Warn  (criu/x.c:1): not this"));
	assert_null(criu_log_message("(00.04) Error (criu/util.c:1534): rlimit: Can't setup RLIMIT_NOFILE"));
	assert_null(criu_log_message("(00.21) Error (criu/cr-dump.c:2128): Dumping FAILED."));
	assert_null(criu_log_message("(00.21) file nameError (x): y"));
	assert_null(criu_log_message("Error: ipv4: Address already assigned."));
	assert_null(criu_log_message("(00.21) Error (criu/x.c:1): \n"));
	assert_null(criu_log_message(""));
}

static void test_excerpt_of_text(void **state)
{
	char log[] = "Warn  (a.c:1): w\nError (a.c:2): one.\nError (a.c:3): \033[2Jtwo\nError (a.c:4): "
		     "Restoring FAILED.\n";
	char none[] = "nothing at all\n", cut[] = "Error (a.c:1): one\nError (a.c:2): tw", text[64], tiny[8];

	(void)state;
	criu_log_excerpt_text(log, text, sizeof(text));
	assert_string_equal(text, "one; ?[2Jtwo");
	criu_log_excerpt_text(none, text, sizeof(text));
	assert_string_equal(text, "");
	criu_log_excerpt_text(cut, text, sizeof(text));
	assert_string_equal(text, "one");
	char again[] = "Error (a.c:2): abcdefghijkl\nError (a.c:2): mno\n";

	criu_log_excerpt_text(again, tiny, sizeof(tiny));
	assert_string_equal(tiny, "abcdefg");
}

static void test_excerpt_of_file(void **state)
{
	char top[] = "/tmp/krun-unit-XXXXXX", path[64], text[256];
	FILE *file;
	int dir_fd;

	(void)state;
	assert_non_null(mkdtemp(top));
	dir_fd = open(top, O_RDONLY | O_DIRECTORY);
	criu_log_excerpt(dir_fd, "dump.log", text, sizeof(text));
	assert_string_equal(text, "");
	snprintf(path, sizeof(path), "%s/dump.log", top);
	file = fopen(path, "w");
	for (int i = 0; i < 6; i++)
		fprintf(file, "(00.0%d) Error (a.c:%d): cause %d\n", i, i, i);
	fclose(file);
	criu_log_excerpt(dir_fd, "dump.log", text, sizeof(text));
	/* The first errors are the cause, later ones are consequences. */
	assert_string_equal(text, "cause 0; cause 1; cause 2; cause 3");
	/* The length of a line is limited, and the rest of the line is not a message. */
	file = fopen(path, "w");
	for (int i = 0; i < 100000; i++)
		fprintf(file, "Error (a.c:1): long ");
	fprintf(file, "\nError (a.c:2): short\n");
	fclose(file);
	criu_log_excerpt(dir_fd, "dump.log", text, sizeof(text));
	assert_true(strlen(text) == sizeof(text) - 1);
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	criu_log_excerpt(dir_fd, "dump.log", text, sizeof(text));
	assert_string_equal(text, "");
	unlink(path);
	close(dir_fd);
	rmdir(top);
	close(dir_fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_excerpt_of_text),
		cmocka_unit_test(test_excerpt_of_file),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
