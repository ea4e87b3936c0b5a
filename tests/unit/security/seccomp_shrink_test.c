/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bpf.h"
#include "security/seccomp_shrink.h"
#include "security/security.h"
#include "util/array.h"

enum { ALLOW = SECCOMP_RET_ALLOW, REFUSE = SECCOMP_RET_ERRNO | 1, UNKNOWN_ARCH = 0x12345678 };

static struct seccomp_program copy_of(const void *instructions, size_t len)
{
	struct seccomp_program program = { .len = (unsigned short)len };

	program.instructions = malloc(len * sizeof(struct sock_filter));
	assert_non_null(program.instructions);
	memcpy(program.instructions, instructions, len * sizeof(struct sock_filter));
	return program;
}

static void compare_one(const struct seccomp_program *a, const struct seccomp_program *b, uint32_t arch,
			uint32_t number, uint64_t arg)
{
	const struct seccomp_data data = { .nr = (int)number,
					   .arch = arch,
					   .args = { arg, arg, 7, arg, arg, arg } };
	const uint32_t answer = bpf_run(a->instructions, a->len, &data);

	if (bpf_run(b->instructions, b->len, &data) != answer)
		fail_msg("arch %#x, number %u, argument %llx: not %#x any more", arch, number,
			 (unsigned long long)arg, answer);
}

/* The answers of both programs to a number, with arguments that libseccomp's conditions tell apart. */
static void compare(const struct seccomp_program *a, const struct seccomp_program *b, uint32_t arch,
		    uint32_t number)
{
	static const uint64_t arguments[] = {
		0, 1, 2, 7, 1ULL << 32, 7 | 1ULL << 32, UINT32_MAX, UINT64_MAX
	};

	for (size_t i = 0; i < ARRAY_LEN(arguments); i++)
		compare_one(a, b, arch, number, arguments[i]);
}

static void compare_all(const struct seccomp_program *a, const struct seccomp_program *b)
{
	static const uint32_t arches[] = { SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_AARCH64, SCMP_ARCH_ARM,
					   UNKNOWN_ARCH };
	static const uint32_t begins[] = { 0, 0x3ffffff0, 0x40000000, UINT32_MAX - 1200 };

	for (size_t i = 0; i < ARRAY_LEN(arches); i++)
		for (size_t j = 0; j < ARRAY_LEN(begins); j++)
			for (uint32_t number = 0; number < 1200; number++)
				compare(a, b, arches[i], begins[j] + number);
}

/* Returns how many instructions a copy has left, after its answers were compared. */
static size_t shrunk(const struct seccomp_program *program)
{
	struct seccomp_program copy = copy_of(program->instructions, program->len);
	size_t len;

	seccomp_shrink(&copy);
	len = copy.len;
	compare_all(program, &copy);
	free(copy.instructions);
	return len;
}

static struct seccomp_program export_program(scmp_filter_ctx ctx)
{
	const int fd = memfd_create("filter", MFD_CLOEXEC);
	struct seccomp_program program;
	struct sock_filter *all;
	off_t size;

	assert_int_equal(seccomp_export_bpf(ctx, fd), 0);
	size = lseek(fd, 0, SEEK_END);
	all = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);
	assert_true(all != MAP_FAILED);
	program = copy_of(all, (size_t)size / sizeof(*all));
	munmap(all, (size_t)size);
	close(fd);
	return program;
}

/*
 * As engines' profiles: most calls of three architectures are allowed, some only with some arguments.
 * @optimize: 1 a list, 2 a binary tree.
 */
static struct seccomp_program make_profile(uint32_t action, uint32_t others, uint32_t optimize)
{
	scmp_filter_ctx ctx = seccomp_init(others);
	struct seccomp_program program;

