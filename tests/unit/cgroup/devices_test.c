/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgroup/devices.h"
#include "spec/spec.h"
#include "syscall/process.h"
#include "util/array.h"
#include "util/error.h"

enum { R = BPF_DEVCG_ACC_READ, W = BPF_DEVCG_ACC_WRITE, M = BPF_DEVCG_ACC_MKNOD };

/*
 * Interprets the few instructions that programs use, as the kernel would. An empty program allows everything.
 */
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
		case BPF_ALU | BPF_K | BPF_XOR:
			reg[i->dst_reg] ^= operand;
			break;
		case BPF_ALU | BPF_X | BPF_OR:
			reg[i->dst_reg] |= operand;
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

/*
 * Rules that engines send: docker 20.10 with --device /dev/kmsg:/dev/x:r --device-cgroup-rule 'c 42:* rmw',
 * and podman 4.3.
 */
static void test_rules_of_engines(void **state)
{
	static const char docker[] =
		"{\"devices\":[{\"allow\":false,\"access\":\"rwm\"},"
		"{\"allow\":true,\"type\":\"c\",\"major\":1,\"minor\":5,\"access\":\"rwm\"},"
		"{\"allow\":true,\"type\":\"c\",\"major\":1,\"minor\":3,\"access\":\"rwm\"},"
		"{\"allow\":true,\"type\":\"c\",\"major\":1,\"minor\":9,\"access\":\"rwm\"},"
		"{\"allow\":true,\"type\":\"c\",\"major\":1,\"minor\":8,\"access\":\"rwm\"},"
		"{\"allow\":true,\"type\":\"c\",\"major\":5,\"minor\":0,\"access\":\"rwm\"},"
		"{\"allow\":true,\"type\":\"c\",\"major\":5,\"minor\":1,\"access\":\"rwm\"},"
		"{\"allow\":false,\"type\":\"c\",\"major\":10,\"minor\":229,\"access\":\"rwm\"},"
		"{\"allow\":true,\"type\":\"c\",\"major\":1,\"minor\":11,\"access\":\"r\"},"
		"{\"allow\":true,\"type\":\"c\",\"major\":42,\"minor\":-1,\"access\":\"rmw\"}]}";
	static const char podman[] = "{\"devices\":[{\"allow\":false,\"access\":\"rwm\"}]}";
	static const char privileged[] = "{\"devices\":[{\"allow\":true,\"access\":\"rwm\"}]}";
	static const struct {
		const char *block;
		char type;
		unsigned int access, major, minor;
		int expect;
	} rows[] = {
		{ docker, 'c', R | W, 1, 3, 1 },     { docker, 'c', R, 1, 11, 1 },
		{ docker, 'c', W, 1, 11, 0 },	     { docker, 'c', R | W, 1, 11, 0 },
		{ docker, 'c', R | W, 42, 7, 1 },    { docker, 'b', R, 42, 7, 0 },
		{ docker, 'c', R, 10, 229, 0 },	     { docker, 'c', M, 10, 229, 1 },
		{ docker, 'b', R, 8, 0, 0 },	     { podman, 'c', R | W, 5, 2, 1 },
		{ podman, 'c', R | W, 136, 0, 1 },   { podman, 'c', R, 1, 11, 0 },
		{ privileged, 'b', R | W, 8, 0, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct device_program program;
		struct error err = { 0 };
		struct spec *spec;

		assert_int_equal(spec_parse_resources(rows[i].block, strlen(rows[i].block), "r", &spec, &err),
				 0);
		make(spec->resources.devices, spec->resources.devices_len, &program);
		if (run(&program, rows[i].type, rows[i].access, rows[i].major, rows[i].minor) !=
		    rows[i].expect)
			fail_msg("row %zu", i);
		device_program_done(&program);
		spec_free(spec);
	}
}

/* ---- random lists against the rule of config-linux.md -------------------------------------------------- */

enum { RULES_MAX = 12, LISTS = 300 };

static const long numbers[] = { 1, 3, 5, 8, 10, 136, 232, UINT32_MAX, -1 };

static unsigned int pick(unsigned int below)
{
	return (unsigned int)rand() % below;
}

static size_t make_random_rules(struct spec_device_rule *rules)
{
	const size_t len = 1 + pick(RULES_MAX);

	for (size_t i = 0; i < len; i++)
		rules[i] = rule(pick(2), "abc"[pick(3)], numbers[pick(ARRAY_LEN(numbers))],
				numbers[pick(ARRAY_LEN(numbers))], pick(8));
	return len;
}

static bool has_bit(const struct spec_device_rule *rule, unsigned int bit)
{
	return bit == R ? rule->read : bit == W ? rule->write : rule->mknod;
}

/* Devices that every container has, with the numbers of config-linux.md "Default Devices". */
static bool is_given(char type, unsigned int bit, unsigned int major, unsigned int minor)
{
	static const unsigned int given[][2] = { { 1, 3 }, { 1, 5 }, { 1, 7 }, { 1, 8 },
						 { 1, 9 }, { 5, 0 }, { 5, 1 }, { 5, 2 } };

	if (bit == M)
		return true;
	if (type == 'c' && major == 136)
		return true;
	for (size_t i = 0; type == 'c' && i < ARRAY_LEN(given); i++)
		if (given[i][0] == major && given[i][1] == minor)
			return true;
	return false;
}

/* Each kind of access must be allowed by the last rule about it. */
static int expect(const struct spec_device_rule *rules, size_t len, char type, unsigned int access,
		  unsigned int major, unsigned int minor)
{
	for (unsigned int bit = 1; bit <= 4; bit <<= 1) {
		bool allowed = false;

		if (!(access & bit))
			continue;
		for (size_t i = 0; i < len; i++)
			if ((rules[i].type == 'a' || rules[i].type == type) && has_bit(&rules[i], bit) &&
			    (!rules[i].major.set || rules[i].major.value == (int64_t)major) &&
			    (!rules[i].minor.set || rules[i].minor.value == (int64_t)minor))
				allowed = rules[i].allow;
		if (!allowed && !is_given(type, bit, major, minor))
			return 0;
	}
	return 1;
}

static void check_list(const struct spec_device_rule *rules, size_t len, unsigned int list)
{
	struct device_program program;

	make(rules, len, &program);
	for (unsigned int access = 1; access < 8; access++)
		for (size_t major = 0; major < ARRAY_LEN(numbers); major++)
			for (size_t minor = 0; minor < ARRAY_LEN(numbers); minor++)
				for (const char *type = "bc"; *type; type++) {
					/* No rule has the number 7. */
					const unsigned int a =
						numbers[major] < 0 ? 7 : (unsigned int)numbers[major];
					const unsigned int b =
						numbers[minor] < 0 ? 7 : (unsigned int)numbers[minor];

					if (run(&program, *type, access, a, b) !=
					    expect(rules, len, *type, access, a, b))
						fail_msg("list %u: %c %u:%u access %u", list, *type, a, b,
							 access);
				}
	device_program_done(&program);
}

static void test_random_lists_mean_what_the_specification_says(void **state)
{
	struct spec_device_rule rules[RULES_MAX];

	(void)state;
	srand(1);
	for (unsigned int list = 0; list < LISTS; list++)
		check_list(rules, make_random_rules(rules), list);
}

/* Needs the privilege to load BPF programs. */
static void test_the_kernel_takes_random_lists(void **state)
{
	static struct spec_device_rule many[4000];
	struct spec_device_rule rules[RULES_MAX];

	(void)state;
	srand(2);
	for (unsigned int list = 0; list < 20; list++) {
		const bool last = list == 19;
		struct device_program program;
		union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_CGROUP_DEVICE };
		int fd;

		for (size_t i = 0; last && i < ARRAY_LEN(many); i++)
			many[i] = rule(i % 2, 'c', (long)i, 7, 1 + i % 7);
		if (last)
			make(many, ARRAY_LEN(many), &program);
		else
			make(rules, make_random_rules(rules), &program);
		if (program.len == 0)
			continue;
		attr.insns = (uint64_t)(uintptr_t)program.instructions;
		attr.insn_cnt = (uint32_t)program.len;
		attr.license = (uint64_t)(uintptr_t) "Apache-2.0";
		fd = sys_bpf(BPF_PROG_LOAD, &attr, sizeof(attr));
		device_program_done(&program);
		if (fd == -EPERM || fd == -ENOSYS)
			skip_because("bpf(2) loads nothing here");
		if (fd < 0)
			fail_msg("list %u: %s", list, strerror(-fd));
		close(fd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_rules_and_allow_all_need_no_program),
		cmocka_unit_test(test_denied_but_for_what_every_container_has),
		cmocka_unit_test(test_partial_access_adds_up),
		cmocka_unit_test(test_the_last_rule_that_matches_decides),
		cmocka_unit_test(test_devices_of_km_come_behind_all_rules),
		cmocka_unit_test(test_rules_of_engines),
		cmocka_unit_test(test_random_lists_mean_what_the_specification_says),
		cmocka_unit_test(test_the_kernel_takes_random_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
