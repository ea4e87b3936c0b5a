/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"
#include "util/log.h"

static char path[] = "/tmp/krun-log-XXXXXX";

static int make_file(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	close(fd);
	return fd < 0 ? -1 : 0;
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

static void read_log(char **ret_text)
{
	assert_int_equal(io_read_file(AT_FDCWD, path, 1 << 20, ret_text, NULL), 0);
}

static void test_log_json_is_one_document_whatever_the_text(void **state)
{
	struct error err = { 0 };
	auto_free char *text = NULL;
	struct json_object *object, *value;

	(void)state;
	assert_int_equal(log_open(path, LOG_FORMAT_JSON, LOG_LEVEL_ERROR, &err), 0);
	log_set_role("create", "web\"1");
	errno = EXDEV;
	log_record(LOG_LEVEL_WARNING, NULL, "not at this level");
	log_record(LOG_LEVEL_ERROR, "mounts", "quote \" back \\ tab \t bad \xff\xc3 good \xc3\xa4\nend");
	assert_int_equal(errno, EXDEV);
	read_log(&text);
	assert_int_equal(strchr(text, '\n') - text, strlen(text) - 1);
	object = json_tokener_parse(text);
	assert_non_null(object);
	assert_true(json_object_object_get_ex(object, "msg", &value));
	assert_string_equal(json_object_get_string(value),
			    "quote \" back \\ tab \t bad \xef\xbf\xbd\xef\xbf\xbd good \xc3\xa4 end");
	assert_true(json_object_object_get_ex(object, "level", &value));
	assert_string_equal(json_object_get_string(value), "error");
	assert_true(json_object_object_get_ex(object, "id", &value));
	assert_string_equal(json_object_get_string(value), "web\"1");
	assert_true(json_object_object_get_ex(object, "step", &value));
	assert_string_equal(json_object_get_string(value), "mounts");
	assert_true(json_object_object_get_ex(object, "time", &value));
	assert_int_equal(strlen(json_object_get_string(value)), strlen("2026-01-02T15:04:05.123456789Z"));
	json_object_put(object);
	log_close();
}

/* What is in an error comes from images and containers: a terminal must not act on it, and it is one line. */
static void test_texts_for_people_are_printable_lines(void **state)
{
	static const char evil[] = "no \033[2J\xc2\x9b 'a\nlevel=info' \x7f \xff \xc3\xa4";
	static const char seen[] = "no \\x1b[2J\\xc2\\x9b 'a\\nlevel=info' \\x7f \\xff \xc3\xa4";
	struct error err = { 0 };
	auto_free char *text = NULL, *said = NULL;
	int stderr_fd = dup(STDERR_FILENO), fd;
	struct json_object *object, *value;
	char *line;

	(void)state;
	unlink(path);
	error_set(&err, -EINVAL, "%s", evil);
	fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);
	assert_true(fd >= 0 && dup2(fd, STDERR_FILENO) >= 0);
	assert_int_equal(log_open(path, LOG_FORMAT_TEXT, LOG_LEVEL_ERROR, &err), 0);
	log_set_role("create", "a\nb");
	log_failure(&err);
	log_close();
	dup2(stderr_fd, STDERR_FILENO);
	close(stderr_fd);
	read_log(&text);
	assert_int_equal(strchr(text, '\n') - text, strlen(text) - 1);
	assert_non_null(strstr(text, seen));
	lseek(fd, 0, SEEK_SET);
	assert_int_equal(io_read_all(fd, 1000, &said, NULL), 0);
	close(fd);
	assert_int_equal(strncmp(said, "krun: ", 6), 0);
	said[strlen(said) - 1] = '\0';
	assert_string_equal(said + 6, seen);
	/* JSON has its own. */
	free(text);
	text = NULL;
	unlink(path);
	assert_int_equal(log_open(path, LOG_FORMAT_JSON, LOG_LEVEL_ERROR, &err), 0);
	log_record(LOG_LEVEL_ERROR, NULL, "%s", evil);
	log_close();
	read_log(&text);
	for (line = text; *line; line++)
		assert_false((unsigned char)*line < 0x20 && line[1]);
	assert_non_null(strstr(text, "\\u001b[2J\\u009b"));
	object = json_tokener_parse(text);
	assert_true(json_object_object_get_ex(object, "msg", &value));
	assert_string_equal(json_object_get_string(value),
			    "no \033[2J\xc2\x9b 'a level=info' \x7f \xef\xbf\xbd \xc3\xa4");
	json_object_put(object);
}

static void test_log_open_names_a_bad_destination(void **state)
{
	struct error err = { 0 };

	(void)state;
	assert_true(log_open("/no/such/dir/log", LOG_FORMAT_TEXT, LOG_LEVEL_ERROR, &err) < 0);
	assert_non_null(strstr(err.text, "/no/such/dir/log"));
	assert_int_equal(log_fd(), -1);
}

static void test_log_words(void **state)
{
	enum log_level level = LOG_LEVEL_ERROR;
	enum log_format format = LOG_FORMAT_TEXT;

	(void)state;
	assert_int_equal(log_parse_level("debug", &level), 0);
	assert_int_equal(level, LOG_LEVEL_DEBUG);
	assert_int_equal(log_parse_level("loud", &level), -EINVAL);
	assert_int_equal(log_parse_format("json", &format), 0);
	assert_int_equal(format, LOG_FORMAT_JSON);
	assert_int_equal(log_parse_format("xml", &format), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_log_json_is_one_document_whatever_the_text),
		cmocka_unit_test(test_texts_for_people_are_printable_lines),
		cmocka_unit_test(test_log_open_names_a_bad_destination),
		cmocka_unit_test(test_log_words),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
