/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "security/security.h"
#include "spec/spec.h"
#include "util/array.h"
#include "util/error.h"

/* The lowest value of each limit that could affect krun's own steps, and one other limit. */
static const struct spec_rlimit limits[] = {
	{ RLIMIT_AS, "RLIMIT_AS", 0, 4096 },	      { RLIMIT_DATA, "RLIMIT_DATA", 0, 4096 },
	{ RLIMIT_FSIZE, "RLIMIT_FSIZE", 0, 1 },	      { RLIMIT_NOFILE, "RLIMIT_NOFILE", 0, 4 },
	{ RLIMIT_STACK, "RLIMIT_STACK", 4096, 4096 }, { RLIMIT_CORE, "RLIMIT_CORE", 0, 0 },
};

static bool is_set(const struct spec_rlimit *wanted)
{
	struct rlimit now;

	return getrlimit(wanted->resource, &now) == 0 && now.rlim_cur == wanted->soft &&
	       now.rlim_max == wanted->hard;
}

/* Returns the exit status of a process that gets these limits: 0, or the line that failed. */
static int run(void)
{
	struct error err = { 0 };
	struct rlimit before, now;

	if (getrlimit(RLIMIT_NOFILE, &before) < 0)
		return __LINE__;
	if (rlimits_prepare(0, limits, ARRAY_LEN(limits), &err) < 0)
		return __LINE__;
	if (getrlimit(RLIMIT_NOFILE, &now) < 0 || memcmp(&now, &before, sizeof(now)) != 0)
		return __LINE__;
	for (size_t i = 0; i < ARRAY_LEN(limits); i++)
		if (is_set(&limits[i]) != (limits[i].resource == RLIMIT_CORE))
			return __LINE__;
	if (rlimits_finish(limits, ARRAY_LEN(limits), &err) < 0)
		return __LINE__;
	for (size_t i = 0; i < ARRAY_LEN(limits); i++)
		if (!is_set(&limits[i]))
			return __LINE__;
	return 0;
}

static void test_krun_is_not_held_back(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	skip_if_emulated("setrlimit(2) of memory");
	pid = fork();
	if (pid == 0)
		_exit(run());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* The first step does, or fails at, what needs privileges, and does not lower limits. */
static void test_hard_limits(void **state)
{
	struct spec_rlimit wanted = { RLIMIT_NOFILE, "RLIMIT_NOFILE", 1, 0 };
	struct rlimit before, now;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	wanted.hard = UINT64_MAX;
	/* No process may have more than fs.nr_open. */
	assert_true(rlimits_prepare(0, &wanted, 1, &err) < 0);
	assert_non_null(strstr(err.text, "set RLIMIT_NOFILE to 1:"));
	wanted.hard = before.rlim_max - 1;
	assert_int_equal(rlimits_prepare(0, &wanted, 1, &err), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &now), 0);
	assert_memory_equal(&now, &before, sizeof(now));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_krun_is_not_held_back),
		cmocka_unit_test(test_hard_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
