/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/io.h"
#include "util/title.h"

static char **words;
static char *program;

/* Reads what /proc shows to everybody. Returns its size. */
static ssize_t look(const char *name, char *text, size_t size)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

	if (fd >= 0)
		close(fd);
	if (n >= 0)
		text[n] = '\0';
	return n;
}

static bool contains(const char *text, ssize_t n, const char *word)
{
	return memmem(text, (size_t)n, word, strlen(word));
}

static int hide(void)
{
	char text[65536];
	ssize_t n;

	n = look("/proc/self/environ", text, sizeof(text));
	if (n < 0 || !contains(text, n, "KRUN_TITLE_TEST=secret"))
		return 1;
	n = look("/proc/self/cmdline", text, sizeof(text));
	if (n < 0 || !contains(text, n, "/path/of/the/host"))
		return 2;
	title_hide("krun-init");
	n = look("/proc/self/cmdline", text, sizeof(text));
	if (n < 0 || strcmp(text, "krun-init") != 0 || contains(text, n, "host"))
		return 3;
	n = look("/proc/self/environ", text, sizeof(text));
	if (n < 0 || contains(text, n, "secret") || contains(text, n, "="))
		return 4;
	if (getenv("KRUN_TITLE_TEST") || environ[0])
		return 5;
	/* The copy is unchanged. */
	return strcmp(words[1], "/path/of/the/host") != 0;
}

static void test_words_and_environment_are_overwritten(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	skip_if_emulated("environment of its own in /proc");
	pid = fork();
	if (pid == 0)
		_exit(hide());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Executes itself with arguments and a variable of the test, so that the kernel stores them. */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words_and_environment_are_overwritten),
	};

	program = argv[0];
	if (argc < 2 && !getenv("KRUN_EMULATED")) {
		setenv("KRUN_TITLE_TEST", "secret", 1);
		execl("/proc/self/exe", program, "/path/of/the/host", (char *)NULL);
		return 1;
	}
	words = title_take(argc, argv);
	return words ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
