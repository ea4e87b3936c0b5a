/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "timeline/timeline.h"
#include "util/error.h"

/* A command that waits 6 us for its child, which is active for 4 us of them. */
#define NAMES                                                                                    \
	"{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":10,\"args\":{\"name\":\"command\"}},\n" \
	"{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":11,\"args\":{\"name\":\"child\"}}"
#define SLICE(name, category, pid, start, duration)                                                       \
	",\n{\"name\":\"" name "\",\"cat\":\"" category "\",\"ph\":\"X\",\"pid\":" #pid ",\"ts\":" #start \
	".000,\"dur\":" #duration ".000,\"args\":{\"container\":\"box\"}}"
#define TRACE                                                                                                \
	"[\n" NAMES SLICE("mounts", "init", 11, 105, 3) SLICE("pivot", "init", 11, 108, 1)                   \
		SLICE("wait", "wait", 10, 104, 6) SLICE("child", "create", 10, 103, 8) SLICE(                \
			"create", "create", 10, 100,                                                         \
			20) ",\n{\"name\":\"makes\",\"ph\":\"s\",\"id\":\"a\",\"pid\":10,\"ts\":101.000}"    \
			    ",\n{\"name\":\"makes\",\"ph\":\"s\",\"id\":\"lost\",\"pid\":10,\"ts\":101.000}" \
			    ",\n{\"name\":\"makes\",\"ph\":\"f\",\"id\":\"a\",\"pid\":11,\"ts\":105.000}"    \
			    ",\n{\"name\":\"executed\",\"ph\":\"i\",\"pid\":11,\"ts\":110.000}\n]\n"

static struct timeline read_trace(const char *text, size_t size)
{
	struct timeline timeline;
	struct error err = { 0 };

	if (timeline_read(text, size, &timeline, &err) < 0)
		fail_msg("%s", err.text);
	return timeline;
}

static const struct timeline_slice *find(const struct timeline *timeline, const char *name)
{
	for (size_t i = 0; i < timeline->slices_len; i++)
		if (strcmp(timeline->slices[i].name, name) == 0)
			return &timeline->slices[i];
	return NULL;
}

static void test_slices_are_nested_and_have_their_own_time(void **state)
{
	struct timeline timeline = read_trace(TRACE, strlen(TRACE));
	const struct timeline_slice *create = find(&timeline, "create"), *wait = find(&timeline, "wait"),
				    *child = find(&timeline, "child"), *mounts = find(&timeline, "mounts");

	(void)state;
	assert_int_equal(timeline.rows_len, 2);
	assert_string_equal(timeline.rows[0].name, "command");
	assert_int_equal(timeline.rows[1].pid, 11);
	assert_int_equal(timeline.rows[1].len, 3);
	assert_int_equal(timeline.slices_len, 6);
	assert_int_equal(create->depth, 0);
	assert_int_equal(create->own, 12000);
	assert_int_equal(child->depth, 1);
	assert_int_equal(child->own, 2000);
	assert_int_equal(wait->depth, 2);
	assert_true(wait->waits);
	/* 4 of its 6 us the child was at work. */
	assert_int_equal(wait->own, 2000);
	assert_int_equal(mounts->row, 1);
	assert_int_equal(mounts->own, 3000);
	assert_string_equal(mounts->container, "box");
	assert_int_equal(find(&timeline, "executed")->own, 0);
	assert_int_equal(timeline.arrows_len, 1);
	assert_int_equal(timeline.arrows[0].to, 1);
	assert_int_equal(timeline.arrows[0].time.end, 105000);
	/* Busy but for the time in which only the wait is seen: 104 to 105 and 109 to 110. */
	assert_int_equal(timeline.busy_len, 3);
	assert_int_equal(timeline.busy[1].start, 105000);
	assert_int_equal(timeline.busy[1].end, 109000);
	timeline_done(&timeline);
}

/* Any part of a trace is one, as a command that is killed or a full disk may leave it. */
static void test_an_array_that_is_cut_off(void **state)
{
	const size_t end = strlen(TRACE) - 2; /* without "]\n" */
	size_t slices = 0;

	(void)state;
	for (size_t size = 1; size <= end; size++) {
		struct timeline timeline = read_trace(TRACE, size);

		assert_true(timeline.slices_len >= slices && timeline.slices_len <= slices + 1);
		slices = timeline.slices_len;
		timeline_done(&timeline);
	}
	assert_int_equal(slices, 6);
}

