/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "util/error.h"
#include "util/interrupt.h"
#include "util/step.h"

struct work {
	char trace[32];
	const char *fails; /* the step that fails, after half of its work */
	const char *is_interrupted;
};

STEPS(work)

static void add(struct work *work, const char *what)
{
	strcat(work->trace, what);
}

static int act(struct work *work, const char *name, struct error *err)
{
	add(work, name);
	if (work->is_interrupted && strcmp(work->is_interrupted, name) == 0)
		raise(SIGTERM);
	return work->fails && strcmp(work->fails, name) == 0 ? error_set(err, -EIO, "%s", name) : 7;
}

static int do_a(struct work *work, struct error *err)
{
	return act(work, "a", err);
}

static int do_b(struct work *work, struct error *err)
{
	return act(work, "b", err);
}

static int do_c(struct work *work, struct error *err)
{
	return act(work, "c", err);
}

static void undo_a(struct work *work)
{
	add(work, "A");
}

static void undo_c(struct work *work)
{
	add(work, "C");
}

static const struct work_step steps[] = {
	{ "a", do_a, undo_a },
	{ "b", do_b },
	{ "c", do_c, undo_c },
	{ NULL },
};

static void test_steps_run_in_order_and_are_undone_in_reverse(void **state)
{
	static const struct {
		const char *fails;
		int result;
		size_t begun;
		const char *trace, *after_undo;
	} rows[] = {
		{ NULL, 0, 3, "abc", "abcCA" },
		{ "a", -EIO, 1, "a", "aA" },
		{ "b", -EIO, 2, "ab", "abA" },
		{ "c", -EIO, 3, "abc", "abcCA" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct work work = { .fails = rows[i].fails };
		struct error err = { 0 };
		size_t begun = 0;

		assert_int_equal(work_steps_run(steps, &begun, &work, &err), rows[i].result);
		assert_int_equal(begun, rows[i].begun);
		assert_string_equal(work.trace, rows[i].trace);
		assert_string_equal(err.text, rows[i].fails ? rows[i].fails : "");
		work_steps_undo(steps, begun, &work);
		assert_string_equal(work.trace, rows[i].after_undo);
	}
}

static void test_an_interrupted_command_begins_no_further_step(void **state)
{
	struct work work = { .is_interrupted = "b" };
	struct error err = { 0 };
	size_t begun = 0;

	(void)state;
	interrupt_begin();
	assert_int_equal(work_steps_run(steps, &begun, &work, &err), -EINTR);
	assert_string_equal(work.trace, "ab");
	assert_string_equal(err.text, "interrupted by signal 15");
	assert_int_equal(begun, 2);
	/* A step that fails after a signal is reported as interrupted. */
	memset(work.trace, 0, sizeof(work.trace));
	work.fails = "a";
	begun = 0;
	assert_int_equal(work_steps_run(steps, &begun, &work, &err), -EINTR);
	assert_string_equal(err.text, "interrupted by signal 15");
	/* After interrupt_refuse() neither an old nor a new signal ends the run. */
	interrupt_refuse();
	work = (struct work){ .is_interrupted = "c" };
	begun = 0;
	assert_int_equal(work_steps_run(steps, &begun, &work, &err), 0);
	assert_string_equal(work.trace, "abc");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps_run_in_order_and_are_undone_in_reverse),
		cmocka_unit_test(test_an_interrupted_command_begins_no_further_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
