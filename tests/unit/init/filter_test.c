/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/syscall.h>

#include "init/ctx.h"
#include "spec/spec.h"
#include "util/array.h"
#include "util/error.h"

enum { ALL = -1, FIRST_ARGUMENT = offsetof(struct seccomp_data, args[0]) };

/*
 * Makes a filter with @action for @call and @other, which allows the rest. @call ALL: @action for every
 * call.
 */
static void make(struct sock_filter filter[5], int call, int other, uint32_t action)
{
	const struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)other, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, call == ALL ? action : SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, action),
	};

	memcpy(filter, program, sizeof(program));
}

static void test_the_call_that_ends_krun_is_named(void **state)
{
	static const struct {
		enum init_program program;
		int call, other;
		uint32_t action;
		const char *error;
	} rows[] = {
		{ INIT_PROGRAM_NATIVE, SYS_execve, ALL, SECCOMP_RET_ERRNO | EPERM,
		  "/linux/seccomp: the filter forbids execve(2), by which krun executes the "
		  "program under it: allow that" },
		{ INIT_PROGRAM_NATIVE, SYS_execve, ALL, SECCOMP_RET_KILL_PROCESS, "forbids execve(2)" },
		{ INIT_PROGRAM_NATIVE, ALL, ALL, SECCOMP_RET_TRAP, "forbids execve(2)" },
		{ INIT_PROGRAM_NATIVE, SYS_execveat, ALL, SECCOMP_RET_ERRNO | EPERM, NULL },
		{ INIT_PROGRAM_NATIVE, SYS_capset, SYS_sendmsg, SECCOMP_RET_KILL_PROCESS, NULL },
		/* An agent or a tracer decides. */
		{ INIT_PROGRAM_NATIVE, SYS_execve, ALL, SECCOMP_RET_USER_NOTIF, NULL },
		{ INIT_PROGRAM_NATIVE, SYS_execve, ALL, SECCOMP_RET_TRACE, NULL },
		{ INIT_PROGRAM_NATIVE, SYS_execve, ALL, SECCOMP_RET_LOG, NULL },
		/* A sealed program can only be executed by its descriptor. */
		{ INIT_PROGRAM_FD, SYS_execveat, ALL, SECCOMP_RET_ERRNO | EPERM, "forbids execveat(2)" },
		{ INIT_PROGRAM_FD, SYS_execve, ALL, SECCOMP_RET_ERRNO | EPERM, NULL },
		/* km can be executed by descriptor or by name. */
		{ INIT_PROGRAM_KM, SYS_execve, ALL, SECCOMP_RET_ERRNO | EPERM, NULL },
		{ INIT_PROGRAM_KM, SYS_execveat, ALL, SECCOMP_RET_ERRNO | EPERM, NULL },
		{ INIT_PROGRAM_KM, SYS_execve, SYS_execveat, SECCOMP_RET_ERRNO | EPERM, "krun executes km" },
	};
	struct sock_filter filter[5];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct seccomp_program seccomp = { .instructions = filter, .len = ARRAY_LEN(filter) };
		const struct init_plan plan = { .program = rows[i].program, .seccomp = &seccomp };
		struct error err = { 0 };

		make(filter, rows[i].call, rows[i].other, rows[i].action);
		assert_int_equal(init_filter_check(&plan, &err), rows[i].error ? -EINVAL : 0);
		if (rows[i].error)
			assert_non_null(strstr(err.text, rows[i].error));
	}
	assert_int_equal(init_filter_check(&(struct init_plan){ 0 }, &(struct error){ 0 }), 0);
}

/* A call whose answer depends on its arguments is neither surely refused nor surely allowed. */
static void test_arguments(void **state)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, FIRST_ARGUMENT),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct seccomp_program seccomp = { .instructions = filter, .len = ARRAY_LEN(filter) };
	const struct init_plan plan = { .seccomp = &seccomp };

	(void)state;
	assert_int_equal(init_filter_check(&plan, &(struct error){ 0 }), 0);
	assert_false(init_filter_allows(plan.seccomp, SYS_execveat));
}