	assert_non_null(ctx);
	assert_int_equal(seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, optimize), 0);
	seccomp_arch_add(ctx, SCMP_ARCH_X86_64);
	seccomp_arch_add(ctx, SCMP_ARCH_X86);
	seccomp_arch_add(ctx, SCMP_ARCH_AARCH64);
	for (int number = 0; number < 400; number++) {
		if (number % 9 == 3 || number / 20 == 5)
			continue;
		if (number % 37 == 1)
			seccomp_rule_add(ctx, action, number, 2, SCMP_A0(SCMP_CMP_LE, 7),
					 SCMP_A1(SCMP_CMP_NE, 1ULL << 32));
		else if (number % 37 == 2)
			seccomp_rule_add(ctx, action, number, 1, SCMP_A2(SCMP_CMP_MASKED_EQ, 0xff, 7));
		else
			seccomp_rule_add(ctx, action, number, 0);
	}
	program = export_program(ctx);
	seccomp_release(ctx);
	return program;
}

static void test_profiles(void **state)
{
	static const struct {
		uint32_t action, others, optimize;
	} rows[] = {
		{ SCMP_ACT_ALLOW, SCMP_ACT_ERRNO(1), 1 },
		{ SCMP_ACT_ALLOW, SCMP_ACT_ERRNO(1), 2 },
		{ SCMP_ACT_ERRNO(5), SCMP_ACT_ALLOW, 2 },
		{ SCMP_ACT_TRACE(3), SCMP_ACT_TRAP, 2 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct seccomp_program program =
			make_profile(rows[i].action, rows[i].others, rows[i].optimize);
		const size_t len = shrunk(&program);

		/* How much is left depends on the machine, whose numbers the rules are for. */
		if (len > program.len * 3U / 4)
			fail_msg("row %zu: %zu of %u instructions are left", i, len, program.len);
		free(program.instructions);
	}
}

/* Adds "number: answer" to a list, as two instructions; all numbers behind the list are refused. */
static size_t add_number(struct sock_filter *out, uint32_t number, uint32_t answer)
{
	out[0] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1);
	out[1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, answer);
	return 2;
}

/* More ranges than a jump reaches over, with answers that are far away. */
static void test_long_jumps(void **state)
{
	static struct sock_filter all[BPF_MAXINSNS];
	struct seccomp_program program;
	size_t len = 0;

	(void)state;
	all[len++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0);
	for (uint32_t number = 0; number < 1100; number++)
		len += add_number(all + len, number,
				  number / 2 % 3 == 0 ? ALLOW : SECCOMP_RET_ERRNO | (number / 2 % 3));
	all[len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, REFUSE);
	program = copy_of(all, len);
	assert_true(shrunk(&program) < len * 2 / 3);
	free(program.instructions);
}

/* A list of single numbers is as short as it can be. */
static void test_what_would_not_be_shorter(void **state)
{
	static struct sock_filter all[100];
	struct seccomp_program program;

	(void)state;
	all[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0);
	for (uint32_t i = 1; i < 98; i++)
		all[i] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 2 * i, (uint8_t)(98 - i), 0);
	all[98] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, REFUSE);
	all[99] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, ALLOW);
	program = copy_of(all, ARRAY_LEN(all));
	assert_int_equal(shrunk(&program), ARRAY_LEN(all));
	free(program.instructions);
}

