/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "security/security.h"
#include "spec/spec.h"
#include "syscall/capability.h"
#include "util/error.h"

static void test_names_and_numbers(void **state)
{
	(void)state;
	assert_int_equal(caps_parse("CAP_CHOWN"), CAP_CHOWN);
	assert_int_equal(caps_parse("sys_admin"), CAP_SYS_ADMIN);
	assert_int_equal(caps_parse("Cap_Net_Raw"), CAP_NET_RAW);
	assert_true(caps_parse("CAP_FLY") < 0);
	assert_true(caps_parse("") < 0);
	assert_true(caps_parse("CAP_") < 0);
	assert_null(caps_name(64));
	for (int number = 0; number <= CAP_LAST_CAP; number++) {
		assert_non_null(caps_name(number));
		assert_int_equal(strncmp(caps_name(number), "CAP_", 4), 0);
		assert_int_equal(caps_parse(caps_name(number)), number);
	}
}

/* Runs @function in a process of its own, whose capabilities may be lost; 0 is success. */
static void in_a_process(int (*function)(void))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(function());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static const uint64_t kill_bit = 1ULL << CAP_KILL, chown_bit = 1ULL << CAP_CHOWN;

/* Returns the line of the first fact that is not so. */
static int apply_more_than_there_is(void)
{
	const struct capability_sets few = { .permitted = kill_bit, .effective = kill_bit };
	const struct spec_capabilities wanted = {
		.sets = { [CAP_SET_PERMITTED] = kill_bit | chown_bit,
			  [CAP_SET_EFFECTIVE] = kill_bit | chown_bit,
			  [CAP_SET_INHERITABLE] = kill_bit,
			  [CAP_SET_AMBIENT] = kill_bit },
	};
	struct capability_sets result, now;
	struct error err;

	if (sys_capset(&few) < 0 || caps_apply(&wanted, 0, &result, &err) < 0 || sys_capget(&now) < 0)
		return 1;
	if (now.permitted != kill_bit || now.effective != kill_bit || now.inheritable != kill_bit)
		return 2;
	if (result.permitted != kill_bit || prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 0, 0) != 1)
		return 3;
	return 0;
}

static void test_what_krun_lacks_is_not_granted(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip_because("needs root");
	in_a_process(apply_more_than_there_is);
}

/* Without CAP_SETPCAP nothing can be dropped: an error as long as there is something to drop. */
static int limit_without_the_right(void)
{
	const struct spec_capabilities none = { 0 };
	struct capability_sets now;
	struct error err;

	if (caps_limit_bounding(&none, &err) < 0 || prctl(PR_CAPBSET_READ, CAP_KILL, 0, 0, 0) != 0)
		return 1;
	if (sys_capset(&(struct capability_sets){ 0 }) < 0 || sys_capget(&now) < 0 || now.permitted)
		return 2;
	return caps_limit_bounding(&none, &err) < 0 ? 3 : 0;
}

static int limit_what_is_not_limited(void)
{
	const struct spec_capabilities none = { 0 };
	struct error err;

	if (sys_capset(&(struct capability_sets){ 0 }) < 0)
		return 1;
	return caps_limit_bounding(&none, &err) == -EPERM ? 0 : 2;
}

static void test_a_bounding_set_that_cannot_change(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip_because("needs root");
	in_a_process(limit_without_the_right);
	in_a_process(limit_what_is_not_limited);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_and_numbers),
		cmocka_unit_test(test_what_krun_lacks_is_not_granted),
		cmocka_unit_test(test_a_bounding_set_that_cannot_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
