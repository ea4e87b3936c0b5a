/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <stdlib.h>
#include <string.h>

#include "timeline/timeline.h"
#include "util/error.h"

#define NAME "{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":10,\"args\":{\"name\":\"krun <create> & co\"}}"
#define SLICE(name, category, start, duration, notes)                                            \
	",{\"name\":\"" name "\",\"cat\":\"" category "\",\"ph\":\"X\",\"pid\":10,\"ts\":" start \
	",\"dur\":" duration ",\"args\":{\"container\":\"box\"" notes "}}"

/* The result is the caller's. */
static char *show(const char *trace,
		  int (*write_to)(const struct timeline *timeline, FILE *out, struct error *err))
{
	struct timeline timeline;
	struct error err = { 0 };
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	if (timeline_read(trace, strlen(trace), &timeline, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(write_to(&timeline, out, &err), 0);
	assert_int_equal(fclose(out), 0);
	timeline_done(&timeline);
	return text;
}

static void test_blame_sorts_by_own_time(void **state)
{
	static const char trace[] = "[" NAME SLICE("create", "create", "1000.0", "1500000.0", "")
		SLICE("mount", "init", "2000.0", "3066.123", ",\"destination\":\"/proc\"")
			SLICE("wait", "wait", "9000.0", "50.0", ",\"for\":\"km\"")
				SLICE("evil\\n\\u001b[2J", "x", "9200.0", "7.5", "")
					SLICE("short", "x", "9300.0", "0.250", "")
						SLICE("moment", "x", "9400.0", "0.0", "") "]";
	char *text = show(trace, timeline_blame);

	(void)state;
	assert_string_equal(text, "    1.496s  krun <create> & co [10]  create\n"
				  "   3.066ms  krun <create> & co [10]  mount destination=/proc\n"
				  "      50us  krun <create> & co [10]  wait for km\n"
				  "       7us  krun <create> & co [10]  evil\\n\\x1b[2J\n"
				  "     250ns  krun <create> & co [10]  short\n");
	free(text);
	text = show("[]", timeline_blame);
	assert_string_equal(text, "");
	free(text);
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in: %s", part, text);
}

static void test_plot_is_a_document_of_its_own(void **state)
{
	static const char trace[] = "[" NAME SLICE("create", "create", "0.0", "10000.0", "")
		SLICE("hook", "create", "100.0", "5000.0",
		      ",\"hook\":\"<script>alert(1)</script>&\\\"\\u001b\\uffff\"")
			SLICE("create", "create", "90000000.0", "10000.0", "") "]";
	char *text = show(trace, timeline_plot);

	(void)state;
	assert_has(text, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg ");
	assert_has(text, "krun &lt;create&gt; &amp; co [10]");
	assert_has(text, "hook hook=&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot;\\x1b? (5.000ms)");
	assert_null(strstr(text, "<script"));
	assert_null(strstr(text, "href"));
	/* The minute and a half between the commands. */
	assert_has(text, "class=\"idle\"");
	assert_has(text, ">89.990s</text>");
	assert_string_equal(text + strlen(text) - 7, "</svg>\n");
	free(text);
	text = show("[]", timeline_plot);
	assert_has(text, "</svg>\n");
	free(text);
}

static void test_long_texts_are_cut_between_characters(void **state)
{
	char trace[2048] = "[" NAME ",{\"ph\":\"X\",\"pid\":10,\"ts\":0.0,\"dur\":1.0,\"name\":\"a";
	char *text;

	(void)state;
	for (int i = 0; i < 100; i++)
		strcat(trace, "\xc3\xa4");
	strcat(trace, "\"}]");
	text = show(trace, timeline_plot);
	/* 80 bytes: one letter and 39 of two bytes, for the next one would be divided. */
	assert_has(text, "\xc3\xa4... (1us)");
	free(text);
}

static void test_the_axis(void **state)
{
	struct timeline_slice slices[] = { { .time = { 100, 1100 } }, { .time = { 901000, 902000 } } };
	struct timeline_span busy[] = { { 100, 1100 }, { 901000, 902000 } };
	const struct timeline timeline = { .slices = slices, .slices_len = 2, .busy = busy, .busy_len = 2 };
	struct timeline_scale scale;

	(void)state;
	assert_int_equal(timeline_scale_make(&timeline, &scale, &(struct error){ 0 }), 0);
	assert_int_equal(scale.len, 3);
	assert_true(scale.pieces[1].idle);
	assert_float_equal(scale.width, 1200, 0.01);
	assert_float_equal(timeline_scale_x(&scale, 100), 0, 0.01);
	assert_float_equal(timeline_scale_x(&scale, 1100), 580, 0.01);
	assert_float_equal(timeline_scale_x(&scale, 901000), 620, 0.01);
	assert_float_equal(timeline_scale_x(&scale, 902000), 1200, 0.01);
	assert_float_equal(timeline_scale_x(&scale, 0), 0, 0.01);
	assert_float_equal(timeline_scale_x(&scale, UINT64_MAX), 1200, 0.01);
	free(scale.pieces);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blame_sorts_by_own_time),
		cmocka_unit_test(test_plot_is_a_document_of_its_own),
		cmocka_unit_test(test_long_texts_are_cut_between_characters),
		cmocka_unit_test(test_the_axis),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