/* Also the argument of one and the answer of another architecture are found. */
static void test_small_programs(void **state)
{
	static const struct {
		const char *what;
		size_t left;
		struct sock_filter all[12];
		size_t len;
	} rows[] = {
		{ "one answer", 1, { BPF_STMT(BPF_RET | BPF_K, ALLOW) }, 1 },
		{ "one answer to everything",
		  2,
		  { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 5, 0, 1),
		    BPF_STMT(BPF_RET | BPF_K, ALLOW), BPF_STMT(BPF_RET | BPF_K, ALLOW) },
		  4 },
		{ "the last number",
		  4,
		  { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, UINT32_MAX, 0, 1), BPF_STMT(BPF_RET | BPF_K, ALLOW),
		    BPF_STMT(BPF_RET | BPF_K, REFUSE) },
		  4 },
		{ "a set of bits of the number",
		  5,
		  { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 1, 0, 1),
		    BPF_STMT(BPF_RET | BPF_K, ALLOW), BPF_STMT(BPF_RET | BPF_K, ALLOW),
		    BPF_STMT(BPF_RET | BPF_K, ALLOW) },
		  5 },
		{ "an order of architectures",
		  4,
		  { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 4), BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 9, 0, 1),
		    BPF_STMT(BPF_RET | BPF_K, ALLOW), BPF_STMT(BPF_RET | BPF_K, ALLOW) },
		  4 },
		{ "memory",
		  4,
		  { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), BPF_STMT(BPF_ST, 3),
		    BPF_STMT(BPF_RET | BPF_K, ALLOW), BPF_STMT(BPF_RET | BPF_K, ALLOW) },
		  4 },
		{ "a comparison of nothing",
		  3,
		  { BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 0), BPF_STMT(BPF_RET | BPF_K, ALLOW),
		    BPF_STMT(BPF_RET | BPF_K, ALLOW) },
		  3 },
		{ "no end",
		  2,
		  { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 16) },
		  2 },
		{ "a jump behind the end",
		  3,
		  { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1, 9, 0),
		    BPF_STMT(BPF_RET | BPF_K, ALLOW) },
		  3 },
		{ "no instruction", 0, { { 0 } }, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct seccomp_program program = copy_of(rows[i].all, rows[i].len);

		seccomp_shrink(&program);
		if (program.len != rows[i].left)
			fail_msg("%s: %u instructions are left", rows[i].what, program.len);
		free(program.instructions);
	}
}

/* Two architectures with other answers, and one that is not known. Arguments are looked at as before. */
static void test_architectures(void **state)
{
	static const struct sock_filter all[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SCMP_ARCH_X86_64, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SCMP_ARCH_X86, 8, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 4, 4, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 5, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 6, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 7, 7, 0),
		BPF_STMT(BPF_RET | BPF_K, REFUSE),
		BPF_STMT(BPF_JMP | BPF_JA, 7),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 9, 0, 2),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 9, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 3),
		/* Two arguments have the same rest. */
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 24),
		BPF_STMT(BPF_JMP | BPF_JA, 1),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 16),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 6),
		BPF_STMT(BPF_ST, 2),
		BPF_STMT(BPF_LD | BPF_MEM, 2),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 4),
	};
	const struct seccomp_program program = { .instructions = (void *)(uintptr_t)all,
						 .len = ARRAY_LEN(all) };
	const struct seccomp_data call = { .nr = 6, .arch = SCMP_ARCH_X86_64, .args = { 2 } };

	(void)state;
	/* The program is what it looks like. */
	assert_int_equal(bpf_run(all, ARRAY_LEN(all), &call), ALLOW);
	assert_true(shrunk(&program) < ARRAY_LEN(all));
}

/* ---- any programs -------------------------------------------------------------------------------------- */

enum { PROGRAMS = 150, ARCHES = 18, ANSWERS = 6, TESTS_MAX = 220, LOOKS = 400 };

/* xorshift: the same numbers in every run. */
static uint32_t any(uint32_t below)
{
	static uint32_t x = 2463534242;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x % below;
}

/* Close to each other, and at both ends. */
static uint32_t any_number(void)
{
	return any(20) == 0 ? UINT32_MAX - any(3) : any(5) == 0 ? 0x40000000 + any(300) : any(900);
}

/* 1, 3, 5, ...: what a program does not know is not only what is larger. */
static uint32_t arch_of(size_t i)
{
	return (uint32_t)(2 * i + 1);
}

/*
 * Compares the number with many constants for each of some architectures. What follows then is at the end of
 * the program: answers, and conditions of an argument with two of them.
 */
