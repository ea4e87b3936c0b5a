/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "util/array.h"
#include "util/error.h"
#include "util/utf8.h"

static void test_error_set_returns_its_code(void **state)
{
	struct error err = { 0 };

	(void)state;
	assert_int_equal(error_set(&err, -EINVAL, "option '%s'", "x"), -EINVAL);
	assert_int_equal(err.code, -EINVAL);
	assert_string_equal(err.text, "option 'x'");
}

static void test_a_missing_call_is_named(void **state)
{
	struct error err = { 0 };

	(void)state;
	error_sys(&err, -ENOSYS, "look");
	assert_string_equal(err.text, "look: function not implemented");
	error_missing_call("openat2");
	error_sys(&err, -ENOSYS, "look");
	assert_string_equal(err.text,
			    "look: this kernel, or a seccomp filter around krun, has no openat2(2); "
			    "krun needs Linux 5.14 or newer (ENOSYS)");
	error_missing_call(NULL);
}

/* Engines take these phrases for "the command is missing" or "not executable". */
static void test_error_sys_avoids_the_phrases_of_exec(void **state)
{
	static const int codes[] = { -ENOENT, -EACCES, -EPERM, -ENOTDIR, -EISDIR };
	static const char *const phrases[] = { "no such file or directory", "permission denied",
					       "operation not permitted", "not a directory",
					       "is a directory" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		struct error err = { 0 };

		error_sys(&err, codes[i], "open 'x'");
		for (size_t j = 0; j < ARRAY_LEN(phrases); j++)
			assert_null(strcasestr(err.text, phrases[j]));
		error_exec(&err, codes[i], "exec: \"x\"");
		assert_non_null(strstr(err.text, phrases[i]));
	}
}

/* "/aaa...aaa/" of two-byte characters, so that a cut in the middle of one is detected. */
static char *long_path(char *buffer, size_t len)
{
	size_t at = 0;

	buffer[at++] = '/';
	while (at + 3 < len)
		at += (size_t)sprintf(buffer + at, "\xc3\xa4");
	strcpy(buffer + at, "/");
	return buffer;
}

static void test_long_paths_lose_their_middle_and_no_reason(void **state)
{
	char a[PATH_MAX], b[PATH_MAX];
	struct error err = { 0 };

	(void)state;
	error_sys(&err, -EROFS, "link '%s' to '%s' here", long_path(a, 4000), long_path(b, 4001));
	assert_int_equal(strncmp(err.text, "read-only file system: link '/\xc3\xa4", 32), 0);
	assert_non_null(strstr(err.text, "\xc3\xa4...\xc3\xa4"));
	assert_non_null(strstr(strstr(err.text, "...") + 3, "..."));
	assert_string_equal(err.text + strlen(err.text) - 8, "\xa4/' here");
	assert_true(strlen(err.text) < ERROR_TEXT_MAX && strlen(err.text) > ERROR_TEXT_MAX / 2);
	for (const char *at = err.text; *at; at += utf8_length(at))
		assert_true(utf8_length(at) > 0);
	/* A caller's prefix does not shorten the text. */
	assert_int_equal(error_prefix(&err, "start '%s'", long_path(a, 4000)), -EROFS);
	assert_int_equal(strncmp(err.text, "start '/\xc3\xa4", 9), 0);
	assert_non_null(strstr(err.text, "': read-only file system: link '/\xc3\xa4"));
	assert_string_equal(err.text + strlen(err.text) - 8, "\xa4/' here");
	error_set(&err, -EINVAL, "'%s' is no path", long_path(a, 4000));
	assert_string_equal(err.text + strlen(err.text) - 14, "\xa4/' is no path");
}

/* A text that fits is not changed, up to the last byte. */
static void test_texts_that_fit_are_whole(void **state)
{
	char path[PATH_MAX];
	struct error err = { 0 };

	(void)state;
	memset(path, 'a', sizeof(path));
	path[ERROR_TEXT_MAX - 1 - strlen(": no space left on device")] = '\0';
	error_sys(&err, -ENOSPC, "%s", path);
	assert_int_equal(strlen(err.text), ERROR_TEXT_MAX - 1);
	assert_null(strstr(err.text, "..."));
	assert_non_null(strstr(err.text, ": no space left on device"));
}

static void test_error_prefix_goes_in_front(void **state)
{
	struct error err = { 0 };

	(void)state;
	error_sys(&err, -EROFS, "mount '/x'");
	assert_int_equal(error_prefix(&err, "init step '%s'", "mounts"), -EROFS);
	assert_string_equal(err.text, "init step 'mounts': mount '/x': read-only file system");
}

static void test_error_prefix_survives_a_full_buffer(void **state)
{
	struct error err = { 0 };
	char longer[2 * ERROR_TEXT_MAX];

	(void)state;
	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	error_set(&err, -EINVAL, "%s", longer);
	error_prefix(&err, "%s", "front");
	assert_int_equal(strlen(err.text), ERROR_TEXT_MAX - 1);
	assert_memory_equal(err.text, "front: aaa", 10);
	assert_non_null(strstr(err.text, "aaa...aaa"));
}

