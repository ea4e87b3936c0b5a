/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "monitor/monitor.h"
#include "util/array.h"

static void test_which_tasks_are_frozen(void **state)
{
	static const struct {
		const char *stat, *wchan;
		bool expect;
	} rows[] = {
		/* A frozen km, its vcpu, and the kernel thread of its VM, as Linux 6.1 shows them. */
		{ "1239 (km) S 1238 1238 1238 0 -1 4194304 0 0", "get_signal", true },
		{ "1241 (vcpu-0) S 1238 1238 1238 0 -1 4194368 0 0", "get_signal", true },
		{ "1240 (kvm-nx-lpage-recovery-1239) S 2 0 0 0 -1 2129984 0 0",
		  "kvm_nx_lpage_recovery_worker", true },
		{ "7 (km) S 1 1 1 0 -1 4194304 0 0", "do_freezer_trap", true },
		{ "1239 (km) S 1238 1238 1238 0 -1 4194304 0 0", "eventfd_read", false },
		{ "1238 (krun-init) S 1237 1238 1238 0 -1 4194560 0 0", "do_sigtimedwait", false },
		{ "7 (km) R 1 1 1 0 -1 4194304 0 0", "0", false },
		{ "7 (km) R 1 1 1 0 -1 4194304 0 0", "get_signal", false },
		{ "7 (km) D 1 1 1 0 -1 4194304 0 0", "get_signal", false },
		{ "7 (a) S 2 (b) T 1 1 1 0 -1 4194304 0 0", "0", true },
		{ "7 (km) Z 1 1 1 0 -1 4194304 0 0", "", true },
		{ "7 (km) S 1 1 1 0 -1 4194304 0 0", "", false },
		{ "", "get_signal", false },
		{ "7 (km) S", "get_signal", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (km_task_is_frozen(rows[i].stat, rows[i].wchan) != rows[i].expect)
			fail_msg("'%s' in '%s'", rows[i].stat, rows[i].wchan);
}

static void test_real_processes(void **state)
{
	pid_t pids[2] = { getpid(), fork() };
	struct rlimit limit, none = { 0 };
	bool frozen;
	int status;

	(void)state;
	assert_true(pids[1] >= 0);
	if (pids[1] == 0)
		for (;;)
			pause();
	assert_false(km_is_frozen(pids, 2));
	assert_false(km_is_frozen(pids + 1, 1));
	assert_int_equal(kill(pids[1], SIGSTOP), 0);
	assert_int_equal(waitpid(pids[1], &status, WUNTRACED), pids[1]);
	assert_true(km_is_frozen(pids + 1, 1));
	assert_int_equal(kill(pids[1], SIGKILL), 0);
	assert_int_equal(waitpid(pids[1], &status, 0), pids[1]);
	/* A process that is gone, and an empty list. */
	assert_true(km_is_frozen(pids + 1, 1));
	assert_true(km_is_frozen(pids, 0));
	/* Without descriptors nobody can tell, which does not mean that the process is gone. */
	pids[0] = getpid();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none.rlim_max = limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	frozen = km_is_frozen(pids, 1);
	setrlimit(RLIMIT_NOFILE, &limit);
	assert_false(frozen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_which_tasks_are_frozen),
		cmocka_unit_test(test_real_processes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
