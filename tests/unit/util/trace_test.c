/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "util/error.h"
#include "util/trace.h"
#include "util/trace_file.h"

static char directory[] = "/tmp/krun-trace-XXXXXX";
static char path[64];

static int make_directory(void **state)
{
	(void)state;
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/trace", directory);
	return 0;
}

static int remove_directory(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(directory);
}

static void put(const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
	assert_int_equal(fclose(file), 0);
}

static const char *content(void)
{
	static char text[8192];
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	return text;
}

static struct trace_file open_file(void)
{
	struct trace_file file;
	struct error err;

	assert_int_equal(trace_file_open(path, &file, &err), 0);
	return file;
}

/* Opens what is in the file, adds {"n":N}, and closes it. */
static void add(const char *event)
{
	struct trace_file file = open_file();

	trace_file_add(&file, event, strlen(event));
	trace_file_close(&file);
	assert_int_equal(file.fd, -1);
}

static void test_the_array_is_complete_after_each_event(void **state)
{
	struct trace_file one, other;

	(void)state;
	unlink(path);
	one = open_file();
	assert_string_equal(content(), "[\n]\n");
	other = open_file();
	trace_file_add(&one, "{\"n\":1}", 7);
	assert_string_equal(content(), "[\n{\"n\":1}\n]\n");
	trace_file_add(&other, "{\"n\":2}", 7);
	trace_file_add(&one, "{\"n\":3}", 7);
	assert_string_equal(content(), "[\n{\"n\":1},\n{\"n\":2},\n{\"n\":3}\n]\n");
	trace_file_close(&one);
	trace_file_close(&other);
	assert_string_equal(content(), "[\n{\"n\":1},\n{\"n\":2},\n{\"n\":3}\n]\n");
}

static void test_what_is_not_closed_is_continued(void **state)
{
	static const struct {
		const char *before, *after;
	} cases[] = {
		{ "[\n{\"n\":1},\n", "[\n{\"n\":1},\n{\"n\":2}\n]\n" }, /* of an earlier krun */
		{ "[\n{\"n\":1}\n", "[\n{\"n\":1},\n{\"n\":2}\n]\n" },
		{ "[\n", "[\n{\"n\":2}\n]\n" },
		{ "[]", "[\n{\"n\":2}\n]\n" },
		{ " \n", NULL },
		{ "[{\"n\":1}]", "[{\"n\":1},\n{\"n\":2}\n]\n" },
		/* Cut in the middle of a line. */
		{ "[\n{\"n\":1},\n{\"n\":[1,2],\"much more\":", "[\n{\"n\":1},\n{\"n\":2}\n]\n" },
		{ "[\n{\"n\":1},\n{\"n\":{\"a\":1}", "[\n{\"n\":1},\n{\"n\":2}\n]\n" },
		{ "[\n{\"n\":1},\n{\"n\":\"a,", "[\n{\"n\":1},\n{\"n\":2}\n]\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		put(cases[i].before);
		if (!cases[i].after)
			continue;
		add("{\"n\":2}");
		assert_string_equal(content(), cases[i].after);
	}
}

static void test_another_file_is_left_alone(void **state)
{
	static const char *const files[] = { "root:x:0:0\n", "{}\n", "[1,2,3",
					     "[[",	     " \n",  "[\n{\"n\":1},\n7\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct trace_file file;
		struct error err;

		put(files[i]);
		assert_int_equal(trace_file_open(path, &file, &err), -EINVAL);
		assert_non_null(strstr(err.text, "something else than a trace"));
		assert_int_equal(file.fd, -1);
		assert_string_equal(content(), files[i]);
	}
	assert_int_equal(trace_file_open("/no/such/file", &(struct trace_file){ 0 }, &(struct error){ 0 }),
			 -ENOENT);
}

/* A limit of the size of files stands for a full disk. */
static void test_an_event_that_does_not_fit_is_lost_and_the_array_stays(void **state)
{
	struct trace_file file;
	int status;
	pid_t pid;

	(void)state;
	put("[\n{\"n\":1}\n]\n");
	pid = fork();
	if (pid == 0) {
		const struct rlimit limit = { 20, 20 };

		file = open_file();
		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &limit);
		trace_file_add(&file, "{\"n\":2,\"m\":3}", 13);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_string_equal(content(), "[\n{\"n\":1}\n]\n");
	add("{\"n\":3}");
	assert_string_equal(content(), "[\n{\"n\":1},\n{\"n\":3}\n]\n");
}

static long long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void test_who_holds_the_lock_is_waited_for_once(void **state)
{
	struct trace_file file;
	long long began;
	int fd;

	(void)state;
	put("[\n]\n");
	file = open_file();
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_SH), 0);
	began = now_ms();
	for (int i = 0; i < 200; i++)
		trace_file_add(&file, "{}", 2);
	/* 200 times 100 ms would be 20 s. */
	assert_in_range(now_ms() - began, 50, 10000);
	assert_string_equal(content(), "[\n]\n");
	close(fd);
	trace_file_add(&file, "{}", 2);
	assert_string_equal(content(), "[\n{}\n]\n");
	trace_file_close(&file);
}

static void test_a_stream_gets_a_whole_array(void **state)
{
	struct trace_file file;
	char text[64] = "";
	int fd;

	(void)state;
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(trace_file_open(path, &file, &(struct error){ 0 }), -ENXIO);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	file = open_file();
	trace_file_add(&file, "{\"n\":1}", 7);
	trace_file_add(&file, "{\"n\":2}", 7);
	trace_file_close(&file);
	file = open_file();
	trace_file_close(&file);
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	assert_string_equal(text, "[\n{\"n\":1},\n{\"n\":2}\n]\n[\n]\n");
	close(fd);
	unlink(path);
}