static void test_a_pid_may_come_again(void **state)
{
	static const char text[] = "[" NAMES SLICE(
		"a", "x", 10, 1, 1) ",{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":10,\"args\":{\"name\":"
				    "\"later\"}}" SLICE("b", "x", 10, 5, 1) "]";
	struct timeline timeline = read_trace(text, strlen(text));

	(void)state;
	assert_int_equal(timeline.rows_len, 3);
	assert_string_equal(timeline.rows[find(&timeline, "a")->row].name, "command");
	assert_string_equal(timeline.rows[find(&timeline, "b")->row].name, "later");
	timeline_done(&timeline);
}

/* Slices that overlap, which krun does not write, get no negative time. */
static void test_slices_that_overlap(void **state)
{
	static const char text[] = "[" NAMES SLICE("a", "x", 10, 1, 4) SLICE("b", "x", 10, 3, 9)
		SLICE("c", "x", 10, 3, 9) SLICE("d", "wait", 10, 4, 90) "]";
	struct timeline timeline = read_trace(text, strlen(text));

	(void)state;
	assert_int_equal(find(&timeline, "a")->own, 2000);
	for (size_t i = 0; i < timeline.slices_len; i++)
		assert_true(timeline.slices[i].own <=
			    timeline.slices[i].time.end - timeline.slices[i].time.start);
	timeline_done(&timeline);
}

static void test_what_is_no_trace(void **state)
{
	static const struct {
		const char *text;
		int code;
		const char *words;
	} cases[] = {
		{ "", -EINVAL, "unexpected end" },
		{ "{}", -EINVAL, "not a trace" },
		{ "[1]", -EINVAL, "/0: expected object" },
		{ "[{\"ph\":\"X\"}]", -EINVAL, "/0/pid: missing" },
		{ "[{\"pid\":1}]", -EINVAL, "/0/ph: missing" },
		{ "[{\"ph\":\"X\",\"pid\":1,\"ts\":-1.0}]", -EINVAL, "/0/ts: out of range" },
		{ "[{\"ph\":\"X\",\"pid\":1,\"dur\":1e300}]", -EINVAL, "/0/dur: out of range" },
		{ "[{\"ph\":\"X\",\"pid\":1,\"args\":{\"a\":1}}]", -EINVAL, "/0/args/a: expected string" },
		{ "[{\"ph\":\"X\",\"pid\":1}]x", -EINVAL, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct timeline timeline;
		struct error err = { 0 };

		assert_int_equal(timeline_read(cases[i].text, strlen(cases[i].text), &timeline, &err),
				 cases[i].code);
		if (!strstr(err.text, cases[i].words))
			fail_msg("%s: %s", cases[i].text, err.text);
		timeline_done(&timeline);
	}
}

/* Repeats @part behind "[", with commas. */
static char *repeat(const char *part, size_t times, size_t *ret_size)
{
	const size_t len = strlen(part);
	char *text = malloc(times * (len + 1) + 2), *at = text;

	assert_non_null(text);
	*at++ = '[';
	for (size_t i = 0; i < times; i++) {
		memcpy(at, part, len);
		at[len] = i + 1 < times ? ',' : ']';
		at += len + 1;
	}
	*ret_size = (size_t)(at - text);
	return text;
}

static void test_limits(void **state)
{
	static const struct {
		const char *part;
		size_t times;
		const char *words;
	} cases[] = {
		{ "{\"ph\":\"X\",\"pid\":1}", TIMELINE_EVENTS_MAX + 1, "more than 100000 events" },
		{ "[]", 1500000, "more than 100000 events" },
		{ "[[],[]]", 99000, "too many parts" },
		{ "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", 99000, "too many parts" },
		{ "\"01234567890123456789\"", 800000, "more than 16777216 bytes" },
	};
	struct timeline timeline;
	struct error err;
	size_t size;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text = repeat(cases[i].part, cases[i].times, &size);

		assert_int_equal(timeline_read(text, size, &timeline, &err), -EFBIG);
		assert_non_null(strstr(err.text, cases[i].words));
		timeline_done(&timeline);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slices_are_nested_and_have_their_own_time),
		cmocka_unit_test(test_an_array_that_is_cut_off),
		cmocka_unit_test(test_a_pid_may_come_again),
		cmocka_unit_test(test_slices_that_overlap),
		cmocka_unit_test(test_what_is_no_trace),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