static void test_times_and_needs(void **state)
{
	struct sock_filter filter[5];
	const struct seccomp_program seccomp = { .instructions = filter, .len = ARRAY_LEN(filter) };
	struct spec_process process = { .no_new_privileges = true };
	struct init_plan plan = { .process = &process };

	(void)state;
	make(filter, ALL, ALL, SECCOMP_RET_ALLOW);
	assert_int_equal(init_filter_time(&plan), FILTER_NEVER);
	assert_true(init_filter_allows(plan.seccomp, SYS_sendmsg));
	plan.seccomp = &seccomp;
	assert_int_equal(init_filter_time(&plan), FILTER_LAST);
	assert_true(init_filter_allows(plan.seccomp, SYS_sendmsg));
	assert_int_equal(init_filter_needs(&plan), 0);
	process.no_new_privileges = false;
	if (!no_new_privs_is_set())
		assert_int_equal(init_filter_needs(&plan), 1 << 21);
}

/* A filter that is loaded before the wait has to allow what comes after it. */
static void test_which_filters_suit_the_wait(void **state)
{
	static const struct {
		int call;
		uint32_t action;
		bool suits;
	} rows[] = {
		{ SYS_mkdirat, SECCOMP_RET_KILL_PROCESS, true },
		{ SYS_recvmsg, SECCOMP_RET_LOG, false },
		{ SYS_recvmsg, SECCOMP_RET_ERRNO | EPERM, false },
		{ SYS_sendmsg, SECCOMP_RET_KILL_PROCESS, false },
		{ SYS_openat, SECCOMP_RET_TRACE, false },
		{ SYS_writev, SECCOMP_RET_TRAP, false },
		{ SYS_restart_syscall, SECCOMP_RET_USER_NOTIF, false },
	};
	static const struct {
		int call;
		bool suits;
	} asking[] = { { SYS_prlimit64, false }, { SYS_openat, false }, { SYS_socket, true } };
	struct sock_filter filter[5];
	const struct seccomp_program seccomp = { .instructions = filter, .len = ARRAY_LEN(filter) };
	struct spec spec = { 0 };
	struct init_plan plan = { .seccomp = &seccomp, .spec = &spec };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		make(filter, rows[i].call, ALL, rows[i].action);
		assert_int_equal(init_filter_suits_wait(&plan), rows[i].suits);
	}
	make(filter, SYS_mkdirat, ALL, SECCOMP_RET_KILL_PROCESS);
	/* One that asks for an argument of such a call may mind what krun does; of another it may ask. */
	for (size_t i = 0; i < ARRAY_LEN(asking); i++) {
		struct sock_filter steps[] = {
			BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
			BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)asking[i].call, 0, 3),
			BPF_STMT(BPF_LD | BPF_W | BPF_ABS, FIRST_ARGUMENT + 8),
			BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 7, 0, 1),
			BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
			BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		};
		const struct seccomp_program program = { .instructions = steps, .len = ARRAY_LEN(steps) };

		plan.seccomp = &program;
		assert_int_equal(init_filter_suits_wait(&plan), asking[i].suits);
	}
	plan.seccomp = &seccomp;
	plan.program = INIT_PROGRAM_KM;
	assert_false(init_filter_suits_wait(&plan));
	plan.program = INIT_PROGRAM_FD;
	assert_true(init_filter_suits_wait(&plan));
	spec.hooks[HOOK_START_CONTAINER].len = 1;
	assert_false(init_filter_suits_wait(&plan));
	plan.spec = NULL;
	assert_true(init_filter_suits_wait(&plan));
	plan.seccomp = NULL;
	assert_false(init_filter_suits_wait(&plan));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_call_that_ends_krun_is_named),
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_times_and_needs),
		cmocka_unit_test(test_which_filters_suit_the_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