static size_t make_any(struct sock_filter *out)
{
	static const uint16_t codes[] = { BPF_JEQ, BPF_JEQ, BPF_JGE, BPF_JGT };
	const size_t arches = any(ARCHES), tests = 1 + any((uint32_t)(3300 / (arches + 1) / 2 < TESTS_MAX ?
									      3300 / (arches + 1) / 2 :
									      TESTS_MAX));
	const size_t block = 2 + 2 * tests, tail = 1 + 2 * arches + (arches + 1) * block;
	size_t len = 0;

	out[len++] =
		(struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
	for (size_t i = 0; i < arches; i++) {
		out[len++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, arch_of(i), 0, 1);
		out[len] = (struct sock_filter)BPF_STMT(
			BPF_JMP | BPF_JA, (uint32_t)(1 + 2 * arches + (i + 1) * block - len - 1));
		len++;
	}
	for (size_t i = 0; i <= arches; i++) {
		out[len++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
							  offsetof(struct seccomp_data, nr));
		for (size_t j = 0; j <= tests; j++) {
			if (j < tests)
				out[len++] = (struct sock_filter)BPF_JUMP(
					(uint16_t)(BPF_JMP | codes[any(4)] | BPF_K), any_number(), 0, 1);
			out[len] = (struct sock_filter)BPF_STMT(
				BPF_JMP | BPF_JA,
				(uint32_t)(tail + 4 * any(ANSWERS) + (any(4) == 0 ? 0 : 2) - len - 1));
			len++;
		}
	}
	for (uint32_t i = 0; i < ANSWERS; i++) {
		out[len++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
							  offsetof(struct seccomp_data, args) + 8 * i);
		out[len++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, i, 1, 0);
		out[len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (i / 2));
		out[len++] =
			(struct sock_filter)BPF_STMT(BPF_RET | BPF_K, i % 2 ? ALLOW : SECCOMP_RET_TRACE | i);
	}
	return len;
}

/*
 * Numbers with one of some answers, or with a condition that is far away: jumps of every length stand beside
 * one that needs another jump, which makes them longer.
 */
static void test_jumps_beside_a_long_one(void **state)
{
	enum { NUMBERS = 500, CONDITION = 1 + 2 * NUMBERS, ROUNDS = 400 };
	static struct sock_filter all[BPF_MAXINSNS];

	(void)state;
	for (uint32_t round = 0; round < ROUNDS; round++) {
		struct seccomp_program program, copy;
		size_t len = 0;

		all[len++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0);
		for (uint32_t number = 0; number < NUMBERS; number++) {
			len += add_number(all + len, number, SECCOMP_RET_ERRNO | any(1 + round % 20));
			if (any(2) == 0)
				all[len - 1] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA,
									    (uint32_t)(CONDITION - len));
		}
		all[len++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 16);
		len += add_number(all + len, 2, ALLOW);
		all[len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, REFUSE);
		program = copy_of(all, len);
		copy = copy_of(all, len);
		seccomp_shrink(&copy);
		assert_true(copy.len < program.len);
		for (uint32_t number = 0; number <= NUMBERS; number++)
			compare_one(&program, &copy, SCMP_ARCH_X86_64, number, 2);
		free(program.instructions);
		free(copy.instructions);
	}
}

static void test_any_programs(void **state)
{
	static struct sock_filter all[BPF_MAXINSNS];
	size_t shorter = 0;

	(void)state;
	for (size_t i = 0; i < PROGRAMS; i++) {
		const struct seccomp_program program = { .instructions = all,
							 .len = (unsigned short)make_any(all) };
		struct seccomp_program copy = copy_of(all, program.len);

		assert_true(program.len <= BPF_MAXINSNS);
		seccomp_shrink(&copy);
		shorter += copy.len < program.len;
		for (size_t j = 0; j < LOOKS; j++)
			compare(&program, &copy, arch_of(any(ARCHES)) - any(2),
				all[any(program.len)].k - any(2));
		free(copy.instructions);
	}
	/* The others have too many architectures. */
	assert_true(shorter > PROGRAMS * 3 / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_profiles),
		cmocka_unit_test(test_long_jumps),
		cmocka_unit_test(test_jumps_beside_a_long_one),
		cmocka_unit_test(test_what_would_not_be_shorter),
		cmocka_unit_test(test_small_programs),
		cmocka_unit_test(test_architectures),
		cmocka_unit_test(test_any_programs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
