/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <errno.h>
#include <linux/sched.h>
#include <string.h>

#include "ns/kinds.h"
#include "ns/plan.h"
#include "spec/spec.h"
#include "util/array.h"
#include "util/error.h"

static void test_ns_plan_new_ones_become_clone_flags(void **state)
{
	struct spec spec = { 0 };
	struct ns_plan plan;

	(void)state;
	spec.namespaces[NS_PID].listed = true;
	spec.namespaces[NS_MOUNT].listed = true;
	spec.namespaces[NS_CGROUP].listed = true;
	ns_plan_make(&spec, &plan);
	assert_int_equal(plan.create, CLONE_NEWPID | CLONE_NEWNS);
	assert_int_equal(plan.listed, CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWCGROUP);
	assert_true(plan.new_cgroup);
	assert_false(plan.stage);
	assert_true(ns_plan_has(&plan, NS_CGROUP));
	assert_false(ns_plan_has(&plan, NS_NETWORK));
	for (int i = 0; i < NS_KIND_COUNT; i++)
		assert_int_equal(plan.join[i], -1);
}

static void test_ns_plan_needs_a_stage_for_what_holds_for_children(void **state)
{
	static const struct {
		enum ns_kind kind;
		const char *path;
		bool with_new_user;
		bool expect;
	} rows[] = {
		{ NS_PID, NULL, false, false },	    { NS_PID, "/p", false, true },
		{ NS_USER, NULL, false, false },    { NS_USER, "/p", false, true },
		{ NS_TIME, NULL, false, true },	    { NS_TIME, "/p", false, true },
		{ NS_NETWORK, "/p", false, false }, { NS_NETWORK, "/p", true, true },
		{ NS_NETWORK, NULL, true, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct spec spec = { 0 };
		struct ns_plan plan;

		spec.namespaces[NS_USER].listed = rows[i].with_new_user;
		spec.namespaces[rows[i].kind] = (struct spec_namespace){ true, rows[i].path };
		ns_plan_make(&spec, &plan);
		assert_int_equal(plan.stage, rows[i].expect);
	}
}

static void test_ns_plan_open_checks_the_kind(void **state)
{
	static const struct {
		enum ns_kind kind;
		const char *path;
		const char *expect;
	} rows[] = {
		{ NS_NETWORK, "/proc/self/ns/ipc", "another kind" },
		{ NS_NETWORK, "/dev/null", "not a namespace" },
		{ NS_IPC, "/no/such/namespace", "'/no/such/namespace': missing" },
		{ NS_USER, "/proc/self/ns/user", "krun's own, which the kernel lets nobody join again" },
	};

	(void)state;
	skip_if_emulated("ioctl(2) of namespaces");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct spec spec = { 0 };
		struct error err = { 0 };
		struct ns_plan plan;

		spec.namespaces[rows[i].kind] = (struct spec_namespace){ true, rows[i].path };
		ns_plan_make(&spec, &plan);
		assert_true(ns_plan_open(&plan, &spec, &err) < 0);
		assert_non_null(strstr(err.text, rows[i].expect));
		assert_non_null(strstr(err.text, rows[i].path));
		ns_plan_done(&plan);
	}
}

static void test_ns_plan_open_takes_the_right_kind(void **state)
{
	struct spec spec = { 0 };
	struct error err = { 0 };
	struct ns_plan plan;

	(void)state;
	skip_if_emulated("ioctl(2) of namespaces");
	spec.namespaces[NS_NETWORK] = (struct spec_namespace){ true, "/proc/self/ns/net" };
	ns_plan_make(&spec, &plan);
	assert_int_equal(ns_plan_open(&plan, &spec, &err), 0);
	assert_true(plan.join[NS_NETWORK] >= 0);
	ns_plan_done(&plan);
	assert_int_equal(plan.join[NS_NETWORK], -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ns_plan_new_ones_become_clone_flags),
		cmocka_unit_test(test_ns_plan_needs_a_stage_for_what_holds_for_children),
		cmocka_unit_test(test_ns_plan_open_checks_the_kind),
		cmocka_unit_test(test_ns_plan_open_takes_the_right_kind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