/* Another user who may open the file could hold its lock, for which every event would wait. */
static void test_a_new_file_is_for_its_owner_alone(void **state)
{
	const mode_t old = umask(0);
	struct trace_file file;
	struct stat st;

	(void)state;
	unlink(path);
	file = open_file();
	trace_file_close(&file);
	umask(old);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	unlink(path);
}

/* ---- events ---------------------------------------------------------------------------------- */

static struct json_object *event_at(struct json_object *array, size_t index)
{
	return json_object_array_get_idx(array, index);
}

static const char *member(struct json_object *event, const char *key)
{
	struct json_object *value = NULL;

	json_object_object_get_ex(event, key, &value);
	return value ? json_object_get_string(value) : "(none)";
}

static const char *argument(struct json_object *event, const char *key)
{
	struct json_object *args = NULL;

	json_object_object_get_ex(event, "args", &args);
	return member(args, key);
}

static void write_events(void)
{
	struct trace_slice slice = { .role = "init", .name = "mount", .pid = 77, .start = 5000, .end = 7001 };
	struct error err;

	assert_int_equal(trace_clock(), 0);
	trace_note("lost", "no trace is written");
	assert_int_equal(trace_open(path, &err), 0);
	trace_set_role("create", "box");
	assert_true(trace_is_on());
	trace_made(77, 4000, NULL);
	trace_note("destination", "/proc \"quoted\" \x1b[2J \xff\n");
	trace_note("source", NULL);
	trace_take_notes(&slice);
	trace_write(&slice);
	trace_made_by(77, 78, "km");
	trace_program(78, "km", "load", 8000);
	trace_instant(77, "executed", NULL, NULL);
	trace_close();
}

static void test_events_have_names_notes_and_arrows(void **state)
{
	struct json_object *array;
	char own[16];

	(void)state;
	unlink(path);
	snprintf(own, sizeof(own), "%d", getpid());
	write_events();
	array = json_tokener_parse(content());
	assert_non_null(array);
	assert_int_equal(json_object_array_length(array), 11);
	assert_string_equal(argument(event_at(array, 0), "name"), "krun init box (child)");
	assert_string_equal(argument(event_at(array, 1), "name"), "child");
	assert_string_equal(member(event_at(array, 2), "ph"), "s");
	assert_string_equal(member(event_at(array, 2), "pid"), own);
	assert_string_equal(member(event_at(array, 3), "ph"), "f");
	assert_string_equal(member(event_at(array, 3), "pid"), "77");
	assert_string_equal(member(event_at(array, 2), "id"), member(event_at(array, 3), "id"));
	assert_string_equal(member(event_at(array, 4), "name"), "mount");
	assert_string_equal(member(event_at(array, 4), "ts"), "5.000");
	assert_string_equal(member(event_at(array, 4), "dur"), "2.001");
	assert_string_equal(argument(event_at(array, 4), "container"), "box");
	assert_string_equal(argument(event_at(array, 4), "destination"),
			    "/proc \"quoted\" \x1b[2J \xef\xbf\xbd ");
	assert_string_equal(argument(event_at(array, 4), "lost"), "(none)");
	assert_string_equal(argument(event_at(array, 4), "source"), "(none)");
	assert_string_equal(argument(event_at(array, 5), "name"), "km box");
	/* An arrow begins inside of the last slice of the process that made the other one. */
	assert_string_equal(member(event_at(array, 7), "pid"), "77");
	assert_string_equal(member(event_at(array, 7), "ts"), "7.000");
	assert_string_equal(member(event_at(array, 8), "pid"), "78");
	assert_string_equal(member(event_at(array, 9), "name"), "load");
	assert_string_equal(member(event_at(array, 10), "ph"), "i");
	json_object_put(array);
}

/* Every byte of these texts is escaped, and the times are in the future. */
static void test_a_child_cannot_break_the_array(void **state)
{
	char text[3000];
	struct trace_slice slice = {
		.role = text,
		.name = text,
		.pid = 79,
		.start = 1,
		.end = (unsigned long long)-1,
		.notes = { { text, text }, { text, text }, { text, text } },
		.notes_len = 3,
	};
	struct json_object *array;
	struct error err;

	(void)state;
	memset(text, 1, sizeof(text));
	text[sizeof(text) - 1] = '\0';
	unlink(path);
	assert_int_equal(trace_open(path, &err), 0);
	trace_set_role("create", text);
	trace_write(&slice);
	slice.start = slice.end - 1;
	trace_write(&slice);
	trace_close();
	trace_set_role("create", "box");
	array = json_object_from_file(path);
	assert_non_null(array);
	assert_int_equal(json_object_array_length(array), 4);
	for (size_t i = 2; i < 4; i++) {
		struct json_object *event = event_at(array, i);

		assert_int_equal(strlen(member(event, "name")), TRACE_VALUE_MAX - 1);
		assert_true(strtod(member(event, "dur"), NULL) < 1e15);
		assert_true(strtod(member(event, "ts"), NULL) < 1e15);
	}
	json_object_put(array);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_new_file_is_for_its_owner_alone),
		cmocka_unit_test(test_the_array_is_complete_after_each_event),
		cmocka_unit_test(test_what_is_not_closed_is_continued),
		cmocka_unit_test(test_another_file_is_left_alone),
		cmocka_unit_test(test_an_event_that_does_not_fit_is_lost_and_the_array_stays),
		cmocka_unit_test(test_who_holds_the_lock_is_waited_for_once),
		cmocka_unit_test(test_a_stream_gets_a_whole_array),
		cmocka_unit_test(test_events_have_names_notes_and_arrows),
		cmocka_unit_test(test_a_child_cannot_break_the_array),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
