/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "km/exceptions.h"
#include "km/km.h"
#include "util/array.h"
#include "util/error.h"

/* sha256sum of "\177ELFhello\n", of "#!/bin/sh\n", and of "text\n" */
#define PROGRAM   \
	"\177ELF" \
	"hello\n"
#define HELLO "7a16d7522b4be33268b48c550ff2e253862d53785a6c6a993242f9b8becd5de0"
#define SCRIPT "a8076d3d28d21e02012b20eaf7dbf75409a6277134439025f282e368e3305abf"
#define TEXT "b9e68e1bea3e5b19ca6b2f98b73a54b73daafaa250484902e09982e07a12e733"
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

/* Processor time, not that of the clock: other programs may keep the processors busy. */
static double seconds(void)
{
	static const int whose[] = { RUSAGE_SELF, RUSAGE_CHILDREN };
	double sum = 0;

	for (size_t i = 0; i < ARRAY_LEN(whose); i++) {
		struct rusage used;

		assert_int_equal(getrusage(whose[i], &used), 0);
		sum += (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec);
		sum += (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
	}
	return sum;
}

/* Returns the path of the program that runs without km, "-" if there is none, or "! ERROR". */
static const char *find(const char *config, const char *name)
{
	static char out[4096];
	struct km_exception exception;
	struct error err = { 0 };
	int r;

	write_file("var/lib/krun/config", config, 0644);
	r = km_exception_find(root_fd, getuid(), NULL, name, &exception, &err);
	if (r < 0) {
		snprintf(out, sizeof(out), "! %s", err.text);
	} else if (exception.fd < 0) {
		snprintf(out, sizeof(out), "-");
	} else {
		char text[16] = "";

		assert_int_equal(pread(exception.fd, text, sizeof(text) - 1, 0), 10);
		assert_string_equal(text, PROGRAM);
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
		{ "sh:/bin/a:7A16D7522B4BE33268B48C550FF2E253862D53785A6C6A993242F9B8BECD5DE0\n", "sh",
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
		{ "sh:/bin/text:" TEXT "\n", "sh", "! approved program '/bin/text' is not an ELF program" },
		{ "sh:/bin/a:" HELLO "\nsh:/bin/b:" WRONG "\n", "sh", "/bin/a" },
		{ "sh:/bin/b:" WRONG "\nsh:/bin/a:" HELLO "\n", "sh", "! approved program '/bin/b'" },
		{ "\r\n\r\n# x\r\ns.:/bin/a:" HELLO "\r\n", "sh", "/bin/a" },
		{ "sh:/bin/a:" HELLO "\r\r\n", "sh", "! '/var/lib/krun/config' line 1: its SHA-256" },
		{ "(a)\\1:/bin/a:" HELLO "\n", "aa",
		  "! '/var/lib/krun/config' line 1: not a regular expression" },
		{ "a\\\\1:/bin/a:" HELLO "\n", "a\\1", "/bin/a" },
		{ "a)|(b:/bin/a:" HELLO "\n", "abc",
		  "! '/var/lib/krun/config' line 1: not a regular expression" },
		{ "a|ab|abc:/bin/a:" HELLO "\n", "abc", "/bin/a" },
		{ "a|ab|abc:/bin/a:" HELLO "\n", "xabc", "-" },
		{ "(a|ab)(c|bcd)?:/bin/a:" HELLO "\n", "abcd", "/bin/a" },
		{ "^sh$:/bin/a:" HELLO "\n", "sh", "/bin/a" },
		{ "a\\:/bin/a:" HELLO "\n", "a",
		  "! '/var/lib/krun/config' line 1: not a regular expression" },
		{ ".*:/bin/a:" HELLO "\n", "two\nlines", "/bin/a" },
		{ "a\\.b:/bin/a:" HELLO "\n", "a.b", "/bin/a" },
		{ "a\\.b:/bin/a:" HELLO "\n", "axb", "-" },
		{ "[:/bin/a:" HELLO "\nsh:/bin/a:" HELLO "\n", "sh",
		  "! '/var/lib/krun/config' line 1: not a regular expression" },
		{ "sh:bin/a:" HELLO "\n", "sh", "! '/var/lib/krun/config' line 1" },
		{ "sh:/bin/a:" HELLO "00\n", "sh", "! '/var/lib/krun/config' line 1" },
		{ "sh:/bin/a\n", "sh", "! '/var/lib/krun/config' line 1" },
		{ ":/bin/a:" HELLO "\n", "sh", "! '/var/lib/krun/config' line 1" },
		{ "(:/bin/a:" HELLO "\n", "sh", "! '/var/lib/krun/config' line 1" },
		{ "sh:/bin/a:" HELLO "\nnonsense\n", "sh", "! '/var/lib/krun/config' line 2" },
	};

	(void)state;
	skip_if_emulated("clone3(2), which makes a process for the matcher");
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
	assert_true(km_exception_find(root_fd, getuid(), NULL, "sh", &exception, &err) < 0);
	assert_non_null(strstr(err.text, "written by others"));
	write_file("var/lib/krun/config", "", 0646);
	assert_true(km_exception_find(root_fd, getuid(), NULL, "sh", &exception, &err) < 0);
}

static void test_file_that_is_none(void **state)
{
	struct km_exception exception;
	struct error err = { 0 };

	(void)state;
	unlinkat(root_fd, "var/lib/krun/config", 0);
	assert_int_equal(mkfifoat(root_fd, "var/lib/krun/config", 0600), 0);
	assert_int_equal(km_exception_find(root_fd, getuid(), NULL, "sh", &exception, &err), -EINVAL);
	assert_non_null(strstr(err.text, "is not a regular file"));
	unlinkat(root_fd, "var/lib/krun/config", 0);
	/* What cannot be looked up is not taken for no list. */
	assert_int_equal(symlinkat("config", root_fd, "var/lib/krun/config"), 0);
	assert_int_equal(km_exception_find(root_fd, getuid(), NULL, "sh", &exception, &err), -ELOOP);
	unlinkat(root_fd, "var/lib/krun/config", 0);
	/* Nobody but root and the container's root may own it. */
	write_file("var/lib/krun/config", "", 0644);
	if (geteuid() == 0 && fchownat(root_fd, "var/lib/krun/config", 1, 1, 0) == 0) {
		assert_int_equal(km_exception_find(root_fd, 2, NULL, "sh", &exception, &err), -EINVAL);
		assert_int_equal(km_exception_find(root_fd, 1, NULL, "sh", &exception, &err), 0);
	}
	unlinkat(root_fd, "var/lib/krun/config", 0);
}

static void test_thousands_of_entries_and_no_file(void **state)
{
	const size_t entries = 5000, size = 100;
	double start;
	char *text = malloc(entries * size + 200);
	struct km_exception exception;
	struct error err = { 0 };
	size_t len = 0;

	(void)state;
	skip_if_emulated("clone3(2), which makes a process for the matcher");
	assert_non_null(text);
	for (size_t i = 0; i < entries; i++)
		len += (size_t)sprintf(text + len, "p%zu%s:/bin/b:" WRONG "\n", i, i % 2 ? "" : ".*");
	sprintf(text + len, "sh:/bin/a:" HELLO "\n");
	start = seconds();
	assert_string_equal(find(text, "sh"), "/bin/a");
	assert_true(seconds() - start < 2);
	free(text);
	unlinkat(root_fd, "var/lib/krun/config", 0);
	assert_int_equal(km_exception_find(root_fd, getuid(), NULL, "sh", &exception, &err), 0);
	assert_int_equal(exception.fd, -1);
}

static char *repeat(const char *text, size_t times, const char *rest)
{
	size_t len = strlen(text);
	char *all = malloc(len * times + strlen(rest) + 1);

	assert_non_null(all);
	for (size_t i = 0; i < times; i++)
		memcpy(all + i * len, text, len);
	strcpy(all + len * times, rest);
	return all;
}

static void test_long_lines(void **state)
{
	char *text = repeat("x", 256, ":/bin/a:" HELLO "\n"), *name = repeat("x", 256, "");

	(void)state;
	skip_if_emulated("clone3(2), which makes a process for the matcher");
	assert_string_equal(find(text, name), "/bin/a");
	free(text);
	text = repeat("x", 257, ":/bin/a:" HELLO "\n");
	assert_non_null(strstr(find(text, "sh"), "line 1: its regular expression is longer"));
	free(text);
	text = repeat("/long", 1000000, ":/bin/a:" HELLO "\n");
	assert_non_null(strstr(find(text, "sh"), "'/var/lib/krun/config'"));
	free(text);
	text = repeat("# comment of a line that does not end ", 100000, "\nsh:/bin/a:" HELLO "\n");
	assert_string_equal(find(text, "sh"), "/bin/a");
	free(text);
	free(name);
	/* A name that is too long for any program. */
	name = repeat("x", 5000, "");
	assert_string_equal(find("x*:/bin/a:" HELLO "\n", name), "-");
	free(name);
}

/*
 * With each level of these the time and memory that the matcher of GNU's libc takes double. That of musl may
 * know the answer in time.
 */
static void test_expressions_that_explode(void **state)
{
	static const char *const expressions[] = {
		"((((((((((((((((((((((((((((((a+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)"
		"+",
		"((((a{1,255}){1,255}){1,255}){1,255}){1,255}",
	};
	static const char too_much[] =
		"! '/var/lib/krun/config' line 2: its regular expression takes too much "
		"time or memory";
	char *name = repeat("a", 3000, "");

	(void)state;
	skip_if_emulated("clone3(2), which makes a process for the matcher");
	for (size_t i = 0; i < ARRAY_LEN(expressions); i++) {
		double start = seconds();
		char text[512];
		const char *got;

		snprintf(text, sizeof(text), "sh:/bin/b:" WRONG "\n%s:/bin/a:" HELLO "\n", expressions[i]);
		got = find(text, name);
#ifndef __GLIBC__
		if (strcmp(got, "/bin/a") == 0)
			got = too_much;
#endif
		if (strcmp(got, too_much) != 0)
			fail_msg("'%s': %s", expressions[i], got);
		assert_true(seconds() - start < 10);
	}
	free(name);
}

static void test_programs_that_are_not_copied(void **state)
{
	int proc_fd = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC), fd;
	struct km_exception exception;
	struct error err = { 0 };

	(void)state;
	/* Longer than its st_size, like a file that grows meanwhile. */
	assert_int_equal(km_exception_seal(proc_fd, "/status", &exception, &err), -EBUSY);
	assert_non_null(strstr(err.text, "being written"));
	assert_int_equal(exception.fd, -1);
	close(proc_fd);
	write_file("bin/huge", "\177ELF", 0755);
	fd = openat(root_fd, "bin/huge", O_WRONLY | O_CLOEXEC);
	assert_int_equal(ftruncate(fd, 1LL << 36), 0);
	close(fd);
	assert_int_equal(km_exception_seal(root_fd, "/bin/huge", &exception, &err), -EFBIG);
	unlinkat(root_fd, "bin/huge", 0);
	assert_int_equal(mkfifoat(root_fd, "bin/huge", 0666), 0);
	assert_int_equal(km_exception_seal(root_fd, "/bin/huge", &exception, &err), -EINVAL);
	unlinkat(root_fd, "bin/huge", 0);
	/* Symlinks are followed, but not out of the root. */
	assert_int_equal(symlinkat("../../../bin/a", root_fd, "bin/huge"), 0);
	assert_int_equal(km_exception_seal(root_fd, "/bin/huge", &exception, &err), 0);
	assert_string_equal(exception.sha256, HELLO);
	km_exception_done(&exception);
	unlinkat(root_fd, "bin/huge", 0);
}

static void test_policy_of_the_host(void **state)
{
	char file[] = "/tmp/krun-unit-list-XXXXXX";
	struct km_settings settings = { .exceptions = KM_EXCEPTIONS_DENY };
	struct km_exception exception;
	struct km_exceptions list;
	struct error err = { 0 };
	int fd = mkstemp(file);

	(void)state;
	write_file("var/lib/krun/config", "sh:/bin/a:" HELLO "\n", 0644);
	assert_int_equal(km_exception_find(root_fd, getuid(), &settings, "sh", &exception, &err), 0);
	assert_int_equal(exception.fd, -1);
	assert_int_equal(km_exceptions_load(root_fd, getuid(), &settings, &list, &err), -EPERM);
	settings = (struct km_settings){ .exceptions = KM_EXCEPTIONS_HOST, .exceptions_file = file };
	assert_int_equal(write(fd, "tool:/bin/a:" HELLO "\n", 12 + 64 + 1), 12 + 64 + 1);
	assert_int_equal(fchmod(fd, 0644), 0);
	close(fd);
	if (geteuid() != 0) {
		assert_true(km_exception_find(root_fd, getuid(), &settings, "tool", &exception, &err) < 0);
		assert_non_null(strstr(err.text, "by others than root"));
	} else {
		assert_int_equal(km_exception_find(root_fd, getuid(), &settings, "sh", &exception, &err), 0);
		assert_int_equal(exception.fd, -1);
		assert_int_equal(km_exception_find(root_fd, getuid(), &settings, "tool", &exception, &err),
				 0);
		assert_true(exception.fd >= 0);
		km_exception_done(&exception);
	}
	assert_int_equal(km_exceptions_add(root_fd, getuid(), &settings, "x", "/bin/a", false, &err), -EPERM);
	unlink(file);
	assert_int_equal(km_exception_find(root_fd, getuid(), &settings, "sh", &exception, &err), -ENOENT);
}

static const char *config_text(void)
{
	static char text[4096];
	int fd = openat(root_fd, "var/lib/krun/config", O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	assert_true(n >= 0);
	text[n] = '\0';
	close(fd);
	return text;
}

static void test_add(void **state)
{
	static const struct {
		const char *regex, *path, *error;
	} refused[] = {
		{ "", "/bin/a", "is empty" },	       { "(", "/bin/a", "not a regular expression" },
		{ "#x", "/bin/a", "is a comment" },    { " x", "/bin/a", "blank" },
		{ "x\ny", "/bin/a", "line end" },      { "x", "/bin/a:b", "colon" },
		{ "x", "bin/a", "absolute" },	       { "x", "/bin/none", "no such file" },
		{ "x", "/bin", "not a regular file" }, { "x", "/bin/script", "is a script" },
		{ "x", "/bin/text", "not an ELF" },    { "first", "/bin/a", "line 2 has 'first' already" },
	};
	struct error err = { 0 };
	struct stat st;

	(void)state;
	skip_if_emulated("clone3(2), which makes a process for the matcher");
	write_file("var/lib/krun/config", "# mine\nfirst:/bin/b:" WRONG "\nlast:/bin/b:" WRONG, 0600);
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		int r = km_exceptions_add(root_fd, getuid(), NULL, refused[i].regex, refused[i].path, false,
					  &err);

		if (r >= 0 || (!strstr(err.text, refused[i].error) && r != -ENOENT))
			fail_msg("'%s' '%s': %s", refused[i].regex, refused[i].path, r < 0 ? err.text : "ok");
	}
	assert_int_equal(km_exceptions_add(root_fd, getuid(), NULL, "a:b", "/bin/a", false, &err), 0);
	assert_string_equal(config_text(),
			    "# mine\nfirst:/bin/b:" WRONG "\nlast:/bin/b:" WRONG "\na:b:/bin/a:" HELLO "\n");
	assert_int_equal(km_exceptions_add(root_fd, getuid(), NULL, "first", "/bin/a", true, &err), 0);
	assert_string_equal(config_text(),
			    "# mine\nfirst:/bin/a:" HELLO "\nlast:/bin/b:" WRONG "\na:b:/bin/a:" HELLO "\n");
	assert_int_equal(km_exceptions_add(root_fd, getuid(), NULL, "last", "/bin/a", true, &err), 0);
	assert_int_equal(fstatat(root_fd, "var/lib/krun/config", &st, 0), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0644);
	/* The first entry makes the file and its directory. */
	unlinkat(root_fd, "var/lib/krun/config", 0);
	unlinkat(root_fd, "var/lib/krun", AT_REMOVEDIR);
	assert_int_equal(km_exceptions_add(root_fd, getuid(), NULL, "sh", "/bin/a", false, &err), 0);
	assert_string_equal(config_text(), "sh:/bin/a:" HELLO "\n");
	/* A list that exec refuses gets no further entry. */
	write_file("var/lib/krun/config", "nonsense\n", 0644);
	assert_int_equal(km_exceptions_add(root_fd, getuid(), NULL, "sh", "/bin/a", false, &err), -EINVAL);
	unlinkat(root_fd, "var/lib/krun/config", 0);
	assert_int_equal(symlinkat("/bin/a", root_fd, "var/lib/krun/config"), 0);
	assert_true(km_exceptions_add(root_fd, getuid(), NULL, "sh", "/bin/a", false, &err) < 0);
	unlinkat(root_fd, "var/lib/krun/config", 0);
}

static void test_check(void **state)
{
	static const enum km_exception_verdict expect[] = { KM_EXCEPTION_OK,	    KM_EXCEPTION_CHANGED,
							    KM_EXCEPTION_MISSING,   KM_EXCEPTION_MALFORMED,
							    KM_EXCEPTION_MALFORMED, KM_EXCEPTION_MALFORMED,
							    KM_EXCEPTION_OK };
	enum km_exception_verdict *verdicts;
	struct km_exceptions list;
	struct error err = { 0 };

	(void)state;
	skip_if_emulated("clone3(2), which makes a process for the matcher");
	write_file("var/lib/krun/config",
		   "a:/bin/a:" HELLO "\nb:/bin/a:" WRONG "\nc:/bin/none:" HELLO "\nnonsense\n(:/bin/a:" HELLO
		   "\nd:/bin/script:" SCRIPT "\n[e]:/bin/a:" HELLO "\n",
		   0644);
	assert_int_equal(km_exceptions_load(root_fd, getuid(), NULL, &list, &err), 0);
	assert_int_equal(list.len, ARRAY_LEN(expect));
	assert_int_equal(km_exceptions_check(root_fd, &list, &verdicts, &err), 0);
	for (size_t i = 0; i < list.len; i++)
		if (verdicts[i] != expect[i])
			fail_msg("line %zu: %s", list.entries[i].line,
				 km_exception_verdict_word(verdicts[i]));
	free(verdicts);
	km_exceptions_done(&list);
}

int main(void)
{
	static const char *const folders[] = { "var", "var/lib", "var/lib/krun", "bin" };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_which_entry_holds),
		cmocka_unit_test(test_file_that_others_may_write),
		cmocka_unit_test(test_file_that_is_none),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_expressions_that_explode),
		cmocka_unit_test(test_programs_that_are_not_copied),
		cmocka_unit_test(test_policy_of_the_host),
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_thousands_of_entries_and_no_file),
	};
	int failed;

	if (!mkdtemp(root))
		return 1;
	root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < ARRAY_LEN(folders); i++)
		if (mkdirat(root_fd, folders[i], 0755) < 0)
			return 1;
	write_file("bin/a", PROGRAM, 0755);
	write_file("bin/text", "text\n", 0755);
	write_file("bin/script", "#!/bin/sh\n", 0755);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	/* Its last user takes it away, unless it was skipped. */
	unlinkat(root_fd, "var/lib/krun/config", 0);
	unlinkat(root_fd, "bin/a", 0);
	unlinkat(root_fd, "bin/script", 0);
	unlinkat(root_fd, "bin/text", 0);
	for (size_t i = ARRAY_LEN(folders); i-- > 0;)
		unlinkat(root_fd, folders[i], AT_REMOVEDIR);
	return rmdir(root) < 0 && !failed ? 1 : failed;
}
