/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <json-c/json.h>

#include "util/cleanup.h"
#include "util/error.h"
#include "util/io.h"
#include "util/log.h"
#include "util/trace.h"

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

/* The second log has a level and a form of its own, and the container's id in each line. */
static void test_the_debug_log_stands_beside_the_log(void **state)
{
	char second[] = "/tmp/krun-debug-XXXXXX";
	char *words[] = { (char[]){ "sh" }, (char[]){ "-c" }, NULL };
	auto_free char *text = NULL, *debug = NULL;
	struct error err = { 0 };
	struct stat st;
	const char *before;

	(void)state;
	assert_int_equal(close(mkstemp(second)), 0);
	assert_int_equal(unlink(second), 0);
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(log_open(path, LOG_FORMAT_JSON, LOG_LEVEL_ERROR, &err), 0);
	assert_false(log_enabled(LOG_LEVEL_DEBUG));
	assert_int_equal(log_open_debug("/no/such/file", LOG_LEVEL_DEBUG, &err), -ENOENT);
	assert_false(log_enabled(LOG_LEVEL_DEBUG));
	assert_int_equal(log_open_debug(second, LOG_LEVEL_DEBUG, &err), 0);
	assert_true(log_enabled(LOG_LEVEL_DEBUG));
	log_set_role("create", "web");
	before = log_set_step("mounts");
	log_debug("a fact");
	log_words("arguments", words);
	assert_string_equal(log_set_step(before), "mounts");
	log_words("nothing", NULL);
	error_set(&err, -EINVAL, "it failed");
	log_failure(&err);
	log_close();
	read_log(&text);
	assert_non_null(strstr(text, "it failed"));
	assert_int_equal(strchr(text, '\n') - text, strlen(text) - 1);
	assert_int_equal(io_read_file(AT_FDCWD, second, 1 << 20, &debug, NULL), 0);
	assert_non_null(strstr(debug, "] web mounts debug: a fact\n"));
	assert_non_null(strstr(debug, "] web mounts debug: arguments: sh -c\n"));
	assert_non_null(strstr(debug, "] web create: it failed\n"));
	assert_null(strstr(debug, "nothing"));
	assert_int_equal(stat(second, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(unlink(second), 0);
}

/* Errors contain texts of images and containers: a terminal must not act on them. */
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
	/* JSON has its own escapes. */
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
}

struct heard {
	char text[64], step[32];
	enum log_level level;
	unsigned long long took;
};

static void hear_record(void *data, enum log_level level, const char *role, const char *step,
			const char *text)
{
	struct heard *heard = data;

	heard->level = level;
	snprintf(heard->text, sizeof(heard->text), "%s: %s", role, text);
	snprintf(heard->step, sizeof(heard->step), "%s", step);
}

static void hear_step(void *data, const struct trace_slice *slice)
{
	struct heard *heard = data;

	snprintf(heard->step, sizeof(heard->step), "%s", slice->name);
	heard->took = slice->end - slice->start;
}

/* In a process of its own, because a relay cannot be undone. */
static int relay(int stderr_fd)
{
	struct heard heard = { 0 };
	const struct log_relay relay = { hear_record, hear_step, &heard };
	struct error err;

	if (log_open(path, LOG_FORMAT_JSON, LOG_LEVEL_DEBUG, &err) < 0)
		return 1;
	log_set_role("init", NULL);
	log_relay(&relay);
	dup2(stderr_fd, STDERR_FILENO);
	log_record(LOG_LEVEL_WARNING, "mounts", "text %d", 7);
	if (heard.level != LOG_LEVEL_WARNING || strcmp(heard.text, "init: text 7") != 0 ||
	    strcmp(heard.step, "mounts") != 0)
		return 2;
	log_step_done("pivot", log_clock());
	return strcmp(heard.step, "pivot") == 0 && heard.took < 1000000000ULL ? 0 : 3;
}

/* Records of a process in a container are relayed, and reach neither the destination nor its stderr. */
static void test_log_relay_hands_everything_on(void **state)
{
	struct stat before, after;
	int fds[2], status;
	pid_t pid;
	char byte;

	(void)state;
	assert_int_equal(stat(path, &before), 0);
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0)
		_exit(relay(fds[1]));
	close(fds[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(read(fds[0], &byte, 1), 0);
	close(fds[0]);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(after.st_size, before.st_size);
}

/* A process that a container controls chooses all the words that it relays. */
static void test_log_relayed_words_stay_on_their_line(void **state)
{
	static const char hostile[] = "init: hi\n2026-01-01T00:00:00.000000000Z krun[1] create\x1b[2J";
	struct error err = { 0 };
	auto_free char *text = NULL;

	(void)state;
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(log_open(path, LOG_FORMAT_TEXT, LOG_LEVEL_DEBUG, &err), 0);
	log_relayed_record(7, LOG_LEVEL_ERROR, "init", hostile, "first");
	log_relayed_record(7, LOG_LEVEL_ERROR, hostile, NULL, "second");
	log_relayed_step(
		&(struct trace_slice){ .pid = 7, .role = "init", .name = hostile, .start = 1, .end = 2 });
	log_open(path, LOG_FORMAT_TEXT, LOG_LEVEL_ERROR, &err);
	read_log(&text);
	assert_null(strchr(text, '\x1b'));
	for (int i = 0; i < 3; i++) {
		char *line = strstr(text, "init: hi\\n2026");

		assert_non_null(line);
		*line = 'K';
	}
	assert_int_equal(strchr(strchr(strchr(text, '\n') + 1, '\n') + 1, '\n') - text, strlen(text) - 1);
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
		cmocka_unit_test(test_log_relay_hands_everything_on),
		cmocka_unit_test(test_texts_for_people_are_printable_lines),
		cmocka_unit_test(test_log_open_names_a_bad_destination),
		cmocka_unit_test(test_log_relayed_words_stay_on_their_line),
		cmocka_unit_test(test_log_words),
		cmocka_unit_test(test_the_debug_log_stands_beside_the_log),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
