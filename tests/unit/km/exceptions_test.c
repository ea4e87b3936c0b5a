/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "km/km.h"
#include "util/array.h"
#include "util/error.h"

/* sha256sum of "hello\n" and of "#!/bin/sh\n" */
#define HELLO "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
#define SCRIPT "a8076d3d28d21e02012b20eaf7dbf75409a6277134439025f282e368e3305abf"
#define WRONG "0000000000000000000000000000000000000000000000000000000000000000"

static char root[] = "/tmp/krun-unit-XXXXXX";
static int root_fd;

static void write_file(const char *name, const char *text, mode_t mode)
{
	int fd;

	unlinkat(root_fd, name, 0);
	fd = openat(root_fd, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

/* "PATH" of the program that runs without km, "-" for none, or "! error". */
static const char *find(const char *config, const char *name)
{
	static char out[4096];
	struct km_exception exception;
	struct error err = { 0 };
	int r;

	write_file("var/lib/krun/config", config, 0644);
	r = km_exception_find(root_fd, name, &exception, &err);
	if (r < 0) {
		snprintf(out, sizeof(out), "! %s", err.text);
	} else if (exception.fd < 0) {
		snprintf(out, sizeof(out), "-");
	} else {
		char text[16] = "";

		assert_int_equal(pread(exception.fd, text, sizeof(text) - 1, 0), 6);
		assert_string_equal(text, "hello\n");
		assert_int_equal(write(exception.fd, "x", 1), -1);
		assert_int_equal(ftruncate(exception.fd, 0), -1);
		snprintf(out, sizeof(out), "%s", exception.path);
	}
	km_exception_done(&exception);
	return out;
}

static void test_which_entry_holds(void **state)
{
	static const struct {
		const char *config, *name, *expect;
	} rows[] = {
		{ "", "sh", "-" },
		{ "# nothing\n\n", "sh", "-" },
		{ "sh:/bin/a:" HELLO "\n", "sh", "/bin/a" },
		{ "sh:/bin/a:" HELLO, "sh", "/bin/a" },
		{ "sh:/bin/a:" HELLO "\r\n", "sh", "/bin/a" },
		{ "  sh:/bin/a:" HELLO "\n", "sh", "/bin/a" },
		{ "sh:/bin/a:5891B5B522D5DF086D0FF0B110FBD9D21BB4FC7163AF34D08286A2E846F6BE03\n", "sh",
		  "/bin/a" },
		{ "sh:/bin/a:" HELLO "\n", "/bin/sh", "-" },
		{ "sh:/bin/a:" HELLO "\n", "shell", "-" },
		{ "(/bin/)?(ba)?sh:/bin/a:" HELLO "\n", "/bin/bash", "/bin/a" },
		{ "a|b:/bin/a:" HELLO "\n", "xb", "-" },
		{ "x:/bin/b:" WRONG "\nsh:/bin/a:" HELLO "\nsh:/bin/b:" WRONG "\n", "sh", "/bin/a" },
		{ "[[:alpha:]]+:/bin/a:" HELLO "\n", "sh", "/bin/a" },
		{ "sh:/bin/a:" WRONG "\n", "sh", "! approved program '/bin/a' has changed" },
		{ "sh:/bin/none:" HELLO "\n", "sh", "! approved program '/bin/none'" },
		{ "sh:/bin:" HELLO "\n", "sh", "! approved program '/bin' is not a regular file" },
		{ "sh:/bin/script:" SCRIPT "\n", "sh", "! approved program '/bin/script' is a script" },
		{ "sh:bin/a:" HELLO "\n", "sh", "! '/var/lib/krun/config' line 1" },
		{ "sh:/bin/a:" HELLO "00\n", "sh", "! '/var/lib/krun/config' line 1" },
		{ "sh:/bin/a\n", "sh", "! '/var/lib/krun/config' line 1" },
		{ ":/bin/a:" HELLO "\n", "sh", "! '/var/lib/krun/config' line 1" },
		{ "(:/bin/a:" HELLO "\n", "sh", "! '/var/lib/krun/config' line 1" },
		{ "sh:/bin/a:" HELLO "\nnonsense\n", "sh", "! '/var/lib/krun/config' line 2" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *got = find(rows[i].config, rows[i].name);

		if (strncmp(got, rows[i].expect, strlen(rows[i].expect)) != 0)
			fail_msg("'%s' for '%s': '%s', expected '%s'", rows[i].config, rows[i].name, got,
				 rows[i].expect);
	}
}

static void test_file_that_others_may_write(void **state)
{
	struct km_exception exception;
	struct error err = { 0 };

	(void)state;
	write_file("var/lib/krun/config", "", 0664);
	assert_true(km_exception_find(root_fd, "sh", &exception, &err) < 0);
	assert_non_null(strstr(err.text, "written by others"));
	write_file("var/lib/krun/config", "", 0646);
	assert_true(km_exception_find(root_fd, "sh", &exception, &err) < 0);
}

static void test_thousands_of_entries_and_no_file(void **state)
{
	const size_t entries = 5000, size = 100;
	char *text = malloc(entries * size + 200);
	struct km_exception exception;
	struct error err = { 0 };
	size_t len = 0;

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < entries; i++)
		len += (size_t)sprintf(text + len, "p%zu:/bin/b:" WRONG "\n", i);
	sprintf(text + len, "sh:/bin/a:" HELLO "\n");
	assert_string_equal(find(text, "sh"), "/bin/a");
	free(text);
	unlinkat(root_fd, "var/lib/krun/config", 0);
	assert_int_equal(km_exception_find(root_fd, "sh", &exception, &err), 0);
	assert_int_equal(exception.fd, -1);
}

int main(void)
{
	static const char *const folders[] = { "var", "var/lib", "var/lib/krun", "bin" };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_which_entry_holds),
		cmocka_unit_test(test_file_that_others_may_write),
		cmocka_unit_test(test_thousands_of_entries_and_no_file),
	};
	int failed;

	if (!mkdtemp(root))
		return 1;
	root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < ARRAY_LEN(folders); i++)
		if (mkdirat(root_fd, folders[i], 0755) < 0)
			return 1;
	write_file("bin/a", "hello\n", 0755);
	write_file("bin/script", "#!/bin/sh\n", 0755);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlinkat(root_fd, "bin/a", 0);
	unlinkat(root_fd, "bin/script", 0);
	for (size_t i = ARRAY_LEN(folders); i-- > 0;)
		unlinkat(root_fd, folders[i], AT_REMOVEDIR);
	return rmdir(root) < 0 && !failed ? 1 : failed;
}
