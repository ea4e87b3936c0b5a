/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <linux/bpf.h>
#include <string.h>

#include "cgroup/devices.h"
#include "spec/spec.h"
#include "util/array.h"
#include "util/error.h"

enum { R = BPF_DEVCG_ACC_READ, W = BPF_DEVCG_ACC_WRITE, M = BPF_DEVCG_ACC_MKNOD };

/* What the kernel would answer: runs the few instructions that programs are made of. An empty program allows. */
static int run(const struct device_program *program, char type, unsigned int access, unsigned int major,
	       unsigned int minor)
{
	const uint32_t context[3] = { (type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR) | access << 16,
				      major, minor };
	uint32_t reg[11] = { 0 };

	if (program->len == 0)
		return 1;
	for (size_t at = 0; at < program->len; at++) {
		const struct bpf_insn *i = &program->instructions[at];
		const uint32_t operand = BPF_SRC(i->code) == BPF_X ? reg[i->src_reg] : (uint32_t)i->imm;

		switch (i->code) {
		case BPF_LDX | BPF_W | BPF_MEM:
			reg[i->dst_reg] = context[i->off / 4];
			break;
		case BPF_ALU | BPF_K | BPF_MOV:
		case BPF_ALU | BPF_X | BPF_MOV:
			reg[i->dst_reg] = operand;
			break;
		case BPF_ALU | BPF_K | BPF_AND:
			reg[i->dst_reg] &= operand;
			break;
		case BPF_ALU | BPF_K | BPF_RSH:
			reg[i->dst_reg] >>= operand;
			break;
		case BPF_JMP32 | BPF_K | BPF_JNE:
			at += reg[i->dst_reg] != operand ? (size_t)i->off : 0;
			break;
		case BPF_JMP32 | BPF_K | BPF_JEQ:
			at += reg[i->dst_reg] == operand ? (size_t)i->off : 0;
			break;
		case BPF_JMP | BPF_EXIT:
			return (int)reg[0];
		default:
			fail_msg("instruction %zu: unknown code %x", at, i->code);
		}
	}
	fail_msg("the program has no end");
	return -1;
}

static const struct spec_device_rule deny_all = { false, 'a', { 0 }, { 0 }, true, true, true };

static struct spec_device_rule rule(bool allow, char type, long major, long minor, unsigned int access)
{
	return (struct spec_device_rule){
		allow, type, { major >= 0, major }, { minor >= 0, minor }, access & R, access & W, access & M,
	};
}

static void make(const struct spec_device_rule *rules, size_t len, struct device_program *ret)
{
	struct error err = { 0 };

	assert_int_equal(device_program_make(rules, len, NULL, 0, ret, &err), 0);
}

static void test_no_rules_and_allow_all_need_no_program(void **state)
{
	const struct spec_device_rule all = rule(true, 'a', -1, -1, R | W | M);
	struct device_program program;

	(void)state;
	make(NULL, 0, &program);
	assert_int_equal(program.len, 0);
	make((struct spec_device_rule[]){ deny_all, all }, 2, &program);
	assert_int_equal(program.len, 0);
}

static void test_denied_but_for_what_every_container_has(void **state)
{
	struct device_program program;

	(void)state;
	make(&deny_all, 1, &program);
	assert_int_equal(run(&program, 'c', R | W, 1, 3), 1);
	assert_int_equal(run(&program, 'c', R | W, 136, 77), 1);
	assert_int_equal(run(&program, 'c', R, 1, 1), 0);
	assert_int_equal(run(&program, 'b', R, 1, 3), 0);
	assert_int_equal(run(&program, 'c', M, 200, 5), 1);
	assert_int_equal(run(&program, 'b', M, 8, 0), 1);
	assert_int_equal(run(&program, 'b', M | R, 8, 0), 0);
	device_program_done(&program);
}

static void test_partial_access_adds_up(void **state)
{
	const struct spec_device_rule rules[] = { deny_all, rule(true, 'c', 10, 200, R),
						  rule(true, 'c', 10, 200, W) };
	struct device_program program;

	(void)state;
	make(rules, ARRAY_LEN(rules), &program);
	assert_int_equal(run(&program, 'c', R, 10, 200), 1);
	assert_int_equal(run(&program, 'c', W, 10, 200), 1);
	assert_int_equal(run(&program, 'c', R | W, 10, 200), 1);
	assert_int_equal(run(&program, 'c', R, 10, 201), 0);
	device_program_done(&program);
}

static void test_the_last_rule_that_matches_decides(void **state)
{
	const struct spec_device_rule rules[] = {
		rule(true, 'a', -1, -1, R | W | M),
		rule(false, 'b', 8, -1, W),
		rule(true, 'b', 8, 1, W),
		rule(false, 'b', 8, 1, R),
	};
	struct device_program program;

	(void)state;
	make(rules, ARRAY_LEN(rules), &program);
	assert_int_equal(run(&program, 'b', R, 8, 0), 1);
	assert_int_equal(run(&program, 'b', W, 8, 0), 0);
	assert_int_equal(run(&program, 'b', R | W, 8, 0), 0);
	assert_int_equal(run(&program, 'b', W, 8, 1), 1);
	assert_int_equal(run(&program, 'b', R, 8, 1), 0);
	assert_int_equal(run(&program, 'c', R | W | M, 99, 99), 1);
	device_program_done(&program);
}

static void test_devices_of_km_come_behind_all_rules(void **state)
{
	const struct spec_device_rule rules[] = { deny_all, rule(false, 'c', 10, 232, R | W | M) };
	const struct spec_device_rule km = rule(true, 'c', 10, 232, R | W | M);
	struct device_program program;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(device_program_make(rules, ARRAY_LEN(rules), &km, 1, &program, &err), 0);
	assert_int_equal(run(&program, 'c', R | W, 10, 232), 1);
	device_program_done(&program);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_rules_and_allow_all_need_no_program),
		cmocka_unit_test(test_denied_but_for_what_every_container_has),
		cmocka_unit_test(test_partial_access_adds_up),
		cmocka_unit_test(test_the_last_rule_that_matches_decides),
		cmocka_unit_test(test_devices_of_km_come_behind_all_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