static void test_place_stays_in_front_until_its_document_is_named(void **state)
{
	struct error err = { 0 };

	(void)state;
	assert_int_equal(error_at(&err, -EINVAL, "/linux/sysctl", "'%s' is not a setting", "x"), -EINVAL);
	assert_string_equal(err.text, "/linux/sysctl: 'x' is not a setting");
	assert_string_equal(error_reason_text(&err), "'x' is not a setting");
	error_prefix(&err, "plan");
	assert_string_equal(err.text, "/linux/sysctl: plan: 'x' is not a setting");
	error_place(&err, "/linux");
	assert_int_equal(err.pointer_len, strlen("/linux/sysctl"));
	assert_int_equal(error_document(&err, "other.json"), -EINVAL);
	assert_string_equal(err.text, "other.json: /linux/sysctl: plan: 'x' is not a setting");
	/* The name is added only once. */
	error_document(&err, "config.json");
	error_prefix(&err, "start 'a'");
	assert_string_equal(err.text, "start 'a': other.json: /linux/sysctl: plan: 'x' is not a setting");

	error_sys_at(&err, -EROFS, error_pointer("/mounts/%d", 3), "mount '%s'", "/x");
	assert_string_equal(err.text, "/mounts/3: mount '/x': read-only file system");
	assert_false(error_rebase(&err, "/mount"));
	assert_true(error_rebase(&err, "/mounts"));
	assert_string_equal(err.text, "/3: mount '/x': read-only file system");
	assert_true(error_rebase(&err, "/3"));
	assert_string_equal(err.text, "/: mount '/x': read-only file system");
	error_set(&err, -EINVAL, "'/a: b'");
	assert_false(error_rebase(&err, ""));
	error_document(&err, "config.json");
	assert_string_equal(err.text, "'/a: b'");
	error_place(&err, "/root/path");
	assert_string_equal(err.text, "/root/path: '/a: b'");
}

static void test_long_places_and_texts_share_the_room(void **state)
{
	char pointer[2 * ERROR_POINTER_MAX], path[4096];
	struct error err = { 0 };

	(void)state;
	memset(pointer, 'p', sizeof(pointer));
	pointer[0] = '/';
	pointer[sizeof(pointer) - 1] = '\0';
	error_sys_at(&err, -EROFS, pointer, "'%s'", long_path(path, 4000));
	assert_int_equal(err.pointer_len, ERROR_POINTER_MAX - 1);
	assert_int_equal(strncmp(error_reason_text(&err), "read-only file system: '/", 25), 0);
	assert_true(strlen(err.text) < ERROR_TEXT_MAX);
	assert_non_null(strstr(err.text, "..."));
	error_document(&err, long_path(path, 4000));
	assert_true(strlen(err.text) < ERROR_TEXT_MAX);
	assert_non_null(strstr(err.text, "read-only file system"));
}

static void test_more_is_said_behind_what_is_there(void **state)
{
	struct error err = { 0 };
	char text[2 * ERROR_TEXT_MAX];

	(void)state;
	error_set(&err, -EIO, "a");
	assert_int_equal(error_append(&err, "%s", "b"), -EIO);
	assert_string_equal(err.text, "a; b");
	memset(text, 'c', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (int i = 0; i < 3; i++)
		error_append(&err, "%s", text);
	assert_int_equal(strlen(err.text), ERROR_TEXT_MAX - 1);
}

static void test_error_keeps_errno(void **state)
{
	struct error err = { 0 };

	(void)state;
	errno = EXDEV;
	error_sys(&err, -ENOENT, "x");
	assert_int_equal(errno, EXDEV);
}

/* These say nothing about what was looked for. */
static void test_a_shortage_is_no_absence(void **state)
{
	static const int shortages[] = { -ENOMEM, -EMFILE, -ENFILE, -ENOLCK };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(shortages); i++)
		assert_true(error_is_shortage(shortages[i]));
	assert_false(error_is_shortage(-ENOENT));
	assert_false(error_is_shortage(-EACCES));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_error_set_returns_its_code),
		cmocka_unit_test(test_a_missing_call_is_named),
		cmocka_unit_test(test_error_sys_avoids_the_phrases_of_exec),
		cmocka_unit_test(test_long_paths_lose_their_middle_and_no_reason),
		cmocka_unit_test(test_texts_that_fit_are_whole),
		cmocka_unit_test(test_error_prefix_goes_in_front),
		cmocka_unit_test(test_error_prefix_survives_a_full_buffer),
		cmocka_unit_test(test_place_stays_in_front_until_its_document_is_named),
		cmocka_unit_test(test_long_places_and_texts_share_the_room),
		cmocka_unit_test(test_more_is_said_behind_what_is_there),
		cmocka_unit_test(test_error_keeps_errno),
		cmocka_unit_test(test_a_shortage_is_no_absence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
